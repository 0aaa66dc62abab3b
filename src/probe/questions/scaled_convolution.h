// A 1×1 convolution whose weights are a multiple of the identity: y = f·x, so that its result tells which weights it
// had.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "mil/function.h"
#include "probe/inquiry.h"

namespace anemone::probe {

struct ScaledConvolution {
  int64_t channels = 0, width = 0;
  mil::DType boundary = mil::DType::fp16;  // what surfaces hold; other than fp16 is cast within the program

  int64_t elements() const { return channels * width; }
  double flop() const { return 2.0 * static_cast<double>(channels * channels * width); }
  Result<mil::Function> function() const;  // [1, C, 1, W] → [1, C, 1, W]
  Numbers matrix(double factor) const;     // factor·I, [C, C]
  mil::Weights weights(double factor) const;
  // That a program of that factor computes y = f·x of two random inputs.
  Inquiry::Check check(std::string what, double factor) const;
};

// Which of the factors made y of x, to within 0.1 (the seed's tolerance) of each element; nothing where none did.
std::optional<double> factor_between(const Numbers& x, const Numbers& y, std::initializer_list<double> factors);

// One of a weight-changing experiment: x is written, the program runs, and the answer is "no" where y = x, "yes, to k
// times" where y = k·x, and a failure where it is neither.
Result<> ask_whether_changed(Inquiry& inquiry, std::string what, Trial& trial, const Numbers& x, double k,
                             std::vector<Published> published);

}  // namespace anemone::probe
