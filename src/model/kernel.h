// A kernel: one MIL program of the model, with the places of its operands in its packed input and output.
//
// The engine wants one input and one output surface, [1, C, 1, W]; several tensors share them as slots, blocks of
// channels and columns. Weights come from one of two sources:
//   baked    they are constants; the program is compiled anew when they change. Activations are stacked in channels,
//            those of another width beside them.
//   dynamic  they stand beside the activations in the columns of the input; the program is compiled once.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "mil/builder.h"
#include "model/geometry.h"

namespace anemone::model {

using mil::Value;

enum class WeightSource { baked, dynamic };

// The weights of a layer and of the model's head.
enum class Weight {
  attention_norm,
  wq,
  wk,
  wv,
  wo,
  q_norm,
  k_norm,
  ffn_norm,
  w1,
  w3,
  w2,
  final_norm,
  classifier,
};

inline constexpr std::array kLayerWeights{
    Weight::attention_norm, Weight::wq,       Weight::wk, Weight::wv, Weight::wo, Weight::q_norm,
    Weight::k_norm,         Weight::ffn_norm, Weight::w1, Weight::w3, Weight::w2};

// Rows and columns of a weight as the parameters hold it, [out, in]; a norm is a column [n, 1].
struct MatrixShape {
  int64_t rows, columns;
};
MatrixShape shape_of(Weight weight, const Config& config);
bool is_norm(Weight weight);

// A block of a surface [1, C, 1, W]: channels [row, row + rows), columns [column, column + columns).
struct Slot {
  std::string name;
  int64_t row = 0, rows = 0;
  int64_t column = 0, columns = 0;
};

// Where a weight goes: into a constant (baked) or into a slot of the input (dynamic); transposed or as it is.
struct WeightPlace {
  Weight weight;
  bool transpose = false;   // write Wᵀ instead of W
  Slot slot;                // dynamic
  mil::BlobReference blob;  // baked
  mil::TensorType type;     // baked: of the constant
};

struct Kernel {
  std::string name;
  WeightSource source;
  Config config;
  mil::Function function;             // one input "x", one output "y"
  mil::TensorType input, output;      // [1, C, 1, W]
  std::vector<Slot> inputs, outputs;  // the activations
  std::vector<WeightPlace> weights;
  mil::Weights tables;  // constants that are not trained: mask, rotary tables

  const Slot& in(std::string_view slot) const;
  const Slot& out(std::string_view slot) const;
};

// A kernel's use of a weight: the matrix that multiplies is M = W, or M = Wᵀ in a backward pass.
struct WeightUse {
  Weight weight;
  bool transposed = false;
};

// Lays out a kernel's operands, hands them out as values and collects its results.
class KernelBuilder {
 public:
  struct Activation {
    std::string name;
    int64_t channels;
    int64_t columns = 0;  // 0: one for each token
  };
  struct Output {
    std::string name;
    Value value;
  };

  KernelBuilder(std::string name, const Geometry& geometry, WeightSource source,
                const std::vector<Activation>& activations, const std::vector<WeightUse>& weights);

  Value operator[](std::string_view activation) const;  // [1, channels, 1, its columns]
  Value norm(Weight weight) const;                      // [1, n, 1, 1]
  // y = M·x: x [1, in, 1, T] → [1, out, 1, T].
  Value linear(Value x, WeightUse use) const;
  // A constant of the geometry's element type.
  Value table(const std::string& name, const mil::Shape& shape, std::vector<double> values);

  // The outputs, concatenated by channels in the order given.
  Result<Kernel> finish(const std::vector<Output>& outputs);

 private:
  struct Placed {
    WeightUse use;
    Value value;
    bool rows_are_inputs;  // dynamic: the slot holds Mᵀ [in, out], else M [out, in]
  };
  void stack_inputs(const std::vector<Activation>& activations, const std::vector<WeightUse>& weights);
  void bake(WeightUse use);
  int64_t width_beside(WeightUse use, int64_t rows) const;
  void place_beside(WeightUse use, int64_t rows, int64_t& column);
  const Placed& find(WeightUse use) const;

  Geometry geometry_;
  mil::Builder builder_;
  Kernel kernel_;
  Value input_;
  std::vector<Value> activations_;
  std::vector<Placed> weights_;
};

}  // namespace anemone::model
