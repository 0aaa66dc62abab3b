#include "model/kernel.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace anemone::model {
namespace {

constexpr std::array<std::string_view, 13> kNames{"attention_norm", "wq",       "wk", "wv", "wo", "q_norm",
                                                  "k_norm",         "ffn_norm", "w1", "w3", "w2", "final_norm",
                                                  "classifier"};

std::string name_of(WeightUse use) {
  return std::string(kNames[static_cast<size_t>(use.weight)]) + (use.transposed ? "t" : "");
}

const Slot& find_slot(const std::vector<Slot>& slots, std::string_view name) {
  const auto found = std::ranges::find(slots, name, &Slot::name);
  CHECK(found != slots.end());
  return *found;
}

// The shape of the matrix that multiplies.
MatrixShape multiplier(WeightUse use, const Config& config) {
  const MatrixShape w = shape_of(use.weight, config);
  return use.transposed ? MatrixShape{w.columns, w.rows} : w;
}

}  // namespace

MatrixShape shape_of(Weight weight, const Config& c) {
  switch (weight) {
    case Weight::attention_norm:
    case Weight::ffn_norm:
    case Weight::final_norm:
      return {c.dim, 1};
    case Weight::q_norm:
    case Weight::k_norm:
      return {c.head_dim, 1};
    case Weight::wq:
      return {c.q_dim(), c.dim};
    case Weight::wk:
    case Weight::wv:
      return {c.kv_dim(), c.dim};
    case Weight::wo:
      return {c.dim, c.q_dim()};
    case Weight::w1:
    case Weight::w3:
      return {c.hidden, c.dim};
    case Weight::w2:
      return {c.dim, c.hidden};
    case Weight::classifier:
      return {c.vocab, c.dim};
  }
  return {};
}

bool is_norm(Weight weight) {
  return weight == Weight::attention_norm || weight == Weight::ffn_norm || weight == Weight::final_norm ||
         weight == Weight::q_norm || weight == Weight::k_norm;
}

const Slot& Kernel::in(std::string_view slot) const { return find_slot(inputs, slot); }
const Slot& Kernel::out(std::string_view slot) const { return find_slot(outputs, slot); }

KernelBuilder::KernelBuilder(std::string name, const Geometry& geometry, WeightSource source,
                             const std::vector<Activation>& activations, const std::vector<WeightUse>& weights)
    : geometry_(geometry) {
  kernel_.name = std::move(name);
  kernel_.source = source;
  kernel_.config = geometry.config;
  stack_inputs(activations, weights);
}

// With dynamic weights everything stands side by side in the columns of equally many channels; otherwise activations of
// one width are stacked in the channels, so that each is one contiguous block where there is but one width.
void KernelBuilder::stack_inputs(const std::vector<Activation>& activations, const std::vector<WeightUse>& weights) {
  const bool beside = kernel_.source == WeightSource::dynamic && !weights.empty();
  int64_t row = 0, column = 0, rows = 0, width = 0;  // width: of the stack that begins at `column`
  for (const Activation& a : activations) {
    const int64_t columns = a.columns == 0 ? geometry_.tokens() : a.columns;
    if (beside || columns != width) {
      column += width;
      row = 0;
    }
    width = columns;
    kernel_.inputs.push_back({a.name, row, a.channels, column, columns});
    row += a.channels;
    rows = std::max(rows, row);
  }
  column += width;
  int64_t total = column;
  for (const WeightUse& use : weights) total += beside ? width_beside(use, rows) : 0;
  input_ = builder_.input("x", {geometry_.dtype, {1, rows, 1, total}});
  kernel_.input = input_.type();
  for (const WeightUse& use : weights) beside ? place_beside(use, rows, column) : bake(use);
  for (const Slot& s : kernel_.inputs) {
    Value rows_of = s.rows == rows ? input_ : slice(input_, 1, s.row, s.rows);
    activations_.push_back(s.columns == rows_of.dim(3) ? rows_of : slice(rows_of, 3, s.column, s.columns));
  }
}

