// anemone generate: text from a model.
#include "generate/generate.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/command.h"
#include "cli/model_flags.h"
#include "model/weights_file.h"

namespace anemone::cli {
namespace {

const CLI::Range kCount(int64_t{0}, int64_t{0x7FFFFFFF});

struct Options {
  ModelFlags model;
  std::string prompt;
  generate::GenerateOptions generate{.sampling = {.top_p = 0.9}};
  bool verbose = false;
};

// At once, so that the text can be read as it is made.
Result<> show(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) return fail("cannot write the text: {}", std::strerror(errno));
  return {};
}

std::string why_it_ended(const generate::Generated& told, int64_t steps, int64_t context) {
  if (told.ended) return "; the model ended the text";
  if (steps > 0 && steps <= context) return "";
  return fmt::format("; the model's context of {} tokens is full", context);
}

void print_speed(const generate::Generated& told, const std::string& end) {
  const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  const auto made = std::ssize(told.tokens) - told.prompt_tokens;
  fmt::print(stderr, "{} tokens in {:.2f} s, {:.1f} tokens/s, after {} of the prompt in {:.2f} s{}\n", made,
             seconds(told.time), static_cast<double>(made) / seconds(told.time), told.prompt_tokens,
             seconds(told.prompt_time), end);
}

Result<> run(Options& options) {
  const model::Model model = TRY(model::load_model(options.model.model));
  const text::Tokenizer tokenizer = TRY(load_tokenizer(options.model, model.config));
  const ChosenDevice chosen = TRY(open_device(options.model));
  options.generate.dtype = chosen.dtype;
  const auto told = TRY(generate::generate(*chosen.device, model, tokenizer, options.prompt, options.generate, show));
  TRY(show("\n"));
  if (options.verbose || isatty(STDERR_FILENO) != 0) {
    print_speed(told, why_it_ended(told, options.generate.steps, model.config.seq));
  }
  return {};
}

}  // namespace

void add_generate(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  generate::SamplingOptions& sampling = options->generate.sampling;
  CLI::App* command = app.add_subcommand("generate", "Let a model go on with a text");
  add_model_flags(*command, options->model);
  command->add_option("--prompt", options->prompt, "How the text begins");
  command->add_option("--steps", options->generate.steps, "Tokens in all, the prompt's too; 0: the model's context")
      ->capture_default_str()
      ->check(kCount);
  command->add_option("--temperature", sampling.temperature, "0: always the likeliest token; higher: more surprising")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--top-k", sampling.top_k, "Choose among the k likeliest tokens; 0: among all")
      ->capture_default_str()
      ->check(kCount);
  command->add_option("--top-p", sampling.top_p, "Choose among the likeliest tokens that reach p together; 1: all")
      ->capture_default_str()
      ->check(CLI::Range(1e-6, 1.0));
  command->add_option("--seed", sampling.seed, "Another seed, another text")->capture_default_str();
  command->add_flag("--verbose", options->verbose, "Tell the speed even where stderr is no terminal");
  command->footer(
      "Example: anemone generate --model stories260K.bin --tokenizer tok512.bin --prompt \"Once upon a time\"");
  command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace anemone::cli
