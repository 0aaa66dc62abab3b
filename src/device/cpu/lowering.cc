#include "device/cpu/lowering.h"

#include <algorithm>

#include "base/check.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/kernels/copy.h"
#include "device/cpu/kernels/words.h"
#include "mil/rewrite.h"

namespace anemone::cpu {
namespace {

// Fails where a value at run time has no words.
Result<> check_words(std::string_view what, const mil::TensorType& type) {
  if (kWords.contains(type.dtype)) return {};
  return fail("cpu: {} is {}, but this device computes in 32 bits: use fp32 or int32", what, to_string(type));
}

Result<> check_ports(const mil::Function& function) {
  for (mil::ValueId id : function.inputs) {
    const auto& [name, type, constant, blob] = function.value(id);
    TRY(check_words("input " + name, type));
    if (std::ranges::any_of(type.shape, [](int64_t size) { return size < 1; })) {
      return fail("cpu: input {} is {}, but every dimension must be known and positive", name, to_string(type));
    }
  }
  for (mil::ValueId id : function.outputs) {
    TRY(check_words("output " + function.value(id).name, function.value(id).type));
  }
  return {};
}

// Every operand of the op is constant, or only its type is read: its results are worked out before anything runs.
bool is_folded(const mil::OpDef& op) {
  return std::ranges::all_of(op.params,
                             [](const mil::Param& param) { return param.need != mil::Need::nothing && !param.state; });
}

bool is_composed(const mil::OpDef& op) {
  return find_rule(op.name) == nullptr && op.compose != nullptr && !is_folded(op);
}

}  // namespace

std::string_view how_it_runs(const mil::OpDef& op) {
  if (is_folded(op)) return "constant";
  if (find_rule(op.name) != nullptr) return "kernel";
  return is_composed(op) ? "composition" : "reference";
}

Result<Plan> lower(const mil::Function& function, const mil::Weights& weights, Precision precision) {
  TRY(check_ports(function));
  if (std::ranges::any_of(function.operations, [](const mil::Operation& o) { return is_composed(*o.op); })) {
    const mil::Function expanded = TRY(mil::expand(function, is_composed, mil::Arithmetic::fp32, &weights));
    return lower(expanded, weights, precision);
  }
  Lowering lowering(function, precision);
  TRY(lowering.load_constants(weights));
  lowering.choose_rules();
  lowering.choose_patterns();
  lowering.find_factors();
  lowering.find_homes();
  TRY(lowering.lower_operations());
  return lowering.finish();
}

const Rule* find_rule(std::string_view op) {
  static const std::map<std::string_view, Rule> table = [] {
    std::map<std::string_view, Rule> rules;
    for (auto* family : {&elementwise_rules, &product_rules, &reduction_rules, &movement_rules, &slicing_rules,
                         &gather_rules, &state_rules, &quantization_rules}) {
      for (Rule& rule : (*family)()) rules.emplace(rule.op, std::move(rule));
    }
    return rules;
  }();
  const auto found = table.find(op);
  return found == table.end() ? nullptr : &found->second;
}

Lowering::Lowering(const mil::Function& function, Precision precision)
    : function_(function), precision_(precision), states_(function.values.size()) {
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    const mil::ValueId id = function.inputs[i];
    const BufferId buffer = add_buffer({.place = Place::input, .index = i});
    state(id).surface = packed(buffer, shape(id));
    if (is_word(dtype(id))) state(id).view = state(id).surface;
  }
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    outputs_.push_back(add_buffer({.place = Place::output, .index = i}));
  }
  for (const mil::Operation& operation : function.operations) {
    for (mil::ValueId id : operation.results) state(id).producer = &operation;
    for (const mil::Argument& argument : operation.arguments) {
      for (mil::ValueId id : argument.values) ++state(id).uses;
    }
  }
  for (mil::ValueId id : function.outputs) ++state(id).uses;
}

BufferId Lowering::add_buffer(PlanBuffer buffer) {
  plan_.buffers.push_back(buffer);
  return static_cast<BufferId>(plan_.buffers.size() - 1);
}

Rounding Lowering::rounding(mil::ValueId id) const {
  return precision_ == Precision::fp16 ? rounding_of(dtype(id)) : Rounding::none;
}

Factor Lowering::factors() const {
  return precision_ == Precision::bf16 && multiplies_bfloat16() ? Factor::bf16 : Factor::fp32;
}

const mil::Tensor* Lowering::constant(mil::ValueId id) const {
  const auto& tensor = state(id).constant;
  return tensor ? &*tensor : nullptr;
}

