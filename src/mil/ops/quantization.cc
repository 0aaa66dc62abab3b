// Affine quantisation: q stands for scale·(q − zero_point). Scale and zero point are scalars, or vectors along an axis.
#include <algorithm>
#include <cmath>

#include "mil/ops/families.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

// A scale or zero point as the elements of `data` see it: a scalar, a vector along `axis`, or 0 where it is left out.
class Along {
 public:
  Along(const OpCall& call, std::string_view data, std::string_view parameter) {
    if (!call.has(parameter)) return;
    numbers_ = &call.array(parameter).data;
    if (call.rank(parameter) == 0) return;
    const int64_t axis = *normalize_axis("", call.integer("axis"), call.rank(data));
    stride_ = size_t(packed_strides(call.shape(data))[size_t(axis)]);
  }
  double operator()(size_t i) const { return numbers_ == nullptr ? 0 : (*numbers_)[i / stride_ % numbers_->size()]; }

 private:
  const std::vector<double>* numbers_ = nullptr;
  size_t stride_ = 1;
};

// A scalar, or as many numbers as the data has along `axis`.
Result<> check_along(std::string_view op, const OpCall& call, std::string_view data, std::string_view parameter) {
  if (call.rank(parameter) == 0) return {};
  if (!call.has("axis")) return fail("{}: parameter {} is a vector: axis is missing", op, parameter);
  const int64_t axis = TRY(normalize_axis(op, call.integer("axis"), call.rank(data)));
  if (call.shape(parameter) == Shape{call.shape(data)[size_t(axis)]}) return {};
  return fail("{}: parameter {} has the shape {}, expected a scalar or [{}], as {} has along axis {}", op, parameter,
              to_string(call.shape(parameter)), call.shape(data)[size_t(axis)], data, axis);
}

Result<> check_affine(std::string_view op, const OpCall& call) {
  TRY(check_along(op, call, "input", "scale"));
  if (call.has("axis") && call.rank("scale") == 0) return fail("{}: axis stands beside a scalar scale", op);
  if (!call.has("zero_point")) return {};
  if (call.rank("zero_point") != call.rank("scale")) {
    return fail("{}: scale and zero_point must both be scalars or both vectors", op);
  }
  return check_along(op, call, "input", "zero_point");
}

Result<std::vector<TensorType>> infer_quantize(const OpCall& call) {
  const auto dtype = parse_dtype(call.text("output_dtype"));
  if (!dtype || !kBytes.contains(*dtype)) {
    return fail("quantize: output_dtype is \"{}\", expected int8 or uint8", call.text("output_dtype"));
  }
  if (call.has("zero_point") && call.type("zero_point").dtype != *dtype) {
    return fail("quantize: zero_point is {}, expected {}, as output_dtype says", to_string(call.type("zero_point")),
                to_string(*dtype));
  }
  TRY(check_affine("quantize", call));
  return {{{*dtype, call.shape("input")}}};
}

struct Range {
  double low, high;
};
Range range(DType dtype) { return dtype == DType::int8 ? Range{-128, 127} : Range{0, 255}; }

void evaluate_quantize(const OpCall& call, std::span<Array> results) {
  const std::vector<double>& x = call.array("input").data;
  const Along scale(call, "input", "scale"), zero_point(call, "input", "zero_point");
  const auto [low, high] = range(results[0].type.dtype);
  for (size_t i = 0; i < x.size(); ++i) {
    results[0].data[i] = std::clamp(std::nearbyint(x[i] / scale(i)) + zero_point(i), low, high);
  }
}

void dequantize(const OpCall& call, std::string_view data, std::span<Array> results) {
  const std::vector<double>& q = call.array(data).data;
  const Along scale(call, data, "scale"), zero_point(call, data, "zero_point");
  for (size_t i = 0; i < q.size(); ++i) results[0].data[i] = scale(i) * (q[i] - zero_point(i));
}

// A vector along the axis of `input`, with ones for its other dimensions.
Value aligned(const OpUse& use, Value parameter) {
  if (parameter.shape().empty()) return parameter;
  const int64_t rank = use.call.rank("input");
  Shape shape(size_t(rank), 1);
  shape[size_t(*normalize_axis("", use.call.integer("axis"), rank))] = parameter.dim(0);
  return reshape(parameter, shape);
}

Value zero_point(const OpUse& use, DType dtype) { return aligned(use, cast(use["zero_point"], dtype)); }

std::vector<Value> compose_quantize(OpUse& use) {
  const DType to = *parse_dtype(use.call.text("output_dtype"));
  Value y = use.b.apply("round", {{"x", use["input"] / aligned(use, use["scale"])}});
  if (use.has("zero_point")) y = y + zero_point(use, y.dtype());
  return {cast(minimum(maximum(y, range(to).low), range(to).high), to)};
}

std::vector<Value> compose_dequantize(OpUse& use) {
  const Value scale = use["scale"];
  Value q = cast(use["input"], scale.dtype());
  if (use.has("zero_point")) q = q - zero_point(use, scale.dtype());
  return {q * aligned(use, scale)};
}

OpDef quantize_op() {
  return {.name = "quantize",
          .params = {Param::operand("input", kFloats, 'T'), Param::weight("scale", kFloats, 'T'),
                     Param::weight("zero_point", kBytes).maybe(), Param::one_number("axis", kInt32).maybe(),
                     Param::setting("output_dtype", kString)},
          .infer = infer_quantize,
          .evaluate = evaluate_quantize,
          .compose = compose_quantize,
          .since = 17,
          .formula = "clamp(round(input / scale) + zero_point), halves to even"};
}

OpDef dequantize_op() {
  return {.name = "dequantize",
          .params = {Param::operand("input", kBytes, 'Q'), Param::weight("scale", kFloats),
                     Param::weight("zero_point", kBytes, 'Q').maybe(), Param::one_number("axis", kInt32).maybe()},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            TRY(check_affine("dequantize", call));
            return {{{call.type("scale").dtype, call.shape("input")}}};
          },
          .evaluate = [](const OpCall& call, std::span<Array> results) { dequantize(call, "input", results); },
          .compose = compose_dequantize,
          .since = 17,
          .formula = "scale·(input − zero_point)"};
}

OpDef affine_constexpr_op() {
  static constexpr std::string_view kName = "constexpr_affine_dequantize";
  return {.name = kName,
          .params = {Param::weight("quantized_data", kBytes), Param::weight("scale", kFloats),
                     Param::weight("zero_point", kBytes | DTypes{DType::fp32}), Param::one_number("axis", kInt32)},
          .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
            TRY(normalize_axis(kName, call.integer("axis"), call.rank("quantized_data")));
            TRY(check_along(kName, call, "quantized_data", "scale"));
            TRY(check_along(kName, call, "quantized_data", "zero_point"));
            return {{{call.type("scale").dtype, call.shape("quantized_data")}}};
          },
          .evaluate = [](const OpCall& call, std::span<Array> results) { dequantize(call, "quantized_data", results); },
          .since = 16,
          .formula = "scale·(quantized_data − zero_point)"};
}

}  // namespace

std::vector<OpDef> quantization_ops() { return {quantize_op(), dequantize_op(), affine_constexpr_op()}; }

}  // namespace anemone::mil
