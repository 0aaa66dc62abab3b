// Programs made from programs: ops replaced by simpler ones, functions copied into a builder.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "mil/builder.h"

namespace anemone::mil {

// A use of an op inside a program being written: its operands as values, its settings as constants.
//
//   std::vector<Value> compose_square(OpUse& use) { return {use["x"] * use["x"]}; }
class OpUse {
 public:
  using Operands = std::map<std::string, std::vector<Value>, std::less<>>;
  OpUse(Builder& builder, OpCall call, Operands operands)
      : b(builder), call(std::move(call)), operands_(std::move(operands)) {}

  bool has(std::string_view name) const { return operands_.contains(name); }
  Value operator[](std::string_view name) const { return all(name).at(0); }
  const std::vector<Value>& all(std::string_view name) const { return operands_.find(name)->second; }
  const Operands& operands() const { return operands_; }
  // The operands as arguments of another use, but for those named.
  Builder::Arguments arguments_without(std::initializer_list<std::string_view> names) const;

  Builder& b;
  OpCall call;  // types, and the values of settings, as the op's own rules see them

 private:
  Operands operands_;
};

// Copies functions into a builder, operation by operation.
class Replay {
 public:
  // `function` and `builder` must outlive this; `weights` is where constants in weight files are looked up, or null.
  Replay(const Function& function, Builder& builder, const Weights* weights = nullptr);

  // The value of the builder that stands for one of the function's.
  Value operator[](ValueId id);
  void set(ValueId id, Value value) { values_[size_t(id)] = value; }

  void copy_inputs();
  // Copies an operation as it is.
  void copy(const Operation& operation);
  // What the rules of an operation's op see of it, in terms of the builder's values.
  OpUse use(const Operation& operation);
  void copy_outputs();

 private:
  const Function& function_;
  Builder& builder_;
  Inference inference_;
  std::vector<Value> values_;
};

// In which element type a composition computes.
enum class Arithmetic {
  declared,  // that of the op it stands for
  fp32,      // of floats at least; its results are cast back, so that an op keeps its one rounding
};

// The function with each op for which `replace` holds written out by its composition, where it has one; again and again
// until none is left.
Result<Function> expand(const Function& function, const std::function<bool(const OpDef&)>& replace,
                        Arithmetic arithmetic, const Weights* weights = nullptr);

// The function without operations whose results nothing needs.
Function without_dead_code(Function function);

}  // namespace anemone::mil