void KernelBuilder::bake(WeightUse use) {
  const MatrixShape m = multiplier(use, geometry_.config);
  const mil::Shape shape = is_norm(use.weight) ? mil::Shape{1, m.rows, 1, 1} : mil::Shape{m.rows, m.columns, 1, 1};
  const mil::TensorType type{geometry_.dtype, shape};
  const std::string name = name_of(use);
  weights_.push_back({use, builder_.weight(name, type), false});
  WeightPlace& place = kernel_.weights.emplace_back();
  place.weight = use.weight;
  place.transpose = use.transposed;
  place.blob = mil::weight_file(name);
  place.type = type;
}

int64_t KernelBuilder::width_beside(WeightUse use, int64_t rows) const {
  const MatrixShape m = multiplier(use, geometry_.config);
  return !is_norm(use.weight) && m.columns == rows ? m.rows : m.columns;
}

// M [out, in] goes in as Mᵀ where its inputs are the channels of the surface, as M where its outputs are.
void KernelBuilder::place_beside(WeightUse use, int64_t rows, int64_t& column) {
  const MatrixShape m = multiplier(use, geometry_.config);
  const bool norm = is_norm(use.weight);
  const bool rows_are_inputs = !norm && m.columns == rows;
  const int64_t slot_rows = rows_are_inputs ? m.columns : m.rows;
  const int64_t width = width_beside(use, rows);
  CHECK(slot_rows <= rows && (norm || slot_rows == rows));
  Value columns = slice(input_, 3, column, width);
  Value value = slot_rows == rows ? columns : slice(columns, 1, 0, slot_rows);
  weights_.push_back({use, value, rows_are_inputs});
  WeightPlace& place = kernel_.weights.emplace_back();
  place.weight = use.weight;
  place.transpose = use.transposed != rows_are_inputs;
  place.slot = {name_of(use), 0, slot_rows, column, width};
  column += width;
}

const KernelBuilder::Placed& KernelBuilder::find(WeightUse use) const {
  const auto found = std::ranges::find_if(weights_, [&](const Placed& placed) {
    return placed.use.weight == use.weight && placed.use.transposed == use.transposed;
  });
  CHECK(found != weights_.end());
  return *found;
}

Value KernelBuilder::operator[](std::string_view activation) const {
  const Slot& slot = kernel_.in(activation);
  return activations_[static_cast<size_t>(&slot - kernel_.inputs.data())];
}

Value KernelBuilder::norm(Weight weight) const { return find({weight}).value; }

Value KernelBuilder::linear(Value x, WeightUse use) const {
  const Placed& w = find(use);
  if (kernel_.source == WeightSource::baked) return conv(x, w.value);
  Value matrix = reshape(w.value, {1, 1, w.value.dim(1), w.value.dim(3)});
  Value columns = reshape(x, {1, 1, x.dim(1), x.dim(3)});
  Value y = w.rows_are_inputs ? matmul_tn(matrix, columns) : matmul(matrix, columns);
  return reshape(y, {1, y.dim(2), 1, y.dim(3)});
}

Value KernelBuilder::table(const std::string& name, const mil::Shape& shape, std::vector<double> values) {
  const mil::TensorType type{geometry_.dtype, shape};
  kernel_.tables.set(mil::weight_file(name), mil::Tensor::from_numbers(type, values));
  return builder_.weight(name, type);
}

Result<Kernel> KernelBuilder::finish(const std::vector<Output>& outputs) {
  std::vector<Value> values;
  int64_t row = 0;
  for (const Output& output : outputs) {
    kernel_.outputs.push_back({output.name, row, output.value.dim(1), 0, output.value.dim(3)});
    row += output.value.dim(1);
    values.push_back(output.value);
  }
  Value y = values.size() == 1 ? values[0] : concat(values, 1);
  kernel_.output = y.type();
  builder_.output("y", y);
  kernel_.function = TRY(builder_.finish());
  return std::move(kernel_);
}

}  // namespace anemone::model