// ---- Constants

Result<> Lowering::load_constants(const mil::Weights& weights) {
  // Where values are not rounded between ops, constants keep what a float holds.
  auto constants = TRY(mil::fold_constants(function_, weights, precision_ != Precision::fp16));
  for (size_t i = 0; i < states_.size(); ++i) states_[i].constant = std::move(constants[i]);
  for (const mil::Operation& operation : function_.operations) keep_source(operation);
  return {};
}

bool Lowering::is_constant(const mil::Operation& operation) const {
  return !operation.results.empty() && constant(operation.results[0]) != nullptr;
}

std::vector<mil::OpCall::Argument> Lowering::arguments(const mil::Operation& operation) const {
  return mil::call_arguments(function_, operation, [this](mil::ValueId id) { return constant(id); });
}

// A constant in another shape is made of the same floats, so that it takes in what changes of them.
void Lowering::keep_source(const mil::Operation& operation) {
  if (operation.op->name != "reshape" || !is_constant(operation)) return;
  const mil::FloatSource* source = constant(operation.argument("x")->values[0])->source();
  const mil::ValueId result = operation.results[0];
  if (source != nullptr) state(result).constant = mil::Tensor::of_floats(function_.value(result).type, *source);
}

// The weight of a file that the value is, perhaps in another shape.
std::optional<Origin> Lowering::origin(mil::ValueId id) const {
  const mil::Operation* producer = state(id).producer;
  if (producer != nullptr && producer->op->name == "reshape") return origin(producer->argument("x")->values[0]);
  const mil::ValueInfo& value = function_.value(id);
  return value.blob ? std::optional(Origin{*value.blob, value.type}) : std::nullopt;
}

// Weights that the operation's constants are worked out from, or that decide what it does.
void Lowering::find_baked(const mil::Operation& operation) {
  if (operation.op->name == "const" || operation.op->name == "reshape") return;
  for (const mil::Argument& argument : operation.arguments) {
    const mil::Need need = operation.op->param(argument.name)->need;
    const bool decides = need == mil::Need::value || need == mil::Need::if_constant;
    if (is_constant(operation) || decides) bake(argument);
  }
}

void Lowering::bake(const mil::Argument& argument) {
  for (mil::ValueId id : argument.values) {
    if (const auto from = origin(id)) plan_.baked.insert(from->blob);
  }
}

View Lowering::add_constant(Constant constant, std::optional<Origin> origin) {
  const BufferId buffer = add_buffer({.place = Place::constant, .index = plan_.constants.size()});
  View view = constant.view(buffer);
  plan_.constants.push_back({std::move(constant), std::move(origin)});
  return view;
}

View Lowering::constant_view(const mil::Tensor& tensor) {
  return add_constant(Constant::words(tensor, Rounding::none), std::nullopt);
}

// ---- Rules

void Lowering::choose_rules() {
  for (const mil::Operation& operation : function_.operations) {
    find_baked(operation);
    rules_.push_back(is_constant(operation) ? nullptr : choose_rule(operation));
  }
}

// The rule that serves the operation; none where the reference has to: for element types that it does not take, and for
// tensors without elements.
const Rule* Lowering::choose_rule(const mil::Operation& operation) const {
  const Rule* rule = find_rule(operation.op->name);
  if (rule == nullptr) return nullptr;
  for (const mil::Argument& argument : operation.arguments) {
    const mil::Need need = operation.op->param(argument.name)->need;
    if (need == mil::Need::type || need == mil::Need::value) continue;
    for (mil::ValueId id : argument.values) {
      if (!rule->takes.contains(dtype(id)) || mil::count(shape(id)) == 0) return nullptr;
    }
  }
  for (mil::ValueId id : operation.results) {
    if (mil::count(shape(id)) == 0) return nullptr;
  }
  const bool served = !rule->serves || rule->serves({&operation, mil::OpCall(arguments(operation))});
  return served ? rule : nullptr;
}

// ---- Patterns

void Lowering::choose_patterns() {
  patterns_ = find_patterns(Graph(function_, [this](mil::ValueId id) { return constant(id); }));
  const auto bake_all = [this](const mil::Argument& argument) { bake(argument); };
  for (const Pattern& pattern : patterns_) {
    for (const mil::Operation* operation : pattern.covers) covered_[operation] = &pattern;
    for (const auto* operations : {&pattern.covers, &pattern.reads}) {
      for (const mil::Operation* operation : *operations) std::ranges::for_each(operation->arguments, bake_all);
    }
  }
}

