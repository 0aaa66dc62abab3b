// anemone eval: a model's loss on a corpus.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "model/weights_file.h"
#include "text/prepare.h"
#include "train/evaluate.h"

namespace anemone::cli {
namespace {

constexpr int64_t kLongestDefault = 1024;  // attention's memory grows with the square of a window

struct Options {
  ModelFlags model;
  std::string data;
  train::EvaluationOptions evaluation{.seq = 0};  // 0: by the model
  bool json = false;
};

Result<text::TokenFile> open_data(const Options& options, const model::Config& config) {
  if (std::filesystem::path(options.data).extension() != ".txt") {
    return text::TokenFile::open(options.data, {.vocab_size = config.vocab, .sequence = options.evaluation.seq});
  }
  return text::tokenize_file(options.data, TRY(load_tokenizer(options.model, config)));
}

void print_json(const Options& options, const train::Evaluation& result) {
  const nlohmann::ordered_json json = {{"model", options.model.model}, {"data", options.data},
                                       {"loss", result.loss},          {"perplexity", result.perplexity()},
                                       {"tokens", result.tokens},      {"windows", result.windows},
                                       {"seq", options.evaluation.seq}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_text(const Options& options, const train::Evaluation& result) {
  fmt::print("loss {:.6f}, perplexity {:.5g} ({} tokens in {} windows of {})\n", result.loss, result.perplexity(),
             result.tokens, result.windows, options.evaluation.seq);
}

Result<> run(Options& options) {
  const model::Model model = TRY(model::load_model(options.model.model));
  int64_t& seq = options.evaluation.seq;
  if (seq == 0) seq = std::min(model.config.seq, kLongestDefault);
  if (seq > model.config.seq) {
    return fail("a window of {} tokens is longer than the model's context of {}: give --seq up to that", seq,
                model.config.seq);
  }
  const text::TokenFile tokens = TRY(open_data(options, model.config));
  const ChosenDevice chosen = TRY(open_device(options.model));
  options.evaluation.precision = precision_of(options.model.on);
  Progress progress("evaluating");
  const auto report = [&](int64_t done, int64_t total) { progress.update(done, total); };
  const auto result = TRY(train::evaluate(*chosen.device, model, tokens, options.evaluation, report));
  progress.finish();
  options.json ? print_json(options, result) : print_text(options, result);
  return {};
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  const CLI::Range count(int64_t{1}, int64_t{1} << 20);
  CLI::App* command = app.add_subcommand("eval", "A model's mean next-token loss on a corpus");
  add_model_flags(*command, options->model);
  command->add_option("--data", options->data, "A token file, or a .txt that the tokenizer shall cut")->required();
  command->add_option("--seq", options->evaluation.seq, "Tokens in a window [the model's context, at most 1024]")
      ->check(count);
  command->add_option("--batch", options->evaluation.batch, "Windows at once")->capture_default_str()->check(count);
  add_choice(*command, "--weights", options->evaluation.source, kWeightSources,
             "In the programs, or beside the activations [baked]");
  add_choice(*command, "--offload", options->evaluation.offload, kOffloads,
             "Matrix work alone on the device, or norms and head too [core]");
  command->add_flag("--json", options->json, "For machines");
  command->footer(
      "Windows follow one another; the last, incomplete one is left out.\n"
      "Example: anemone eval --model model.safetensors --data stories.bin --seq 256");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace anemone::cli
