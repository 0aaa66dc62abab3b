// dx of RMSNorm, 768 channels by 256 positions.
#include "mil/builder.h"
#include "model/expressions.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/reference.h"

namespace anemone::probe {
namespace {

constexpr int64_t C = 768, S = 256;
constexpr double kEps = 1e-5;

// dy, x side by side in the channels: [1, 2C, 1, S] → [1, C, 1, S].
Result<mil::Function> program() {
  mil::Builder b;
  const mil::Value in = b.input("x", {mil::DType::fp16, {1, 2 * C, 1, S}});
  const mil::Value w = b.weight("w", {mil::DType::fp16, {1, C, 1, 1}});
  b.output("y", model::rmsnorm_backward(slice(in, 1, C, C), w, slice(in, 1, 0, C), kEps, 1));
  return b.finish();
}

Result<> ask(Inquiry& inquiry) {
  Drand48 random(42);
  std::vector<Numbers> next = draw_interleaved(random, C * S, {0.5, 0.1});  // x, dy
  const Numbers w = rounded(mil::DType::fp16, draw(random, C, [](double u) { return 0.75 + 0.5 * u; }));
  mil::Weights weights;
  set_weight(weights, "w", {1, C, 1, 1}, w);
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(program()), weights));

  const auto inputs = [&] {
    const std::vector<Numbers> now = std::exchange(next, draw_interleaved(random, C * S, {0.5, 0.1}));
    return std::vector<Numbers>{joined(now[1], now[0])};
  };
  const auto expected = [&](const std::vector<Numbers>& in) {
    const auto half = in[0].begin() + C * S;
    return std::vector<Numbers>{rmsnorm_backward({half, in[0].end()}, w, {in[0].begin(), half}, kEps)};
  };
  TRY(inquiry.check(trial, {.what = "dx",
                            .inputs = inputs,
                            .expected = expected,
                            .tolerance = {.ours = 0.02, .seed_largest = 0.05, .seed_mean = 0.01},
                            .published = {{"M4 Max", "pass", "dev-erik"}}}));
  TRY(inquiry.time("time", trial, 10, 100));
  return {};
}

}  // namespace

Probe rmsnorm_bwd() {
  return {.name = "rmsnorm_bwd",
          .question = "Does the device compute the gradient of RMSNorm?",
          .method = "768 channels by 256 positions, x and dy random, w from 0.75 to 1.25; two sets of inputs",
          .reference =
              "(w·dy − x·c)·ρ in double precision. The seed's own reference multiplies the projection x·c by w "
              "too, which is right only where w is 1",
          .ask = ask};
}

}  // namespace anemone::probe
