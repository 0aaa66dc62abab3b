#include "mil/gradient.h"

#include <algorithm>

namespace anemone::mil {
namespace {

// The sum of `gradient` over the dimensions along which a value of `shape` was broadcast to it.
Value sum_to(Value gradient, const Shape& shape) {
  const Shape from = gradient.shape();
  if (from == shape) return gradient;
  const size_t missing = from.size() - shape.size();
  std::vector<int64_t> axes;
  for (size_t d = 0; d < from.size(); ++d) {
    if (d < missing || (shape[d - missing] == 1 && from[d] != 1)) axes.push_back(int64_t(d));
  }
  if (!axes.empty()) {
    gradient = gradient.builder().apply(
        "reduce_sum", {{"x", gradient}, {"axes", Tensor::ints(axes)}, {"keep_dims", Tensor::boolean(true)}});
  }
  return gradient.shape() == shape ? gradient : reshape(gradient, shape);
}

bool differentiable(const TensorType& type) { return type.dtype == DType::fp16 || type.dtype == DType::fp32; }

Value zeros(Builder& b, const TensorType& type) {
  return b.constant(Tensor::from_numbers(type, std::vector<double>(size_t(type.count()), 0.0)), "zeros");
}

}  // namespace

GradientUse::GradientUse(OpUse use, std::vector<Value> results, std::vector<Value> gradients, Wanted wanted)
    : OpUse(std::move(use)),
      results_(std::move(results)),
      gradients_(std::move(gradients)),
      wanted_(std::move(wanted)) {
  for (const auto& [name, values] : operands()) sums_[name].resize(values.size());
}

Value GradientUse::d(size_t i) {
  Value& gradient = gradients_.at(i);
  if (gradient.id() < 0 && b.ok()) gradient = zeros(b, result(i).type());
  return gradient;
}

bool GradientUse::wants(std::string_view name, size_t i) const {
  const auto found = wanted_.find(name);
  return found != wanted_.end() && found->second.at(i);
}

void GradientUse::add(std::string_view name, Value gradient, size_t i) {
  if (!wants(name, i) || !b.ok()) return;
  const Value operand = all(name).at(i);
  gradient = cast(sum_to(gradient, operand.shape()), operand.dtype());
  Value& sum = sums_.find(name)->second.at(i);
  sum = sum.id() < 0 ? gradient : sum + gradient;
}

// The backward pass in the making.
class Backward {
 public:
  Backward(const Function& function, Builder& builder, const Weights* weights)
      : function_(function),
        b_(builder),
        replay_(function, builder, weights),
        wanted_(function.values.size(), false),
        gradients_(function.values.size()) {}

  Result<> want(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const auto found = std::ranges::find(function_.values, name, &ValueInfo::name);
      if (found == function_.values.end()) return fail("function {} has no value {}", function_.name, name);
      if (!differentiable(found->type)) return fail("{} is {}, which has no gradient", name, to_string(found->type));
      sources_.push_back(static_cast<ValueId>(found - function_.values.begin()));
    }
    for (ValueId id : function_.inputs) {
      const TensorType& type = function_.value(id).type;
      if (names.empty() && differentiable(type) && !type.state) sources_.push_back(id);
    }
    if (sources_.empty()) return fail("function {} has nothing to differentiate by", function_.name);
    for (ValueId id : sources_) wanted_[size_t(id)] = true;
    return {};
  }

  // Everything again that the backward pass may read; what it does not is removed afterwards.
  void write_forward() {
    replay_.copy_inputs();
    for (const Operation& operation : function_.operations) {
      replay_.copy(operation);
      const bool depends = std::ranges::any_of(operation.arguments, [&](const Argument& argument) {
        return std::ranges::any_of(argument.values, [&](ValueId id) { return wanted_[size_t(id)]; });
      });
      for (ValueId id : operation.results) {
        if (depends && differentiable(function_.value(id).type)) wanted_[size_t(id)] = true;
      }
    }
    for (ValueId id : function_.outputs) {
      const ValueInfo& output = function_.value(id);
      if (differentiable(output.type)) add(id, b_.input("d" + output.name, output.type));
    }
  }

  Result<> write_backward() {
    for (auto operation = function_.operations.rbegin(); operation != function_.operations.rend(); ++operation) {
      const auto flows = [&](ValueId id) { return wanted_[size_t(id)] && gradients_[size_t(id)].id() >= 0; };
      const bool computes = operation->op->name != "const";
      if (computes && std::ranges::any_of(operation->results, flows)) TRY(differentiate(*operation));
    }
    for (ValueId id : sources_) {
      const ValueInfo& source = function_.value(id);
      Value gradient = gradients_[size_t(id)];
      if (gradient.id() < 0 && b_.ok()) gradient = zeros(b_, source.type);
      b_.output("d" + source.name, gradient);
    }
    return {};
  }

 private:
  void add(ValueId id, Value gradient) {
    Value& sum = gradients_[size_t(id)];
    sum = sum.id() < 0 ? gradient : sum + gradient;
  }

  Result<> differentiate(const Operation& operation) {
    if (!operation.op->gradient) return fail("{}: the op {} has no gradient", operation.name, operation.op->name);
    std::vector<Value> results, gradients;
    for (ValueId id : operation.results) {
      results.push_back(replay_[id]);
      gradients.push_back(gradients_[size_t(id)]);
    }
    GradientUse::Wanted wanted;
    for (const Argument& argument : operation.arguments) {
      for (ValueId id : argument.values) wanted[argument.name].push_back(wanted_[size_t(id)]);
    }
    GradientUse use(replay_.use(operation), std::move(results), std::move(gradients), std::move(wanted));
    operation.op->gradient(use);
    for (const Argument& argument : operation.arguments) {
      const std::vector<Value>& sums = use.sums_[argument.name];
      for (size_t i = 0; i < sums.size(); ++i) {
        if (sums[i].id() >= 0) add(argument.values[i], sums[i]);
      }
    }
    return {};
  }

  const Function& function_;
  Builder& b_;
  Replay replay_;
  std::vector<ValueId> sources_;
  std::vector<bool> wanted_;      // by value id: lies on a way from what is differentiated by
  std::vector<Value> gradients_;  // by value id
};

Result<Function> gradient(const Function& function, const GradientOptions& options, const Weights* weights) {
  for (const Operation& operation : function.operations) {
    if (!operation.results.empty()) continue;
    return fail("{}: a backward program would repeat its effect: differentiate a function without {}", operation.name,
                operation.op->name);
  }
  const auto composed = [](const OpDef& op) { return op.gradient == nullptr; };
  const Function simple = TRY(expand(function, composed, Arithmetic::declared, weights));
  Builder b(function.name + "_backward", function.opset);
  Backward backward(simple, b, weights);
  TRY(backward.want(options.with_respect_to));
  backward.write_forward();
  TRY(backward.write_backward());
  return without_dead_code(TRY(b.finish()));
}

}  // namespace anemone::mil
