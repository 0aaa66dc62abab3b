// Whether a device computes a chain rightly, by `ref` on a few of its pixels.
//
//   const ChainCheck check = TRY(ChainCheck::create(chain, weights, seed));
//   check.fill(*x);                                 // the input
//   ... run ...
//   Checked checked = check.compare(*y, tolerance_of(chain, device.info().name, precision));
//   if (!checked.passed()) puts(checked.where.c_str());
//
// 1×1 convolutions act on each pixel alone. A few distinct random pixels follow each other over the whole image, so
// that every pixel of the result is known once `ref`, in double precision, has computed the few. Their number is odd,
// so that no two blocks of a power of two pixels are alike.
#pragma once

#include <string>
#include <vector>

#include "bench/suite/chain.h"
#include "device/device.h"

namespace anemone::bench {

struct Checked {
  int64_t columns = 0;   // distinct pixels
  double error = 0;      // the greatest, relative to the root mean square of the expected; not finite where y is not
  double tolerance = 0;  // likewise
  std::string where{};   // "channel 3 of pixel 17 is 0.5, expected 0.25 …", of the greatest
  bool passed() const { return error <= tolerance; }
};

// What rounding may make of a chain's results on the device, relative to their root mean square. Each layer adds an
// error of its own, of random sign, and keeps the size of those before it, so that errors grow as √depth; which holds
// of chains that are no deeper than they have channels.
double tolerance_of(const Chain& chain, std::string_view device, Precision precision);

class ChainCheck {
 public:
  static Result<ChainCheck> create(const Chain& chain, const mil::Weights& weights, uint64_t seed);

  void fill(Surface& input) const;
  Checked compare(Surface& output, double tolerance) const;

 private:
  explicit ChainCheck(const Chain& chain) : chain_(chain) {}
  Result<> compute_expected(const mil::Weights& weights);
  int64_t columns() const { return std::ssize(pixels_); }

  Chain chain_;
  std::vector<std::vector<float>> pixels_;  // the input's
  std::vector<double> expected_;            // [C, columns]
};

}  // namespace anemone::bench
