#include "device/sim/lowering.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "device/sim/arithmetic/number.h"
#include "mil/inference.h"
#include "mil/interpreter.h"
#include "mil/rewrite.h"

namespace anemone::sim {
namespace {

constexpr int64_t kAlignment = 32;  // halves: a cache line

int64_t aligned(int64_t halves) { return (halves + kAlignment - 1) / kAlignment * kAlignment; }

const std::vector<Rule>& all_rules() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all;
    for (const auto& part :
         {elementwise_rules(), product_rules(), movement_rules(), reduction_rules(), quantization_rules()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rules;
}

bool is_held(mil::DType dtype) {
  return mil::is_float(dtype) || dtype == mil::DType::boolean || dtype == mil::DType::int8 ||
         dtype == mil::DType::uint8;
}

Result<> check_types(const mil::Function& function, std::string_view what, const std::vector<mil::ValueId>& ids) {
  for (mil::ValueId id : ids) {
    const mil::ValueInfo& value = function.value(id);
    if (is_held(value.type.dtype)) continue;
    return fail("C14: {} {} is {} at run time, but the engine computes with halves: cast on the host", what, value.name,
                mil::to_string(value.type));
  }
  return {};
}

// What the engine sees of a function: on the direct path no mask of an attention (Choice::attention_mask).
mil::Function as_seen(mil::Function function, const mil::Profile& profile) {
  if (profile.path != mil::Path::direct) return function;
  for (mil::Operation& operation : function.operations) {
    if (operation.op->name != "scaled_dot_product_attention") continue;
    std::erase_if(operation.arguments, [](const mil::Argument& a) { return a.name == "attn_mask"; });
  }
  return function;
}

}  // namespace

std::vector<Half> halves_of(const mil::Tensor& tensor, Half (*round)(double)) {
  std::vector<Half> halves(size_t(tensor.type().count()));
  const auto bytes = tensor.bytes();
  for (size_t i = 0; i < halves.size(); ++i) {
    if (tensor.type().dtype == mil::DType::fp16) {
      std::memcpy(&halves[i].bits, bytes.data() + i * sizeof(Half), sizeof(Half));
    } else {
      halves[i] = round(tensor.number(int64_t(i)));
    }
  }
  return halves;
}

std::shared_ptr<const Tabulated> Tables::find(const std::string& key, const std::function<Half(Half)>& function) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Tabulated>& table = tables_[key];
  if (table != nullptr) return table;
  auto made = std::make_shared<Tabulated>();
  for (size_t bits = 0; bits < made->size(); ++bits) (*made)[bits] = function({uint16_t(bits)});
  table = made;
  return table;
}

const Rule* find_rule(std::string_view op) {
  const auto found = std::ranges::find(all_rules(), op, &Rule::op);
  return found == all_rules().end() ? nullptr : &*found;
}

Lowering::Lowering(mil::Function function, const Target& target) : target_(target) {
  plan_.function = std::move(function);
  plan_.values.resize(plan_.function.values.size());
  producers_.resize(plan_.function.values.size(), nullptr);
  for (const mil::Operation& operation : plan_.function.operations) {
    for (mil::ValueId id : operation.results) producers_[size_t(id)] = &operation;
  }
  for (mil::ValueId id : plan_.function.inputs) plan_.inputs.push_back(result(id));
}

Result<> Lowering::load_constants(const mil::Weights& weights) {
  constants_ = TRY(mil::fold_constants(plan_.function, weights));
  return {};
}

BufferId Lowering::add_buffer(PlanBuffer buffer) {
  if (buffer.place == Place::arena) {
    buffer.offset = plan_.arena_halves;
    plan_.arena_halves += aligned(buffer.halves);
  }
  plan_.buffers.push_back(buffer);
  return static_cast<BufferId>(plan_.buffers.size() - 1);
}

const mil::Tensor* Lowering::constant(mil::ValueId id) const {
  const auto& tensor = constants_[size_t(id)];
  return tensor ? &*tensor : nullptr;
}

View Lowering::constant_view(std::vector<Half> halves, const mil::Shape& shape) {
  plan_.constants.push_back(std::move(halves));
  return packed(add_buffer({.place = Place::constant, .index = plan_.constants.size() - 1}), shape);
}

View Lowering::read(mil::ValueId id) {
  std::optional<View>& view = plan_.values[size_t(id)];
  if (!view) {
    view = constant_view(constant_halves(id), shape(id));
  }
  return *view;
}

std::vector<Half> Lowering::constant_halves(mil::ValueId id) const {
  const mil::Tensor* tensor = constant(id);
  CHECK(tensor != nullptr);
  return halves_of(*tensor, Half::from);
}

View Lowering::read_packed(mil::ValueId id) {
  const View view = read(id);
  if (is_packed(view)) return view;
  View copied = temporary(view.shape);
  emit_copy(view, copied);
  return copied;
}

View Lowering::temporary(const mil::Shape& shape) { return packed(add_buffer({.halves = mil::count(shape)}), shape); }

View Lowering::temporary_doubles(const mil::Shape& shape) {
  constexpr auto kHalves = int64_t(sizeof(double) / sizeof(Half));
  return packed(add_buffer({.halves = mil::count(shape) * kHalves}), shape);
}

View Lowering::result(mil::ValueId id) {
  const View view = temporary(shape(id));
  define(id, view);
  return view;
}

void Lowering::emit(Step step) {
  plan_.steps.push_back(std::move(step));
  plan_.operations.push_back(current_);
}

void Lowering::emit_copy(const View& from, const View& to) {
  if (from.count() == 0) return;
  emit([loops = loops_over({&to, &from}), from, to](const Memory& m) {
    for_each_run(loops, [&](int64_t row, int64_t begin, int64_t count) {
      const int64_t to_stride = loops.inner_stride(0), from_stride = loops.inner_stride(1);
      Half* const target = m.at(to) + loops.row(0, row) + begin * to_stride;
      const Half* const source = m.at(from) + loops.row(1, row) + begin * from_stride;
      for (int64_t i = 0; i < count; ++i) target[i * to_stride] = source[i * from_stride];
    });
  });
}

void Lowering::emit_combine(Combination how, const View& x, const View& y, const View& to) {
  if (to.count() == 0) return;
  const View left = broadcast_to(x, to.shape), right = broadcast_to(y, to.shape);
  const auto combine = kernels().combine;
  emit([=, loops = loops_over({&to, &left, &right})](const Memory& m) {
    for_each_run(loops, [&](int64_t row, int64_t begin, int64_t count) {
      const auto run = [&](const View& view, size_t operand) -> Run {
        const int64_t stride = loops.inner_stride(operand);
        return {m.at(view) + loops.row(operand, row) + begin * stride, stride};
      };
      combine(how, run(left, 1), run(right, 2), m.at(to) + loops.row(0, row) + begin, count);
    });
  });
}

void Lowering::emit_function(const std::string& key, const std::function<Half(Half)>& function, const View& x,
                             const View& to) {
  const auto table = target_.tables->find(key, function);
  emit([=, loops = loops_over({&to, &x})](const Memory& m) {
    for_each_run(loops, [&](int64_t row, int64_t begin, int64_t count) {
      look_up(*table, m.at(x) + loops.row(1, row) + begin, m.at(to) + loops.row(0, row) + begin, count);
    });
  });
}

void Lowering::note(Choice choice) {
  std::vector<Choice>& noted = plan_.choices[current_];
  if (std::ranges::find(noted, choice) == noted.end()) noted.push_back(choice);
}

std::vector<mil::OpCall::Argument> Lowering::arguments(const mil::Operation& operation) const {
  return mil::call_arguments(plan_.function, operation, [&](mil::ValueId id) { return constant(id); });
}

bool Lowering::is_constant(const mil::Operation& operation) const {
  return !operation.results.empty() &&
         std::ranges::all_of(operation.results, [&](mil::ValueId id) { return constant(id) != nullptr; });
}

Result<> Lowering::lower_operation(const mil::Operation& operation) {
  if (is_constant(operation)) return {};
  TRY(check_types(plan_.function, operation.op->name, operation.results));
  current_ = &operation;
  if (!operation.results.empty() && plan_.function.value(operation.results[0]).type.dtype == mil::DType::fp32) {
    note(Choice::boundary_casts);
  }
  if (const Rule* rule = find_rule(operation.op->name)) {
    return rule->lower(*this, {&operation, mil::OpCall(arguments(operation))});
  }
  note(Choice::exact_elsewhere);
  emit_reference(operation, Meaning::numbers);
  return {};
}

Result<> Lowering::lower_operations() {
  TRY(check_types(plan_.function, "input", plan_.function.inputs));
  TRY(check_types(plan_.function, "output", plan_.function.outputs));
  for (const mil::Operation& operation : plan_.function.operations) TRY(lower_operation(operation));
  return {};
}

Plan Lowering::finish() {
  current_ = nullptr;
  for (mil::ValueId id : plan_.function.outputs) plan_.outputs.push_back(read_packed(id));
  return std::move(plan_);
}

Result<Plan> lower(const mil::Function& function, const mil::Weights& weights, const Target& target) {
  const auto composed = [](const mil::OpDef& op) { return find_rule(op.name) == nullptr && op.compose != nullptr; };
  const mil::Function seen = as_seen(function, target.profile);
  Lowering lowering(mil::without_dead_code(TRY(mil::expand(seen, composed, mil::Arithmetic::declared, &weights))),
                    target);
  TRY(lowering.load_constants(weights));
  TRY(lowering.lower_operations());
  return lowering.finish();
}

}  // namespace anemone::sim
