// Whether new weights need another compilation.
#include <chrono>

#include "probe/questions/engine_answers.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 64, .width = 32, .boundary = mil::DType::fp32};

// (i + 1)/100, as the seed has it.
Numbers ramp() {
  Numbers x(static_cast<size_t>(kConvolution.elements()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01 * static_cast<double>(i + 1);
  return rounded(mil::DType::fp16, std::move(x));
}

class Stopwatch {
 public:
  Timing timing() const {
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start_;
    return {.runs = 1, .milliseconds = passed.count()};
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Result<> ask(Inquiry& inquiry) {
  Device& device = inquiry.device();
  const mil::Function function = TRY(kConvolution.function());
  const Stopwatch compiling;
  Trial trial = TRY(Trial::create(device, function, kConvolution.weights(1)));
  inquiry.time("compile and load", compiling.timing(), {{"M5", "33.3 ms", "maderix"}});
  TRY(inquiry.check(trial, kConvolution.check("weights I: y = x", 1)));

  inquiry.part("weights rewritten to 3I change the result", [&]() -> Result<> {
    const Stopwatch rewriting;
    const auto answers = rewrite_weights(device, trial, kConvolution.weights(3));
    if (!answers) {
      inquiry.unavailable("weights rewritten to 3I change the result", answers.error().message);
      return {};
    }
    inquiry.time("rewrite, unload and load", rewriting.timing(), {{"M5", "4.3 ms", "maderix"}});
    if (!answers->empty()) inquiry.list("calls", facts_of(*answers));
    return ask_whether_changed(inquiry, "weights rewritten to 3I change the result", trial, ramp(), 3,
                               {{"M5", "no", "maderix"}});
  });
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
