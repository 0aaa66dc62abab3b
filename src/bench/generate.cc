#include "bench/generate.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "generate/predictor.h"
#include "generate/sampling.h"
#include "model/initialize.h"

namespace anemone::bench {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::vector<int32_t> random_prompt(int64_t tokens, int64_t vocab) {
  Random random(7);
  std::vector<int32_t> prompt(static_cast<size_t>(tokens));
  for (int32_t& token : prompt) token = static_cast<int32_t>(random.next() * static_cast<double>(vocab));
  return prompt;
}

// Of the weights, all but an embedding that is not the classifier too; of that a token reads one row.
double weight_bytes(const model::Parameters& weights, const model::Config& config, int64_t bits) {
  const size_t embedding = config.tied ? 0 : weights.embedding().size();
  return static_cast<double>(weights.all().size() - embedding) * static_cast<double>(bits) / 8;
}

// Milliseconds of each new token, the likeliest after those before it.
Result<std::vector<double>> time_tokens(generate::Predictor& predictor, std::span<const float> logits, int64_t tokens) {
  auto sampler = TRY(generate::TokenSampler::create({.temperature = 0}));
  std::vector<double> times;
  for (auto begin = Clock::now(); std::ssize(times) < tokens;) {
    const int32_t token = TRY(sampler.sample(logits));
    logits = TRY(predictor.read({&token, 1}));
    const auto end = Clock::now();
    times.push_back(milliseconds(end - std::exchange(begin, end)));
  }
  return times;
}

}  // namespace

Result<GenerateTiming> time_generation(Device& device, const model::Config& config, const GenerateOptions& options) {
  CHECK(options.prompt >= 1 && options.tokens >= 2);
  model::Parameters weights(config);
  model::initialize(weights, config, 1);
  GenerateTiming timing{.weight_bytes = weight_bytes(weights, config, options.weight_bits)};
  const auto start = Clock::now();
  auto predictor = TRY(generate::Predictor::create(
      device, config, weights, {.capacity = options.prompt + options.tokens, .dtype = options.dtype}));
  const auto loaded = Clock::now();
  const std::span<const float> logits = TRY(predictor->read(random_prompt(options.prompt, config.vocab)));
  timing.load_ms = milliseconds(loaded - start);
  timing.prompt_ms = milliseconds(Clock::now() - loaded);
  std::vector<double> times = TRY(time_tokens(*predictor, logits, options.tokens));
  const auto count = static_cast<double>(times.size());
  timing.mean_ms_per_token = std::accumulate(times.begin(), times.end(), 0.0) / count;
  std::ranges::nth_element(times, times.begin() + std::ssize(times) / 2);
  timing.ms_per_token = times[times.size() / 2];
  timing.memory = measure_bandwidth();
  return timing;
}

}  // namespace anemone::bench
