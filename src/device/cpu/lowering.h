// From a function to a plan: what the rules of the ops work with.
//
// Three passes. Constants are folded. Then, from the last op to the first, values that an output or a concat will hold
// get a *home* there, so that whoever computes them writes them in place. Then each op's rule, in order, turns its
// arguments' views into a view of its result, with or without steps.
//
// A rule reads its operands with read(), puts what it computes where place() says and ends with settle(); a rule that
// only moves data calls define() with a view of its operand.
#pragma once

#include <functional>
#include <map>
#include <variant>

#include "device/cpu/fusion.h"
#include "device/cpu/plan.h"
#include "device/device.h"
#include "mil/function.h"

namespace anemone::cpu {

Result<Plan> lower(const mil::Function& function, const mil::Weights& weights, Precision precision);

// An operation with its constants at hand.
struct Node {
  const mil::Operation* operation;
  mil::OpCall call;

  mil::ValueId operand(std::string_view name, size_t i = 0) const { return operation->argument(name)->values[i]; }
  mil::ValueId result() const { return operation->results[0]; }
};

class Lowering;

struct Rule {
  std::string_view op;
  std::function<Result<>(Lowering&, const Node&)> lower;
  // For an op that only renames the places of x: where x should stand so that the result stands at `home`.
  std::function<std::optional<View>(const Node&, const mil::Shape& x, const View& home)> pull = nullptr;
};

// The rule of an op, or null.
const Rule* find_rule(std::string_view op);
std::vector<Rule> elementwise_rules();
std::vector<Rule> product_rules();
std::vector<Rule> reduction_rules();
std::vector<Rule> movement_rules();

// The homes of concat's operands within that of its result.
std::vector<View> concat_parts(const Node& concat, const View& home);

class Lowering {
 public:
  Lowering(const mil::Function& function, Precision precision);
  Result<> load_constants(const mil::Weights& weights);
  void find_homes();
  Result<> lower_operations();
  Plan finish();

  const mil::Shape& shape(mil::ValueId id) const { return function_.value(id).type.shape; }
  // What a stored value of this type keeps of its bits.
  Rounding rounding(mil::ValueId id) const;
  const mil::Tensor* constant(mil::ValueId id) const;

  // Where the value stands as floats; steps that compute it have been emitted.
  View read(mil::ValueId id);
  // As read(), rounded to what matrix products take.
  View read_factor(mil::ValueId id);
  // As read(), with elements in packed order.
  View read_packed(mil::ValueId id);
  // A 16-bit surface's own elements, while the value is nothing but an input; else nothing.
  std::optional<View> raw_input(mil::ValueId id) const;

  // Where a concat's result is put together.
  View home(mil::ValueId id) const { return *state(id).home; }
  // Where a value should be computed before rounding.
  View place(mil::ValueId id);
  // The value has been computed, unrounded, at `view`: from place(), or a temporary.
  void settle(mil::ValueId id, const View& view);
  // The value stands at `view`, final; it is copied to its home if that is elsewhere.
  void define(mil::ValueId id, const View& view);
  View temporary(const mil::Shape& shape);

  void emit(const std::vector<View>& touched, Step step);
  void emit_copy(const View& from, const View& to);
  void emit_widen(const View& raw, mil::DType dtype, const View& to);

  // Appends an elementwise op to the chain being gathered; an operand is a value or a place.
  using ElementOperand = std::variant<mil::ValueId, View>;
  void fuse(mil::ValueId result, TileInstruction instruction, const std::vector<ElementOperand>& operands);

 private:
  struct State {
    std::optional<mil::Tensor> constant;
    std::optional<View> raw;   // a 16-bit input's own elements
    std::optional<View> home;  // where an output or a concat will have it
    std::optional<View> view, factor;
    std::optional<uint8_t> pending;  // register in the chain
    const mil::Operation* producer = nullptr;
    int uses = 0;  // as operands still to be lowered, and as outputs
  };

  State& state(mil::ValueId id) { return states_[size_t(id)]; }
  const State& state(mil::ValueId id) const { return states_[size_t(id)]; }
  std::vector<mil::OpCall::Argument> arguments(const mil::Operation& operation) const;
  bool is_constant(const mil::Operation& operation) const;
  bool wants_packed_home(const mil::Operation& reshape) const;
  void find_homes_of(const mil::Operation& operation);
  void set_home(mil::ValueId id, const View& home);
  Result<> lower_operation(const mil::Operation& operation);
  uint8_t chain_register(const ElementOperand& operand);
  void flush();
  BufferId add_buffer(PlanBuffer buffer);
  View constant_view(const mil::Tensor& tensor, Rounding rounding);
  View rounded_copy(const View& view, Rounding rounding);
  void emit_chain(const ElementwiseChain& chain);
  void write_outputs();

  const mil::Function& function_;
  Precision precision_;
  Plan plan_;
  std::vector<State> states_;
  std::vector<BufferId> outputs_;
  std::optional<ElementwiseChain> chain_;
  std::vector<mil::ValueId> chained_;  // values that the chain computes
};

}  // namespace anemone::cpu
