#include "generate/generate.h"

#include <algorithm>

#include "base/check.h"
#include "generate/predictor.h"

namespace anemone::generate {
namespace {

using Clock = std::chrono::steady_clock;

// How many tokens there may be in all, BOS apart.
int64_t most_tokens(const model::Config& config, int64_t steps) {
  return steps == 0 ? config.seq : std::min(steps, config.seq);
}

Result<std::vector<int32_t>> read_prompt(const text::Tokenizer& tokenizer, std::string_view prompt, int64_t most) {
  std::vector<int32_t> tokens = tokenizer.encode(prompt, /*add_bos=*/true);
  if (tokens.empty()) return fail("the tokenizer has no BOS to begin with: give a prompt");
  if (std::ssize(tokens) <= most) return tokens;
  return fail(
      "the prompt is {} tokens long with BOS, and there is room for {}: shorten it, or allow more steps where "
      "the model's context has them",
      tokens.size(), most);
}

bool ends_text(const text::Tokenizer& tokenizer, int32_t token) {
  return token == tokenizer.bos() || token == tokenizer.eos();
}

}  // namespace

Result<Generated> generate(Device& device, const model::Model& model, const text::Tokenizer& tokenizer,
                           std::string_view prompt, const GenerateOptions& options, const Show& show) {
  CHECK(tokenizer.vocab_size() == model.config.vocab);
  TokenSampler sampler = TRY(TokenSampler::create(options.sampling));
  const int64_t most = most_tokens(model.config, options.steps);
  Generated told{.tokens = TRY(read_prompt(tokenizer, prompt, most))};
  told.prompt_tokens = std::ssize(told.tokens);
  text::Decoder decoder(tokenizer);
  for (const int32_t token : told.tokens) TRY(show(decoder.next(token)));

  const auto start = Clock::now();
  auto predictor =
      TRY(Predictor::create(device, model.config, model.weights, {.capacity = most, .dtype = options.dtype}));
  std::span<const float> logits = TRY(predictor->read(told.tokens));
  const auto begin = Clock::now();
  const int64_t bos = told.tokens.front() == tokenizer.bos() ? 1 : 0;
  while (std::ssize(told.tokens) - bos < most) {
    if (std::ssize(told.tokens) > predictor->position()) logits = TRY(predictor->read({&told.tokens.back(), 1}));
    const int32_t token = TRY(sampler.sample(logits));
    told.ended = ends_text(tokenizer, token);
    if (told.ended) break;
    told.tokens.push_back(token);
    TRY(show(decoder.next(token)));
  }
  TRY(show(decoder.finish()));
  told.prompt_time = begin - start;
  told.time = Clock::now() - begin;
  return told;
}

}  // namespace anemone::generate
