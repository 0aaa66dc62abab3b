#include "cli/model_flags.h"

#include <filesystem>

#include "base/parallel.h"
#include "cli/choices.h"
#include "model/safetensors.h"

namespace anemone::cli {
namespace {

constexpr const char* kTokenizerKey = "tokenizer";

// Empty where the file names none.
Result<std::string> tokenizer_of(const std::string& model) {
  MappedFile file = TRY(MappedFile::open(model));
  if (!model::SafetensorsFile::recognises(file.bytes())) return std::string();
  const auto weights = TRY(model::SafetensorsFile::parse(std::move(file)));
  const auto named = weights.metadata().find(kTokenizerKey);
  if (named == weights.metadata().end()) return std::string();
  return (std::filesystem::path(model).parent_path() / named->second).string();
}

}  // namespace

void add_model_flags(CLI::App& command, ModelFlags& flags) {
  command.add_option("--model", flags.model, "A checkpoint or weights: .safetensors, or a llama2.c .bin")->required();
  command.add_option("--tokenizer", flags.tokenizer,
                     "A SentencePiece .model or a llama2.c tokenizer.bin [the one that the model names]");
  add_device_flags(command, flags.on);
  command.add_option("--threads", flags.threads, "Threads of the host [all]")->check(CLI::Range(1, 1024));
}

Result<ChosenDevice> open_device(const ModelFlags& flags) {
  if (flags.threads) set_thread_count(*flags.threads);
  const Precision precision = precision_of(flags.on);
  return ChosenDevice{TRY(open_device(flags.on, precision)), train::program_dtype(precision)};
}

Result<text::Tokenizer> load_tokenizer(const ModelFlags& flags, const model::Config& config) {
  const std::string path = flags.tokenizer.empty() ? TRY(tokenizer_of(flags.model)) : flags.tokenizer;
  if (path.empty()) return fail("{} names no tokenizer: give one with --tokenizer", flags.model);
  text::Tokenizer tokenizer = TRY(text::Tokenizer::load(path));
  if (tokenizer.vocab_size() == config.vocab) return tokenizer;
  return fail("{} has {} tokens, but the model has {}: give the tokenizer that the model was made with", path,
              tokenizer.vocab_size(), config.vocab);
}

}  // namespace anemone::cli
