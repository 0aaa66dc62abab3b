#include "bench/suite/chain.h"

#include <fmt/format.h>

#include <cmath>

#include "base/half.h"
#include "base/parallel.h"
#include "base/random.h"
#include "bench/int8.h"

namespace anemone::bench {
namespace {

using mil::Builder;
using mil::DType;
using mil::Shape;
using mil::Tensor;
using mil::TensorType;
using mil::Value;

// Of the activations. Not the seed's 2⁻³: results rounded to fp16 would often lie half-way between two steps, where
// devices differ, all to one side, and a chain would drift.
constexpr double kActivationScale = 0.13;
constexpr int64_t kLeastInt8 = -63, kMeanInt8 = 32;  // and the greatest is 127
constexpr double kMeanPixel = 64 * kActivationScale;

std::string layer_name(int64_t layer) { return fmt::format("w{}", layer); }
Shape weight_shape(const Chain& chain) { return {chain.channels, chain.channels, 1, 1}; }
double int8_scale(const Chain& chain) { return 1 / static_cast<double>(kMeanInt8 * chain.channels); }

// In [−1, 1).
double symmetric(Random& random) { return 2 * random.next() - 1; }

// Elements `draw(random)`, the same whatever the threads: draw n is the n-th of the seed's sequence.
template <class T, class Draw>
Tensor random_tensor(TensorType type, uint64_t seed, const Draw& draw) {
  std::vector<std::byte> bytes(type.bytes());
  T* const elements = reinterpret_cast<T*>(bytes.data());
  parallel_for(type.count(), 1 << 16, [&](int64_t begin, int64_t end) {
    Random random(seed, static_cast<uint64_t>(begin));
    for (int64_t i = begin; i < end; ++i) elements[i] = draw(random);
  });
  return Tensor::own(std::move(type), std::move(bytes));
}

Tensor layer_weight(const Chain& chain, uint64_t seed) {
  if (chain.form == Form::w8a8) {
    return random_tensor<int8_t>({DType::int8, weight_shape(chain)}, seed, [](Random& random) {
      return static_cast<int8_t>(kLeastInt8 + static_cast<int64_t>(random.below(2 * (kMeanInt8 - kLeastInt8) + 1)));
    });
  }
  const double bound = std::sqrt(3 / static_cast<double>(chain.channels));
  return random_tensor<Half>({DType::fp16, weight_shape(chain)}, seed,
                             [bound](Random& random) { return Half::from(bound * symmetric(random)); });
}

Value layer(Value x, const Chain& chain, int64_t i) {
  Builder& b = x.builder();
  if (chain.form == Form::fp16) return conv(x, b.weight(layer_name(i), {DType::fp16, weight_shape(chain)}));
  if (i > 0) x = through_int8(x, kActivationScale);
  return conv(x, int8_weight(b, layer_name(i), weight_shape(chain), int8_scale(chain)));
}

}  // namespace

std::string_view to_string(Form form) { return form == Form::fp16 ? "fp16" : "w8a8"; }

double Chain::flop() const {
  return 2.0 * static_cast<double>(channels * channels) * static_cast<double>(pixels() * depth);
}

int64_t Chain::weight_bytes() const { return channels * channels * depth * (form == Form::fp16 ? 2 : 1); }
int64_t Chain::activation_bytes() const { return channels * pixels() * 2; }

Result<mil::Function> chain_function(const Chain& chain) {
  Builder b;
  const Value input = b.input("x", {chain.boundary, {1, chain.channels, chain.height, chain.width}});
  Value x = cast(input, DType::fp16);
  for (int64_t i = 0; i < chain.depth; ++i) x = layer(x, chain, i);
  b.output("y", cast(x, chain.boundary));
  return b.finish();
}

mil::Weights chain_weights(const Chain& chain, uint64_t seed) {
  mil::Weights weights;
  Random seeds(seed);
  for (int64_t i = 0; i < chain.depth; ++i) {
    weights.set(mil::weight_file(layer_name(i)), layer_weight(chain, seeds.next_bits()));
  }
  return weights;
}

std::vector<float> chain_pixel(const Chain& chain, uint64_t seed) {
  Random random(seed);
  const double brightness = 1 + symmetric(random) / 4;  // W8A8 keeps the mean, which tells pixels apart
  std::vector<float> pixel(static_cast<size_t>(chain.channels));
  for (float& x : pixel) {
    const double value = chain.form == Form::fp16 ? std::sqrt(3.0) * symmetric(random)
                                                  : brightness * kMeanPixel * (1 + symmetric(random) / 2);
    x = Half::from(value).value();
  }
  return pixel;
}

}  // namespace anemone::bench
