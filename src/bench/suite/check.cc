#include "bench/suite/check.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace anemone::bench {
namespace {

// How many pixels `ref` computes: the more, the less they cost.
int64_t columns_for(const Chain& chain) {
  constexpr double kBudget = 2e8;  // FLOP
  const double each = chain.flop() / static_cast<double>(chain.pixels());
  int64_t columns = 3;
  while (columns < 15 && static_cast<double>(2 * columns + 1) * each <= kBudget) columns = 2 * columns + 1;
  return std::min(columns, chain.pixels());
}

double number(const Map& map, mil::DType dtype, int64_t i) { return mil::load_number(dtype, map.bytes().data(), i); }

// The relative error that one layer adds to each number of its result.
double error_of_layer(const Chain& chain, std::string_view device, Precision precision) {
  const double terms = std::sqrt(static_cast<double>(chain.channels));
  if (is_simulated(device)) return 0x1p-11 + terms * 0x1p-17;  // fp16 results; products in units of 2⁻¹⁶
  switch (precision) {
    case Precision::fp16:
      return 0x1p-11;
    case Precision::bf16:
      return 0x1p-8;  // both factors rounded to 8 bits
    case Precision::fp32:
      return terms * 0x1p-24;
  }
  return 0;
}

}  // namespace

double tolerance_of(const Chain& chain, std::string_view device, Precision precision) {
  constexpr double kGreatest = 6;  // deviations: the greatest of all numbers, and some room
  const double layers = std::sqrt(static_cast<double>(chain.depth + 1));  // and the cast at the end
  double error = kGreatest * layers * error_of_layer(chain, device, precision);
  // Values near half a step may go to the other step, each a 64th of the mean; the next layer averages channels.
  if (chain.form == Form::w8a8) error += 3 * layers / 64 / std::sqrt(static_cast<double>(chain.channels));
  if (chain.boundary == mil::DType::fp16) error += 0x1p-11 * kGreatest;
  return error;
}

Result<ChainCheck> ChainCheck::create(const Chain& chain, const mil::Weights& weights, uint64_t seed) {
  ChainCheck check(chain);
  Random seeds(seed);
  for (int64_t i = 0; i < columns_for(chain); ++i) check.pixels_.push_back(chain_pixel(chain, seeds.next_bits()));
  TRY(check.compute_expected(weights));
  return check;
}

Result<> ChainCheck::compute_expected(const mil::Weights& weights) {
  Chain few = chain_;
  few.height = 1;
  few.width = columns();
  few.boundary = mil::DType::fp32;
  const auto ref = TRY(open_device("ref", {.precision = Precision::fp32}));
  const auto program = TRY(ref->compile(TRY(chain_function(few)), weights));
  const auto x = TRY(ref->allocate(program->signature().inputs[0].type.bytes()));
  const auto y = TRY(ref->allocate(program->signature().outputs[0].type.bytes()));
  {
    const Map map = x->map(Access::write);
    for (int64_t c = 0; c < few.channels; ++c) {
      for (int64_t s = 0; s < columns(); ++s) map.as<float>()[c * columns() + s] = pixels_[s][c];
    }
  }
  TRY(TRY(program->bind({x.get()}, {y.get()}))->run());
  const Map map = y->map(Access::read);
  expected_.assign(map.as<float>().begin(), map.as<float>().end());
  return {};
}

void ChainCheck::fill(Surface& input) const {
  const Map map = input.map(Access::write);
  for (int64_t c = 0; c < chain_.channels; ++c) {
    for (int64_t s = 0; s < chain_.pixels(); ++s) {
      mil::store_number(chain_.boundary, map.bytes().data(), c * chain_.pixels() + s, pixels_[s % columns()][c]);
    }
  }
}

Checked ChainCheck::compare(Surface& output, double tolerance) const {
  double squares = 0;
  for (double e : expected_) squares += e * e;
  const double scale = std::sqrt(squares / static_cast<double>(expected_.size()));
  Checked checked{.columns = columns(), .error = 0, .tolerance = tolerance};
  const Map map = output.map(Access::read);
  for (int64_t c = 0; c < chain_.channels; ++c) {
    for (int64_t s = 0; s < chain_.pixels(); ++s) {
      const double y = number(map, chain_.boundary, c * chain_.pixels() + s);
      const double expected = expected_[c * columns() + s % columns()];
      double error = std::abs(y - expected) / scale;
      if (!std::isfinite(error)) error = std::numeric_limits<double>::infinity();
      if (error <= checked.error) continue;
      checked.error = error;
      checked.where = fmt::format(
          "channel {} of pixel {} is {:.6g}, expected {:.6g}: off by {:.2g} of the results' "
          "root mean square, {:.2g} allowed",
          c, s, y, expected, error, tolerance);
    }
  }
  return checked;
}

}  // namespace anemone::bench
