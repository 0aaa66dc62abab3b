#include "generate/sampling.h"

#include <algorithm>
#include <cmath>

namespace anemone::generate {
namespace {

struct Scored {
  int32_t token;
  float logit;
};

bool likelier(const Scored& a, const Scored& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

Result<std::vector<Scored>> scored(std::span<const float> logits) {
  std::vector<Scored> tokens;
  tokens.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == HUGE_VALF) {
      return fail("the logit of token {} is {}: the weights are damaged, or overflow at this precision", i, logits[i]);
    }
    if (logits[i] != -HUGE_VALF) tokens.push_back({static_cast<int32_t>(i), logits[i]});
  }
  if (tokens.empty()) return fail("no token has a finite logit: the weights are damaged");
  return tokens;
}

void keep_top_k(std::vector<Scored>& tokens, int64_t k) {
  if (k == 0 || k >= std::ssize(tokens)) return;
  std::ranges::nth_element(tokens, tokens.begin() + k - 1, likelier);
  tokens.resize(static_cast<size_t>(k));
}

// softmax(logits / temperature)
std::vector<Candidate> probabilities(const std::vector<Scored>& tokens, double temperature) {
  const float largest = std::ranges::min_element(tokens, likelier)->logit;
  std::vector<Candidate> result;
  result.reserve(tokens.size());
  double total = 0;
  for (const Scored& t : tokens) {
    const double difference = static_cast<double>(t.logit) - static_cast<double>(largest);
    result.push_back({t.token, std::exp(difference / temperature)});
    total += result.back().probability;
  }
  for (Candidate& c : result) c.probability /= total;
  return result;
}

// The fewest of the likeliest that reach p together, at least one. A heap yields them in order without sorting the
// rest.
void keep_top_p(std::vector<Candidate>& tokens, double p) {
  if (p >= 1) return;
  const auto less_likely = [](const Candidate& a, const Candidate& b) {
    return a.probability < b.probability || (a.probability == b.probability && a.token > b.token);
  };
  std::ranges::make_heap(tokens, less_likely);
  auto rest = tokens.end();
  double reached = 0;
  do {
    std::ranges::pop_heap(tokens.begin(), rest, less_likely);
    reached += (--rest)->probability;
  } while (reached < p && rest != tokens.begin());
  tokens.erase(tokens.begin(), rest);
  for (Candidate& c : tokens) c.probability /= reached;
}

}  // namespace

Result<std::vector<Candidate>> candidates(std::span<const float> logits, const SamplingOptions& options) {
  std::vector<Scored> tokens = TRY(scored(logits));
  if (options.temperature == 0) return std::vector{Candidate{std::ranges::min_element(tokens, likelier)->token, 1}};
  keep_top_k(tokens, options.top_k);
  std::vector<Candidate> result = probabilities(tokens, options.temperature);
  keep_top_p(result, options.top_p);
  return result;
}

Result<TokenSampler> TokenSampler::create(const SamplingOptions& options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    return fail("the temperature is {}: give 0 (always the likeliest token) or more", options.temperature);
  }
  if (options.top_k < 0) return fail("top-k is {}: give a number of tokens, or 0 for all", options.top_k);
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return fail("top-p is {}: give a probability above 0 and up to 1", options.top_p);
  }
  return TokenSampler(options);
}

Result<int32_t> TokenSampler::sample(std::span<const float> logits) {
  const std::vector<Candidate> choices = TRY(candidates(logits, options_));
  double left = random_.next();
  for (const Candidate& c : choices) {
    left -= c.probability;
    if (left < 0) return c.token;
  }
  return choices.back().token;  // rounding left a little over
}

}  // namespace anemone::generate