const Pattern* Lowering::pattern(const mil::Operation& operation) const {
  const auto found = covered_.find(&operation);
  return found == covered_.end() ? nullptr : found->second;
}

// Values of some size that matrix products take as bfloat16: whoever computes them stores them so as well.
void Lowering::find_factors() {
  if (factors() == Factor::fp32) return;
  constexpr int64_t kWorthStoring = 4096;  // elements
  for (const mil::Operation& operation : function_.operations) {
    const bool is_product = operation.op->name == "conv" || operation.op->name == "matmul";
    if (!is_product || pattern(operation) != nullptr || rule(operation) == nullptr) continue;
    for (const char* name : {"x", "y"}) {
      const mil::Argument* argument = operation.argument(name);
      if (argument != nullptr && mil::count(shape(argument->values[0])) >= kWorthStoring) {
        ++state(argument->values[0]).factor_uses;
      }
    }
  }
}

// Uses count until the pattern reads what its operations take, so that nothing takes them for unused before.
void Lowering::lower_pattern(const Pattern& pattern) {
  pattern.lower(*this);
  for (const mil::Operation* operation : pattern.covers) drop_uses(*operation);
}

// ---- Homes

void Lowering::find_homes() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const mil::ValueId id = function_.outputs[i];
    if (is_word(dtype(id))) set_home(id, packed(outputs_[i], shape(id)));
  }
  for (size_t i = function_.operations.size(); i-- > 0;) {
    if (pattern(function_.operations[i]) == nullptr) find_homes_of(function_.operations[i]);
  }
}

void Lowering::set_home(mil::ValueId id, const View& home) {
  const bool computed = state(id).producer != nullptr && constant(id) == nullptr;
  if (computed && !state(id).home) state(id).home = home;
}

void Lowering::find_homes_of(const mil::Operation& operation) {
  const Rule* rule = this->rule(operation);
  if (rule == nullptr || !(rule->parts || rule->pull)) return;
  const Node use{&operation, mil::OpCall(arguments(operation))};
  const mil::ValueId result = use.result();
  if (rule->parts) {
    const std::vector<View> parts = rule->parts(use, target(result));
    for (size_t i = 0; i < parts.size(); ++i) set_home(use.operand("values", i), parts[i]);
    return;
  }
  if (!state(result).home && wants_packed_home(operation)) state(result).home = temporary(shape(result));
  if (!state(result).home) return;
  const mil::ValueId x = use.operand("x");
  if (const auto home = rule->pull(use, shape(x), *state(result).home)) set_home(x, *home);
}

// A reshape behind a transposition needs its operand packed: it is computed so, rather than copied afterwards.
bool Lowering::wants_packed_home(const mil::Operation& operation) const {
  if (operation.op->name != "reshape") return false;
  for (const mil::Operation* at = &operation; at != nullptr;) {
    const Rule* rule = this->rule(*at);
    if (rule == nullptr || !rule->pull) return rule == nullptr || !rule->renames;
    const mil::ValueId x = at->argument("x")->values[0];
    if (state(x).home || constant(x) != nullptr) return false;
    at = state(x).producer;
  }
  return false;
}

// ---- Steps

Result<> Lowering::lower_operations() {
  for (const mil::Operation& operation : function_.operations) {
    if (is_constant(operation)) continue;
    if (const Pattern* covering = pattern(operation)) {
      if (&operation == std::ranges::max(covering->covers)) lower_pattern(*covering);
    } else {
      TRY(lower_operation(operation));
    }
  }
  return {};
}

Result<> Lowering::lower_operation(const mil::Operation& operation) {
  for (mil::ValueId id : operation.results) {
    TRY(check_words(fmt::format("{} of {}", function_.value(id).name, operation.op->name), function_.value(id).type));
  }
  if (const Rule* rule = this->rule(operation)) {
    TRY(rule->lower(*this, {&operation, mil::OpCall(arguments(operation))}));
  } else {
    lower_by_reference(operation);
  }
  drop_uses(operation);
  return {};
}

void Lowering::drop_uses(const mil::Operation& operation) {
  for (const mil::Argument& argument : operation.arguments) {
    for (mil::ValueId id : argument.values) --state(id).uses;
  }
}

void Lowering::emit(const std::vector<View>& touched, Step step) {
  const auto now = static_cast<int64_t>(plan_.steps.size());
  for (const View& view : touched) {
    PlanBuffer& buffer = plan_.buffers[size_t(view.buffer)];
    if (buffer.first < 0) buffer.first = now;
    buffer.last = now;
  }
  plan_.steps.push_back(std::move(step));
}

