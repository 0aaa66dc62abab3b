// Causal attention whose keys and values are the weights of two grouped convolutions.
#include "mil/builder.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/questions/split_attention.h"

namespace anemone::probe {
namespace {

constexpr Heads kShape{.heads = 12, .S = 64, .h = 64};
constexpr int64_t C = kShape.heads * kShape.h, S = kShape.S;
constexpr int64_t kWarmups = 20, kRuns = 500;

// Measured on every device: scores 0.0015 of the standard deviation, results 0.0029.
constexpr Tolerance kScoresTolerance{.ours = 0.005}, kTolerance{.ours = 0.01, .seed_largest = 0.05};

// A group a head, each with a [Co, Ci] matrix of its own: [1, heads·Ci, 1, S] → [1, heads·Co, 1, S].
Result<mil::Function> program(int64_t Co, int64_t Ci) {
  using mil::Tensor;
  mil::Builder b;
  const mil::Value x = b.input("x", {mil::DType::fp16, {1, kShape.heads * Ci, 1, S}});
  const mil::Value w = b.weight("w", {mil::DType::fp16, {kShape.heads * Co, Ci, 1, 1}});
  b.output("y", b.apply("conv", {{"x", x},
                                 {"weight", w},
                                 {"strides", Tensor::ints({1, 1})},
                                 {"pad_type", Tensor::text("valid")},
                                 {"pad", Tensor::ints({0, 0, 0, 0})},
                                 {"dilations", Tensor::ints({1, 1})},
                                 {"groups", Tensor::integer(kShape.heads)}}));
  return b.finish();
}

Result<Trial> grouped(Device& device, int64_t Co, int64_t Ci, const Numbers& w) {
  mil::Weights weights;
  set_weight(weights, "w", {kShape.heads * Co, Ci, 1, 1}, w);
  return Trial::create(device, TRY(program(Co, Ci)), weights);
}

// K [heads, S, h] is the first weight as it is: row h·S + key. The second's row h·64 + channel is a column of V.
Result<> ask(Inquiry& inquiry) {
  Drand48 random(42);
  const auto next = [&] {
    std::vector<Numbers> qkv = draw_interleaved(random, C * S, {0.5, 0.5, 0.5});
    for (Numbers& values : qkv) values = rounded(mil::DType::fp16, std::move(values));
    return qkv;
  };
  std::vector<Numbers> qkv = next();
  const Numbers k = qkv[1], v = qkv[2];
  SplitAttention split{.shape = kShape,
                       .layout = ScoreLayout::key_by_query,
                       .scores = TRY(grouped(inquiry.device(), S, kShape.h, k)),
                       .values = TRY(grouped(inquiry.device(), kShape.h, S, transposed(v, S, kShape.h)))};
  Numbers scores, expected_scores, results, expected;
  for (int round = 0; round < 2; ++round) {
    split.scores.write(0, transposed(qkv[0], S, kShape.h));
    TRY(split.run());
    scores = joined(std::move(scores), split.in_layout(split.scores.read(0)));
    results = joined(std::move(results), transposed(split.values.read(0), kShape.h, S));
    expected_scores = joined(std::move(expected_scores), attention_scores(kShape, qkv[0], k));
    expected = joined(std::move(expected), attention(kShape, qkv[0], k, v, /*causal=*/true));
    qkv = next();
  }
  inquiry.compare("Q·Kᵀ as a grouped convolution", expected_scores, scores, kScoresTolerance);
  inquiry.compare("causal attention", expected, results, kTolerance);
  return time(inquiry, split, kWarmups, kRuns);
}

}  // namespace

Probe conv_attn3() {
  return {.name = "conv_attn3",
          .question = "Does attention come out right with keys and values as the weights of convolutions?",
          .method =
              "12 heads of 64 positions by 64 channels: K and V baked into convolutions of 12 groups, scale, mask and "
              "softmax on the host between them; two sets of queries",
          .reference = "causal attention in double precision",
          .ask = ask};
}

}  // namespace anemone::probe
