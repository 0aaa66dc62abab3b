// What the tests of kernels share: operands, packing them as a kernel wants them, running it on the interpreter.
//
//   const WeightMatrices weights = random_weights(g.config, 1);
//   Slots slots{{"x2", random_matrix(g.config.dim, g.tokens(), 2)}};
//   run(ffn_forward(g), weights, slots);                 // adds f, h1, h3, g and x2n
//   slots["df"] = ...;
//   run(ffn_backward(g), weights, slots);                // finds its operands by name, adds dx, dh1 and dh3
//
// Random numbers are multiples of a power of two that a half holds exactly, so that no precision changes them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "mil/interpreter.h"
#include "model/kernels.h"

namespace anemone::model {

// Rows × columns: activations [channels, tokens], weights [out, in].
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> data{};

  static Matrix zeros(int64_t rows, int64_t columns) {
    return {rows, columns, std::vector<double>(static_cast<size_t>(rows * columns))};
  }
  double& operator()(int64_t row, int64_t column) { return data[static_cast<size_t>(row * columns + column)]; }
  double operator()(int64_t row, int64_t column) const { return data[static_cast<size_t>(row * columns + column)]; }
};

using Slots = std::map<std::string, Matrix>;      // activations by name
using WeightMatrices = std::map<Weight, Matrix>;  // as the parameters hold them
using Range = std::pair<int64_t, int64_t>;        // [first, second)

// Multiples of 1/1024 in [−1, 1), times `scale`, a power of two.
inline Matrix random_matrix(int64_t rows, int64_t columns, uint64_t seed, double scale = 1) {
  Random random(seed);
  Matrix matrix = Matrix::zeros(rows, columns);
  for (double& x : matrix.data) x = (static_cast<double>(random.below(2048)) - 1024) / 1024 * scale;
  return matrix;
}

// A power of two near 1/√n.
inline double training_scale(int64_t n) { return std::exp2(-std::round(std::log2(static_cast<double>(n)) / 2)); }

// Matrices with variance near 1/(3·in); norms in [0.5, 1.5), well off the 1 at which a wrong formula may look right.
inline WeightMatrices random_weights(const Config& config, uint64_t seed) {
  WeightMatrices weights;
  for (Weight weight = Weight::attention_norm; weight <= Weight::classifier; weight = Weight(int(weight) + 1)) {
    const MatrixShape shape = shape_of(weight, config);
    const double scale = is_norm(weight) ? 0.5 : training_scale(shape.columns);
    Matrix& w = weights[weight] = random_matrix(shape.rows, shape.columns, seed * 100 + uint64_t(weight), scale);
    if (is_norm(weight)) std::ranges::for_each(w.data, [](double& x) { x += 1; });
  }
  return weights;
}

inline Matrix transposed(const Matrix& m) {
  Matrix t = Matrix::zeros(m.columns, m.rows);
  for (int64_t i = 0; i < m.rows; ++i) {
    for (int64_t j = 0; j < m.columns; ++j) t(j, i) = m(i, j);
  }
  return t;
}

// x·y
inline Matrix product(const Matrix& x, const Matrix& y) {
  CHECK(x.columns == y.rows);
  Matrix out = Matrix::zeros(x.rows, y.columns);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t k = 0; k < x.columns; ++k) {
      for (int64_t j = 0; j < y.columns; ++j) out(i, j) += x(i, k) * y(k, j);
    }
  }
  return out;
}

inline Matrix columns_of(const Matrix& m, Range range) {
  Matrix out = Matrix::zeros(m.rows, range.second - range.first);
  for (int64_t i = 0; i < out.rows; ++i) {
    for (int64_t j = 0; j < out.columns; ++j) out(i, j) = m(i, range.first + j);
  }
  return out;
}

// Σ x∘y
inline double inner_product(const Matrix& x, const Matrix& y) {
  CHECK(x.rows == y.rows && x.columns == y.columns);
  double total = 0;
  for (size_t i = 0; i < x.data.size(); ++i) total += x.data[i] * y.data[i];
  return total;
}

// max|x − y| / max|y|, infinite where the shapes differ or a number is not finite.
inline double relative_error(const Matrix& x, const Matrix& y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (x.rows != y.rows || x.columns != y.columns) return kInfinity;
  double difference = 0, largest = 0;
  for (size_t i = 0; i < x.data.size(); ++i) {
    if (!std::isfinite(x.data[i]) || !std::isfinite(y.data[i])) return kInfinity;
    difference = std::max(difference, std::abs(x.data[i] - y.data[i]));
    largest = std::max(largest, std::abs(y.data[i]));
  }
  return difference == 0 ? 0 : difference / largest;
}

// A weight as its place wants it.
inline Matrix as_placed(const WeightPlace& place, const WeightMatrices& weights) {
  const Matrix& w = weights.at(place.weight);
  return place.transpose ? transposed(w) : w;
}

// The tables and, where they are baked, the weights.
inline mil::Weights constants_of(const Kernel& kernel, const WeightMatrices& weights) {
  mil::Weights constants = kernel.tables;
  if (kernel.source == WeightSource::dynamic) return constants;
  for (const WeightPlace& place : kernel.weights) {
    constants.set(place.blob, mil::Tensor::from_numbers(place.type, as_placed(place, weights).data));
  }
  return constants;
}

