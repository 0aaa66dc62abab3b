// Whether new weights need another compilation.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "device/engine_calls.h"
#include "mil/builder.h"
#include "probe/draw.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 64, .width = 32, .boundary = mil::DType::fp32};
constexpr double kChanged = 0.001, kThreeTimes = 0.1;  // the seed's

Numbers ramp(double step) {
  Numbers x(static_cast<size_t>(kConvolution.elements()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = step * static_cast<double>(i + 1);
  return x;
}

double largest_difference(const Numbers& y, const Numbers& x, double factor) {
  double largest = 0;
  for (size_t i = 0; i < y.size(); ++i) largest = std::fmax(largest, std::abs(y[i] - factor * x[i]));
  return largest;
}

// The engine's files are rewritten, and the program unloaded and loaded; other devices are handed the new weights.
Result<> rewrite(Device& device, Trial& trial, const mil::Weights& weights) {
  if (EngineCalls* const calls = device.engine_calls()) {
    TRY(calls->rewrite_weights(trial.program(), weights));
    return {};
  }
  TRY(trial.program().reload(weights));
  return {};
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Result<> ask(Inquiry& inquiry) {
  Device& device = inquiry.device();
  const mil::Function function = TRY(kConvolution.function());
  auto start = std::chrono::steady_clock::now();
  Trial trial = TRY(Trial::create(device, function, kConvolution.weights(1)));
  inquiry.time("compile and load", {.runs = 1, .milliseconds = milliseconds_since(start)},
               {{"M5", "33.3 ms", "maderix"}});

  TRY(inquiry.check(trial, kConvolution.check("weights I: y = x", 1)));
  const Numbers x = rounded(mil::DType::fp16, ramp(0.01));
  trial.write(0, ramp(0.01));
  TRY(trial.run());
  const Numbers before = trial.read(0);

  start = std::chrono::steady_clock::now();
  TRY(rewrite(device, trial, kConvolution.weights(3)));
  inquiry.time("rewrite, unload and load", {.runs = 1, .milliseconds = milliseconds_since(start)},
               {{"M5", "4.3 ms", "maderix"}});
  TRY(trial.run());
  const Numbers after = trial.read(0);
  const bool changed = !(largest_difference(after, before, 1) <= kChanged);
  const bool thrice = largest_difference(after, x, 3) <= kThreeTimes;
  if (changed && !thrice) {
    inquiry.fail("weights rewritten to 3I change the result", "it changed, but is not 3 times what it was");
  } else {
    inquiry.answer("weights rewritten to 3I change the result", changed ? "yes, to 3 times" : "no",
                   {{"M5", "no", "maderix"}}, changed ? "" : "the difference is 0 to within 0.001");
  }

  Trial again = TRY(Trial::create(device, function, kConvolution.weights(3)));
  return inquiry.check(again, kConvolution.check("compiled anew with 3I: y = 3x", 3));
}

}  // namespace

Probe weight_reload() {
  return {.name = "weight_reload",
          .question = "Do rewritten weights change what a loaded program computes?",
          .method =
              "a convolution of 64 channels with weights I; its weights rewritten to 3I, the program unloaded and "
              "loaded again, and run; then compiled anew with 3I",
          .reference = "y = x and y = 3x",
          .ask = ask};
}

}  // namespace anemone::probe