void Lowering::emit_copy(const View& from, const View& to) {
  emit({from, to},
       [loops = loops_over({&to, &from}), from, to](const Pointers& p) { copy(loops, p.at(to), p.at(from)); });
}

void Lowering::emit_widen(const View& surface, mil::DType dtype, const View& to) {
  emit({surface, to}, [loops = loops_over({&to, &surface}), surface, dtype, to](const Pointers& p) {
    widen(loops, dtype, p.at(to), p.bytes_at(surface, dtype));
  });
}

void Lowering::emit_narrow(const View& from, mil::DType dtype, const View& surface) {
  emit({from, surface}, [loops = loops_over({&surface, &from}), from, dtype, surface](const Pointers& p) {
    narrow(loops, dtype, p.bytes_at(surface, dtype), p.at(from));
  });
}

View Lowering::temporary(const mil::Shape& shape, mil::DType dtype) {
  const int64_t floats = (mil::count(shape) * int64_t(mil::bits(dtype)) + 31) / 32;
  return packed(add_buffer({.floats = floats}), shape);
}

std::optional<View> Lowering::raw_elements(mil::ValueId id) const {
  return state(id).view || mil::bits(dtype(id)) < 8 ? std::nullopt : state(id).surface;
}

View Lowering::target(mil::ValueId id) {
  auto& home = state(id).home;
  if (!home) home = temporary(shape(id));
  return *home;
}

View Lowering::target_like(mil::ValueId id, const View& like) {
  auto& home = state(id).home;
  if (!home && shape(id) == like.shape) home = packed_like(add_buffer({.floats = mil::count(shape(id))}), like);
  if (!home) return target(id);
  return *home;
}

View Lowering::read(mil::ValueId id) {
  if (state(id).pending) flush();
  State& value = state(id);
  if (value.view) return *value.view;
  if (value.constant) {
    value.view = add_constant(Constant::words(*value.constant, Rounding::none), origin(id));
  } else if (value.factor) {
    value.view = target(id);
    emit_widen(*value.factor, factor_dtype(), *value.view);
  } else {
    CHECK(value.surface);
    value.view = target(id);
    emit_widen(*value.surface, dtype(id), *value.view);
  }
  return *value.view;
}

bool Lowering::is_only_factor(mil::ValueId id) const {
  const State& value = state(id);
  return value.factor_uses > 0 && value.factor_uses == value.uses && !value.home;
}

View Lowering::read_packed(mil::ValueId id) {
  View view = read(id);
  if (is_packed(view)) return view;
  View copied = temporary(view.shape);
  emit_copy(view, copied);
  return copied;
}

View Lowering::read_factor(mil::ValueId id) {
  if (precision_ != Precision::bf16) return read(id);
  auto& factor = state(id).factor;
  if (factor) return *factor;
  const mil::Tensor* known = constant(id);
  if (factors() == Factor::bf16) {
    factor = known != nullptr ? add_constant(Constant::factor(*known), origin(id)) : narrowed(read(id));
  } else {
    factor =
        known != nullptr ? add_constant(Constant::words(*known, Rounding::bfloat16), origin(id)) : rounded(read(id));
  }
  return *factor;
}

Lowering::Stored Lowering::read_stored(mil::ValueId id) {
  const auto is_narrow = [](mil::DType dtype) { return dtype == mil::DType::fp16 || dtype == mil::DType::bf16; };
  if (const auto raw = raw_elements(id); raw && is_narrow(dtype(id))) return {*raw, dtype(id)};
  const mil::Tensor* known = constant(id);
  if (known == nullptr) return {read(id), mil::DType::fp32};
  auto& stored = state(id).stored;
  if (stored) return *stored;
  const mil::DType type = known->type().dtype;
  if (precision_ == Precision::bf16) {
    stored = {add_constant(Constant::factor(*known), origin(id)), mil::DType::bf16};
  } else if (is_narrow(type) && Constant::can_be_stored(*known)) {
    stored = {add_constant(Constant::stored(*known), origin(id)), type};
  } else {
    stored = {read(id), mil::DType::fp32};
  }
  return *stored;
}

View Lowering::rounded(const View& view) {
  ElementwiseChain chain(view.shape);
  const uint8_t x = chain.load(view);
  View result = packed_like(add_buffer({.floats = view.count()}), view);
  chain.store(chain.apply({.op = ElementOp::copy, .a = x, .rounding = Rounding::bfloat16}), result);
  emit_chain(chain);
  return result;
}

