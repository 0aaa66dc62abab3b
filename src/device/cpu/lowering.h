// From a function to a plan: what the rules of the ops work with.
//
// Three passes. Constants are folded, patterns of operations that one kernel computes are found (patterns/pattern.h),
// and a rule is chosen for each op that is left. Then, from the last op to the first, values that an output or a concat
// will hold get a *home* there, so that whoever computes them writes them in place. Then each op's rule, in order,
// turns its arguments' views into a view of its result, with or without steps.
//
// A rule reads its operands with read(), puts what it computes where place() says and ends with settle(); a rule that
// only moves data calls define() with a view of its operand. Ops without a rule are first replaced by their
// compositions (mil/rewrite.h); what has none, or a rule that does not serve it, is evaluated as the op table says
// (reference.cc).
#pragma once

#include <functional>
#include <map>
#include <variant>

#include "base/gemm.h"
#include "device/cpu/fusion.h"
#include "device/cpu/kernels/product.h"
#include "device/cpu/patterns/pattern.h"
#include "device/cpu/plan.h"
#include "device/device.h"
#include "device/parts.h"
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

// Element types whose words are floats, and all that words hold.
inline constexpr mil::DTypes kFloatWords{mil::DType::fp16,   mil::DType::fp32,     mil::DType::fp64,   mil::DType::bf16,
                                         mil::DType::f8e5m2, mil::DType::f8e4m3fn, mil::DType::boolean};
inline constexpr mil::DTypes kWords =
    kFloatWords | mil::kIndices | mil::DTypes{mil::DType::int4,  mil::DType::uint1, mil::DType::uint2,
                                              mil::DType::uint3, mil::DType::uint4, mil::DType::uint6,
                                              mil::DType::uint32};

class Lowering;

// How the kernels serve an op.
struct Rule {
  std::string_view op;
  std::function<Result<>(Lowering&, const Node&)> lower;
  mil::DTypes takes = kFloatWords;                    // as element types of operands that it reads
  std::function<bool(const Node&)> serves = nullptr;  // where it asks for more than that
  bool renames = false;                               // its results are views of x where they can be
  // For an op that only renames the places of x: where x should stand so that the result stands at `home`.
  std::function<std::optional<View>(const Node&, const mil::Shape& x, const View& home)> pull = nullptr;
  // For an op that only puts its `values` side by side: where each has its place within `home`.
  std::function<std::vector<View>(const Node&, const View& home)> parts = nullptr;
};

// The rule of an op, or null.
const Rule* find_rule(std::string_view op);
std::vector<Rule> elementwise_rules();
std::vector<Rule> product_rules();
std::vector<Rule> reduction_rules();
std::vector<Rule> movement_rules();
std::vector<Rule> slicing_rules();
std::vector<Rule> gather_rules();
std::vector<Rule> state_rules();
std::vector<Rule> quantization_rules();

class Lowering {
 public:
  Lowering(const mil::Function& function, Precision precision);
  Result<> load_constants(const mil::Weights& weights);
  void choose_rules();
  void choose_patterns();
  void find_factors();
  void find_homes();
  Result<> lower_operations();
  Plan finish();

  const mil::Shape& shape(mil::ValueId id) const { return function_.value(id).type.shape; }
  mil::DType dtype(mil::ValueId id) const { return function_.value(id).type.dtype; }
  // What a stored value of this type keeps of its bits.
  Rounding rounding(mil::ValueId id) const;
  const mil::Tensor* constant(mil::ValueId id) const;

  // Where the value stands as words; steps that compute it have been emitted.
  View read(mil::ValueId id);
  // What matrix products take: floats, or bfloat16 where the precision says so and the processor multiplies them.
  Factor factors() const;
  mil::DType factor_dtype() const { return factors() == Factor::bf16 ? mil::DType::bf16 : mil::DType::fp32; }
  // As read(), in elements of factors(), rounded to what the precision keeps of them.
  View read_factor(mil::ValueId id);
  // Products that take bfloat16 are all that use the value.
  bool is_only_factor(mil::ValueId id) const;
  // The value stands at `view`, in elements of factors().
  void define_factor(mil::ValueId id, const View& view) { state(id).factor = view; }
  // As read(), with elements in packed order.
  View read_packed(mil::ValueId id);
  // Where the value stands in 16 bits an element, if it does: an input's, a constant's, or what the precision keeps of
  // one; else as words.
  struct Stored {
    View view;
    mil::DType dtype;
  };
  Stored read_stored(mil::ValueId id);
  // The value's own elements, narrower than words, while they are all there is of it: those of an input's surface or of
  // a quantised image; else nothing.
  std::optional<View> raw_elements(mil::ValueId id) const;
  // The value's own elements stand at `view`; they are widened when it is read.
  void define_raw(mil::ValueId id, const View& view) { state(id).surface = view; }
  // What is being lowered is all that still uses the value.
  bool is_last_use(mil::ValueId id) const { return state(id).uses == 1; }
  // The elements of an input, in its surface.
  View surface(mil::ValueId id) const { return *state(id).surface; }

