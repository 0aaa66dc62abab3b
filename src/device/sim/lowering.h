// From a function to a plan: what the rules of the ops work with.
//
// Ops without a rule are first replaced by their compositions (mil/rewrite.h). Then each op's rule, in order, turns its
// operands' views into a view of its result, with or without steps. What only moves data is a view where the layout
// allows; an op without a rule or composition is computed exactly and rounded once, which is a choice (choices.h).
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "base/parallel.h"
#include "device/sim/functions.h"
#include "device/sim/kernels.h"
#include "device/sim/plan.h"
#include "mil/engine/profile.h"

namespace anemone::sim {

// Functions of a half by pattern, each made once for all programs of a device, in whatever thread they are compiled.
class Tables {
 public:
  // `key` names the function, its settings included.
  std::shared_ptr<const Tabulated> find(const std::string& key, const std::function<Half(Half)>& function);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Tabulated>> tables_;
};

// What a program is lowered for.
struct Target {
  mil::Profile profile{};
  const Kernels* kernels = nullptr;
  Tables* tables = nullptr;
};

// Fails where a value has a type that the engine lacks.
Result<Plan> lower(const mil::Function& function, const mil::Weights& weights, const Target& target);

// An operation with its constants at hand.
struct Node {
  const mil::Operation* operation;
  mil::OpCall call;

  mil::ValueId operand(std::string_view name, size_t i = 0) const { return operation->argument(name)->values[i]; }
  bool has(std::string_view name) const { return operation->argument(name) != nullptr; }
  mil::ValueId result() const { return operation->results[0]; }
};

// A tensor's elements: halves as they stand, other numbers rounded.
std::vector<Half> halves_of(const mil::Tensor& tensor, Half (*round)(double));

class Lowering;

struct Rule {
  std::string_view op;
  Result<> (*lower)(Lowering&, const Node&);
};

// The rule of an op, or null.
const Rule* find_rule(std::string_view op);
std::vector<Rule> elementwise_rules();
std::vector<Rule> product_rules();
std::vector<Rule> movement_rules();
std::vector<Rule> reduction_rules();
std::vector<Rule> quantization_rules();

class Lowering {
 public:
  Lowering(mil::Function function, const Target& target);
  Result<> load_constants(const mil::Weights& weights);
  Result<> lower_operations();
  Plan finish();

  const mil::Function& function() const { return plan_.function; }
  const mil::Shape& shape(mil::ValueId id) const { return plan_.function.value(id).type.shape; }
  const Target& target() const { return target_; }
  const Kernels& kernels() const { return *target_.kernels; }
  const mil::Tensor* constant(mil::ValueId id) const;
  // The operation that computes a value, or null.
  const mil::Operation* producer(mil::ValueId id) const { return producers_[size_t(id)]; }

  View read(mil::ValueId id);
  View read_packed(mil::ValueId id);
  // Memory of its own for a value, in order.
  View result(mil::ValueId id);
  void define(mil::ValueId id, const View& view) { plan_.values[size_t(id)] = view; }
  View temporary(const mil::Shape& shape);
  View temporary_doubles(const mil::Shape& shape);
  View constant_view(std::vector<Half> halves, const mil::Shape& shape);
  std::vector<Half> constant_halves(mil::ValueId id) const;  // of a constant

  void emit(Step step);
  void emit_copy(const View& from, const View& to);
  // to = x ∘ y, of one shape but for repetition.
  void emit_combine(Combination how, const View& x, const View& y, const View& to);
  // to = f(x), both in order.
  void emit_function(const std::string& key, const std::function<Half(Half)>& function, const View& x, const View& to);
  void reserve_scratch(size_t floats) { plan_.scratch_floats = std::max(plan_.scratch_floats, floats); }
  // The results of what is being lowered lean on a choice.
  void note(Choice choice);

  // Evaluates an op as the table does, in double precision: on the numbers that the halves stand for, rounded once, or,
  // for an op that only moves its operands, on their patterns.
  enum class Meaning : uint8_t { numbers, patterns };
  void emit_reference(const mil::Operation& operation, Meaning meaning);
  std::vector<mil::OpCall::Argument> arguments(const mil::Operation& operation) const;

 private:
  Result<> lower_operation(const mil::Operation& operation);
  bool is_constant(const mil::Operation& operation) const;
  BufferId add_buffer(PlanBuffer buffer);

  Target target_;
  Plan plan_;
  std::vector<std::optional<mil::Tensor>> constants_;  // by value id
  std::vector<const mil::Operation*> producers_;
  const mil::Operation* current_ = nullptr;
};

// Calls body(index, begin, count) for runs along the inner dimension of a nest, in parallel: `index` counts the rows of
// the nest, and a run is part of one.
template <class Body>
void for_each_run(const Loops& loops, const Body& body) {
  constexpr int64_t kLongest = 4096;
  const int64_t pieces = (loops.inner() + kLongest - 1) / kLongest;
  parallel_for(loops.rows() * pieces, std::max<int64_t>(1, kLongest / std::max<int64_t>(1, loops.inner())),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = first; i < last; ++i) {
                   const int64_t begin = i % pieces * kLongest;
                   body(i / pieces, begin, std::min(kLongest, loops.inner() - begin));
                 }
               });
}

}  // namespace anemone::sim
