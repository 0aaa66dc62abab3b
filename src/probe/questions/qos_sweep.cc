// Whether the quality of service that a request asks for matters.
#include <fmt/format.h>

#include <algorithm>

#include "mil/engine/rule.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"
#include "probe/reference.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 256, .width = 64};
constexpr int64_t C = kConvolution.channels;
// Times on M5 were 0.06 to 0.11 ms without any order (maderix): less than this is no effect.
constexpr double kEffect = 2;

// 0.01·(i mod 100 − 50), but for the first, which tells the qualities apart.
Numbers matrix(uint32_t qos) {
  Numbers w(static_cast<size_t>(C * C));
  for (size_t i = 0; i < w.size(); ++i) w[i] = 0.01 * (static_cast<double>(i % 100) - 50);
  w[0] = 0.001 * qos;
  return rounded(mil::DType::fp16, std::move(w));
}

struct Point {
  bool taken = false;
  double milliseconds = 0;
  Fact fact;
};

// Compiles, binds with that quality, compares with W·x of two inputs and times 10 runs.
Result<Point> try_quality(Inquiry& inquiry, uint32_t qos, Drand48& random) {
  const std::string name = fmt::format("{}", qos);
  mil::Weights weights;
  set_weight(weights, "w", {C, C, 1, 1}, matrix(qos));
  Trial trial = TRY(Trial::create(inquiry.device(), TRY(kConvolution.function()), weights));
  if (const Result<> bound = trial.bind({.qos = qos}); !bound)
    return Point{.fact = {"qos", name, bound.error().message}};
  for (int round = 0; round < 2; ++round) {
    const Numbers x =
        rounded(mil::DType::fp16, draw(random, kConvolution.elements(), [](double u) { return 0.25 + u / 2; }));
    trial.write(0, x);
    TRY(trial.run());
    const Errors errors = errors_of(linear(matrix(qos), x, C, C, kConvolution.width), trial.read(0));
    if (!errors.within(inquiry.allowed({.ours = 0.02}))) return fail("at quality {} {}", qos, errors.where);
  }
  Inquiry aside(inquiry.device(), Precision::fp16);
  const Timing timing = TRY(aside.time("", trial, 1, 10));
  return Point{true,
               timing.milliseconds,
               {"qos", name, fmt::format("OK, {:.4f} ms ({})", timing.milliseconds, to_string(timing.clock))}};
}

Result<> ask(Inquiry& inquiry) {
  Drand48 random(1);
  TRY(try_quality(inquiry, mil::kUsualQuality, random));  // pays for what only the first one of a process pays
  std::vector<Fact> facts;
  std::vector<double> times;
  for (uint32_t qos = 0; qos < mil::kQualities; ++qos) {
    const Point point = TRY(try_quality(inquiry, qos, random));
    if (point.taken) times.push_back(point.milliseconds);
    facts.push_back(point.fact);
  }
  inquiry.list("each of them", std::move(facts));
  inquiry.answer("qualities that work", fmt::format("{} of {}", times.size(), mil::kQualities),
                 {{"M5", "64 of 64", "maderix, 17 of them"}});
  if (times.size() < 2) return {};
  const auto [least, most] = std::ranges::minmax(times);
  inquiry.conclude("the quality changes the time", most > kEffect * least ? "yes" : "no",
                   fmt::format("{:.4f} to {:.4f} ms", least, most), {{"M5", "no", "maderix"}});
  return {};
}

}  // namespace

Probe qos_sweep() {
  return {.name = "qos_sweep",
          .question = "Does the quality of service matter?",
          .method =
              "a convolution of 256 channels by 64 positions, compiled and run with each quality from 0 to 63, other "
              "weights for each; 10 runs of each, after a first that does not count",
          .reference = "W·x in double precision for each; a time at least twice another's is an effect",
          .ask = ask};
}

}  // namespace anemone::probe