View Lowering::narrowed(const View& view) {
  View result = packed_like(add_buffer({.floats = (view.count() + 1) / 2}), view);
  emit_narrow(view, mil::DType::bf16, result);
  return result;
}

View Lowering::place(mil::ValueId id) {
  if (rounding(id) != Rounding::none || !state(id).home) return temporary(shape(id));
  return *state(id).home;
}

void Lowering::settle(mil::ValueId id, const View& view) {
  if (rounding(id) == Rounding::none) return define(id, view);
  fuse(id, {.op = ElementOp::copy}, {view});
}

void Lowering::define(mil::ValueId id, const View& view) {
  state(id).view = view;
  const auto& home = state(id).home;
  if (!home || same_place(*home, view)) return;
  emit_copy(view, *home);
  state(id).view = home;
}

// ---- Elementwise chains

void Lowering::fuse(mil::ValueId result, TileInstruction instruction, const std::vector<ElementOperand>& operands,
                    const std::vector<ThenApply>& then) {
  const size_t more = operands.size() + 1 + 2 * then.size();
  if (chain_ && (chain_->shape() != shape(result) || !chain_->has_room(more))) flush();
  if (!chain_) chain_.emplace(shape(result));
  instruction.a = chain_register(operands[0]);
  if (operands.size() > 1) instruction.b = chain_register(operands[1]);
  if (operands.size() > 2) instruction.c = chain_register(operands[2]);
  for (const ThenApply& next : then) {
    const uint8_t so_far = chain_->apply(instruction);
    instruction = next.instruction;
    instruction.a = so_far;
    if (next.b) instruction.b = chain_->load(*next.b);
  }
  instruction.rounding = rounding(result);
  state(result).pending = chain_->apply(instruction);
  chained_.push_back(result);
}

uint8_t Lowering::chain_register(const ElementOperand& operand) {
  if (const auto* view = std::get_if<View>(&operand)) return chain_->load(*view);
  const auto id = std::get<mil::ValueId>(operand);
  if (state(id).pending) return *state(id).pending;
  return chain_->load(read(id));
}

// Ends the chain: what is used outside of it is stored.
void Lowering::flush() {
  if (!chain_) return;
  ElementwiseChain chain = *std::move(chain_);
  chain_.reset();
  const View* like = chain.full_load();
  bool stores = false;
  for (mil::ValueId id : std::exchange(chained_, {})) {
    State& value = state(id);
    const uint8_t reg = *std::exchange(value.pending, std::nullopt);
    if (value.uses == 0) continue;
    if (value.home) {
      value.view = value.home;
    } else {
      const BufferId buffer = add_buffer({.floats = mil::count(chain.shape())});
      value.view = like != nullptr ? packed_like(buffer, *like) : packed(buffer, chain.shape());
    }
    chain.store(reg, *value.view);
    if (value.factor_uses > 0) {
      value.factor = packed_like(add_buffer({.floats = (value.view->count() + 1) / 2}), *value.view);
      chain.store(reg, *value.factor, true);
    }
    stores = true;
  }
  if (stores) emit_chain(chain);
}

void Lowering::emit_chain(const ElementwiseChain& chain) {
  const std::vector<View> views = chain.views();
  std::vector<mil::DType> dtypes;
  for (size_t i = 0; i < views.size(); ++i) dtypes.push_back(chain.is_narrow(i) ? mil::DType::bf16 : mil::DType::fp32);
  emit(views, [program = chain.finish(), views, dtypes](const Pointers& p) {
    std::array<std::byte*, 3 * kTileRegisters> operands;
    for (size_t i = 0; i < views.size(); ++i) operands[i] = p.bytes_at(views[i], dtypes[i]);
    run_tiles(program, {operands.data(), views.size()});
  });
}

// ---- Outputs

void Lowering::write_outputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const mil::ValueId id = function_.outputs[i];
    if (mil::count(shape(id)) > 0) emit_store(id, packed(outputs_[i], shape(id)));
  }
}

void Lowering::emit_store(mil::ValueId id, const View& surface) {
  if (!is_word(dtype(id))) return emit_narrow(read_packed(id), dtype(id), surface);
  const View from = read(id);
  if (!same_place(from, surface)) emit_copy(from, surface);
}

Plan Lowering::finish() {
  flush();
  write_outputs();
  place_constants(plan_);
  place_buffers(plan_);
  return std::move(plan_);
}

}  // namespace anemone::cpu