  // Where a value that needs no rounding should be put together.
  View target(mil::ValueId id);
  // The same, in a layout like that of `like` if it may stand anywhere.
  View target_like(mil::ValueId id, const View& like);
  // Where a value should be computed before rounding.
  View place(mil::ValueId id);
  // The value has been computed, unrounded, at `view`: from place(), or a temporary.
  void settle(mil::ValueId id, const View& view);
  // The value stands at `view`, final; it is copied to its home if that is elsewhere.
  void define(mil::ValueId id, const View& view);
  View temporary(const mil::Shape& shape, mil::DType dtype = mil::DType::fp32);

  void emit(const std::vector<View>& touched, Step step);
  void emit_copy(const View& from, const View& to);
  // Between words and a surface of such elements.
  void emit_widen(const View& surface, mil::DType dtype, const View& to);
  // Writes a value into a surface of its element type.
  void emit_store(mil::ValueId id, const View& surface);
  void emit_narrow(const View& from, mil::DType dtype, const View& surface);
  void emit_chain(const ElementwiseChain& chain);
  // Those of the plan's steps, which run one after another.
  PlannedProducts& products() { return products_; }
  // A constant of the plan's own.
  View constant_view(const mil::Tensor& tensor);

  // Appends an elementwise op to the chain being gathered, and functions of its result, perhaps with a second operand;
  // an operand is a value or a place.
  using ElementOperand = std::variant<mil::ValueId, View>;
  struct ThenApply {
    ThenApply(const TileInstruction& function, std::optional<View> operand = std::nullopt)
        : instruction(function), b(std::move(operand)) {}
    TileInstruction instruction;
    std::optional<View> b;
  };
  void fuse(mil::ValueId result, TileInstruction instruction, const std::vector<ElementOperand>& operands,
            const std::vector<ThenApply>& then = {});

 private:
  struct State {
    std::optional<mil::Tensor> constant;
    std::optional<View> surface;  // its own elements: of an input or a part of one, or bytes that a step computes
    std::optional<View> home;     // where an output or a concat will have it
    std::optional<View> view, factor;
    std::optional<Stored> stored;
    std::optional<uint8_t> pending;  // register in the chain
    int factor_uses = 0;             // by matrix products that take bfloat16
    const mil::Operation* producer = nullptr;
    int uses = 0;  // as operands still to be lowered, and as outputs
  };

  State& state(mil::ValueId id) { return states_[size_t(id)]; }
  const State& state(mil::ValueId id) const { return states_[size_t(id)]; }
  std::vector<mil::OpCall::Argument> arguments(const mil::Operation& operation) const;
  bool is_constant(const mil::Operation& operation) const;
  const Rule* choose_rule(const mil::Operation& operation) const;
  const Rule* rule(const mil::Operation& operation) const { return rules_[&operation - function_.operations.data()]; }
  bool wants_packed_home(const mil::Operation& reshape) const;
  void find_homes_of(const mil::Operation& operation);
  void set_home(mil::ValueId id, const View& home);
  Result<> lower_operation(const mil::Operation& operation);
  void lower_pattern(const Pattern& pattern);
  void drop_uses(const mil::Operation& operation);
  // The pattern that covers the operation, or null.
  const Pattern* pattern(const mil::Operation& operation) const;
  void lower_by_reference(const mil::Operation& operation);
  uint8_t chain_register(const ElementOperand& operand);
  void flush();
  BufferId add_buffer(PlanBuffer buffer);
  std::optional<Origin> origin(mil::ValueId id) const;
  void find_baked(const mil::Operation& operation);
  void bake(const mil::Argument& argument);
  void keep_source(const mil::Operation& operation);
  View add_constant(Constant constant, std::optional<Origin> origin);
  View rounded(const View& view);
  View narrowed(const View& view);
  void write_outputs();

  const mil::Function& function_;
  Precision precision_;
  Plan plan_;
  std::vector<const Rule*> rules_;  // by operation; null where the reference evaluates it
  std::vector<Pattern> patterns_;
  std::map<const mil::Operation*, const Pattern*> covered_;
  std::vector<State> states_;
  std::vector<BufferId> outputs_;
  PlannedProducts products_;
  std::optional<ElementwiseChain> chain_;
  std::vector<mil::ValueId> chained_;  // values that the chain computes
};

}  // namespace anemone::cpu