inline void put(const Matrix& values, const Slot& slot, mil::Array& surface) {
  CHECK(values.rows == slot.rows && values.columns == slot.columns);
  const int64_t width = surface.type.shape[3];
  for (int64_t i = 0; i < slot.rows; ++i) {
    std::copy_n(&values.data[size_t(i * slot.columns)], slot.columns,
                &surface.data[size_t((slot.row + i) * width + slot.column)]);
  }
}

inline Matrix get(const mil::Array& surface, const Slot& slot) {
  const int64_t width = surface.type.shape[3];
  Matrix values = Matrix::zeros(slot.rows, slot.columns);
  for (int64_t i = 0; i < slot.rows; ++i) {
    std::copy_n(&surface.data[size_t((slot.row + i) * width + slot.column)], slot.columns,
                &values.data[size_t(i * slot.columns)]);
  }
  return values;
}

// The kernel's input; what belongs to no slot is NaN, for it must never be read.
inline mil::Array pack(const Kernel& kernel, const Slots& slots, const WeightMatrices& weights) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  mil::Array surface{kernel.input, std::vector<double>(static_cast<size_t>(kernel.input.count()), nan)};
  for (const Slot& slot : kernel.inputs) put(slots.at(slot.name), slot, surface);
  if (kernel.source == WeightSource::baked) return surface;
  for (const WeightPlace& place : kernel.weights) put(as_placed(place, weights), place.slot, surface);
  return surface;
}

inline Slots unpack(const Kernel& kernel, const mil::Array& output) {
  Slots slots;
  for (const Slot& slot : kernel.outputs) slots[slot.name] = get(output, slot);
  return slots;
}

// A kernel with its weights, on the interpreter, in double precision.
class KernelRun {
 public:
  KernelRun(Result<Kernel> kernel, const WeightMatrices& weights)
      : kernel_(std::move(kernel).value()),
        weights_(weights),
        interpreter_(
            mil::Interpreter::create(kernel_.function, constants_of(kernel_, weights), mil::Rounding::none).value()) {}

  const Kernel& kernel() const { return kernel_; }
  Slots operator()(const Slots& slots) const { return (*this)(slots, weights_); }
  // With other dynamic weights.
  Slots operator()(const Slots& slots, const WeightMatrices& weights) const {
    return unpack(kernel_, interpreter_.run(std::vector{pack(kernel_, slots, weights)})[0]);
  }

 private:
  Kernel kernel_;
  WeightMatrices weights_;
  mil::Interpreter interpreter_;
};

// Runs a kernel on the slots that it names and adds its outputs to them.
inline void run(Result<Kernel> kernel, const WeightMatrices& weights, Slots& slots) {
  for (auto& [name, values] : KernelRun(std::move(kernel), weights)(slots)) slots[name] = std::move(values);
}

// Small models of every make: grouped heads, rotations, q/k norms, batches; dimensions that coincide and that do not.
inline std::vector<Geometry> kernel_cases(mil::DType dtype = mil::DType::fp32) {
  const auto geometry = [&](Config config, int64_t batch, int64_t seq) {
    config.layers = 1;
    config.vocab = 17;
    config.seq = seq;
    config.rope_theta = 100;
    config.norm_eps = 1.0 / 128;  // large, so that it shows
    return Geometry{config, batch, seq, dtype};
  };
  using enum Rope;
  const auto shape = [](std::string name, int64_t dim, int64_t hidden, int64_t heads, int64_t kv_heads,
                        int64_t head_dim, Rope rope, bool qk_norm, double residual_scale) {
    return Config{.name = std::move(name),
                  .dim = dim,
                  .hidden = hidden,
                  .heads = heads,
                  .kv_heads = kv_heads,
                  .head_dim = head_dim,
                  .rope = rope,
                  .qk_norm = qk_norm,
                  .residual_scale = residual_scale};
  };
  return {
      geometry(shape("grouped_interleaved", 12, 9, 4, 2, 8, interleaved, false, 0.5), 1, 5),
      geometry(shape("grouped_half_norms_batch2", 10, 9, 4, 2, 8, half, true, 0.5), 2, 5),
      geometry(shape("square_interleaved", 12, 12, 3, 3, 4, interleaved, false, 0.5), 1, 7),
      geometry(shape("square_half_norms_batch2", 12, 12, 3, 3, 4, half, true, 1), 2, 5),
      geometry(shape("one_kv_head_plain", 6, 11, 4, 1, 4, none, false, 0.5), 1, 7),
      geometry(shape("one_kv_head_norms_batch2", 6, 5, 4, 1, 4, interleaved, true, 0.5), 2, 5),
      geometry(shape("wide_half_batch2", 20, 7, 3, 3, 4, half, false, 1), 2, 7),
      geometry(shape("plain_norms", 8, 16, 4, 2, 2, none, true, 0.5), 1, 5),
  };
}

// Names parameterised tests by their configuration.
struct CaseName {
  template <class Info>
  std::string operator()(const Info& info) const {
    return info.param.config.name;
  }
};

}  // namespace anemone::model
