// int8: quantize and dequantize, and convolutions between them, whose sums are exact (W8A8). Weights alone in int8 are
// expanded to halves when the program is compiled, as other compressed constants are.
#include <cmath>

#include "device/sim/arithmetic/number.h"
#include "device/sim/rules/convolution.h"

namespace anemone::sim {
namespace {

// scale·(q − zero): the scales one for all, or one for each index along axis 0.
struct Quantization {
  std::vector<double> scales;
  double zero = 0;
};

// Of an op whose scale and zero point are constants; nothing where they differ along another axis than 0.
std::optional<Quantization> quantization_of(const mil::OpCall& call) {
  const mil::Tensor* scale = call.operands("scale")[0].constant;
  if (scale == nullptr) return std::nullopt;
  Quantization q{.scales = scale->numbers()};
  const std::string_view data = call.has("input") ? "input" : "quantized_data";
  const bool is_first = call.has("axis") && (call.integer("axis") == 0 || -call.integer("axis") == call.rank(data));
  if (q.scales.size() != 1 && !is_first) return std::nullopt;
  if (!call.has("zero_point")) return q;
  const mil::Tensor* zero = call.operands("zero_point")[0].constant;
  if (zero == nullptr) return std::nullopt;
  q.zero = zero->number(0);
  for (double other : zero->numbers()) {
    if (other != q.zero) return std::nullopt;
  }
  return q;
}

using Scaled = double (*)(double x, double scale, double zero, bool is_signed);

bool is_signed(const Lowering& l, const Node& node) {
  return l.function().value(node.result()).type.dtype == mil::DType::int8;
}

// Element by element, each with the scale and zero point of its place along the axis.
Result<> lower_scaled_along(Lowering& l, const Node& node, Scaled f) {
  const mil::Tensor* scale = l.constant(node.operand("scale"));
  const mil::Tensor* zero = node.has("zero_point") ? l.constant(node.operand("zero_point")) : nullptr;
  if (scale == nullptr || (node.has("zero_point") && zero == nullptr)) {
    l.note(Choice::exact_elsewhere);
    l.emit_reference(*node.operation, Lowering::Meaning::numbers);
    return {};
  }
  const std::vector<double> scales = scale->numbers(), zeros = zero ? zero->numbers() : std::vector(scales.size(), 0.0);
  const View x = l.read_packed(node.operand("input")), result = l.result(node.result());
  int64_t axis = node.call.integer("axis"), inner = 1;
  if (axis < 0) axis += std::ssize(x.shape);
  for (size_t d = size_t(axis) + 1; d < x.shape.size(); ++d) inner *= x.shape[d];
  l.emit([=, has_sign = is_signed(l, node)](const Memory& m) {
    for (int64_t i = 0; i < x.count(); ++i) {
      const size_t at = size_t(i / inner) % scales.size();
      m.at(result)[i] = half_away(f(decode(m.at(x)[i]), scales[at], zeros[at], has_sign));
    }
  });
  return {};
}

// A function of one number where the scale is one for all.
Result<> lower_scaled(Lowering& l, const Node& node, Scaled f) {
  const auto q = quantization_of(node.call);
  if (!q || q->scales.size() != 1) return lower_scaled_along(l, node, f);
  const double scale = q->scales[0], zero = q->zero;
  const bool has_sign = is_signed(l, node);
  const std::string key = fmt::format("{} {:a} {:a} {}", node.operation->op->name, scale, zero, has_sign);
  const View x = l.read_packed(node.operand("input"));
  l.emit_function(
      key, [=](Half h) { return half_away(f(decode(h), scale, zero, has_sign)); }, x, l.result(node.result()));
  return {};
}

// round(x / scale) + zero, ties away, within the type.
Result<> lower_quantize(Lowering& l, const Node& node) {
  l.note(Choice::int8_rounding);
  return lower_scaled(l, node, [](double x, double scale, double zero, bool has_sign) {
    return std::clamp(std::round(x / scale) + zero, has_sign ? -128.0 : 0.0, has_sign ? 127.0 : 255.0);
  });
}

Result<> lower_dequantize(Lowering& l, const Node& node) {
  return lower_scaled(l, node, [](double q, double scale, double zero, bool) { return scale * (q - zero); });
}

// The operation that gives an operand of `node`, where that is `op` with scales that a convolution can take.
struct Quantized {
  mil::OpCall call;
  const mil::Operation* operation;
  Quantization quantization;
};
std::optional<Quantized> quantized(const Lowering& l, const Node& node, std::string_view operand, std::string_view op) {
  const mil::Operation* producer = l.producer(node.operand(operand));
  if (producer == nullptr || producer->op->name != op) return std::nullopt;
  mil::OpCall call(l.arguments(*producer));
  auto q = quantization_of(call);
  if (!q) return std::nullopt;
  return Quantized{std::move(call), producer, std::move(*q)};
}
std::optional<Quantized> quantized_image(const Lowering& l, const Node& node) {
  auto image = quantized(l, node, "x", "dequantize");
  return image && image->quantization.scales.size() == 1 ? std::move(image) : std::nullopt;
}
std::optional<Quantized> quantized_weight(const Lowering& l, const Node& node) {
  return quantized(l, node, "weight", "constexpr_affine_dequantize");
}

// q − zero.
std::vector<Half> centred(const mil::Tensor& tensor, double zero) {
  std::vector<Half> halves;
  for (double q : tensor.numbers()) halves.push_back(half_away(q - zero));
  return halves;
}

// An overflow is infinite whatever the scale, 0 too.
Half scaled(double sum, double scale, double bias) {
  if (std::isinf(sum)) return half_away(scale < 0 ? -sum : sum);
  return half_away(sum * scale + bias);
}

}  // namespace

bool is_int8(const Lowering& l, const Node& node) { return quantized_image(l, node) && quantized_weight(l, node); }

void lower_int8(Lowering& l, const Node& node, const Convolution& c) {
  l.note(Choice::int8_overflow);
  const auto image = *quantized_image(l, node), weight = *quantized_weight(l, node);
  View x = l.read_packed(image.operation->argument("input")->values[0]);
  if (image.quantization.zero != 0) {
    const View zero = l.constant_view({half_away(image.quantization.zero)}, {1});
    const View shifted = l.temporary(x.shape);
    l.emit_combine(Combination::sub, x, zero, shifted);
    x = shifted;
  }
  const mil::Tensor& integers = weight.call.constant("quantized_data");
  const View w = l.constant_view(centred(integers, weight.quantization.zero), integers.type().shape);
  const View sums = l.temporary_doubles({c.images, c.groups * c.results, c.places});
  emit_convolution(l, c, Terms::integers, w, columns_of(l, c, x), std::nullopt, sums);
  std::optional<View> bias;
  if (node.has("bias")) {
    l.note(Choice::int8_bias);
    bias = l.read_packed(node.operand("bias"));
  }
  std::vector<double> scales = weight.quantization.scales;
  for (double& scale : scales) scale *= image.quantization.scales[0];
  l.emit([=, result = l.result(node.result())](const Memory& m) {
    const int64_t channels = c.groups * c.results;
    for (int64_t i = 0; i < c.images * channels; ++i) {
      const double scale = scales[scales.size() == 1 ? 0 : size_t(i % channels)];
      const double first = bias ? decode(m.at(*bias)[i % channels]) : 0;
      for (int64_t place = i * c.places; place < (i + 1) * c.places; ++place) {
        m.at(result)[place] = scaled(m.doubles_at(sums)[place], scale, first);
      }
    }
  });
}

std::vector<Rule> quantization_rules() { return {{"quantize", lower_quantize}, {"dequantize", lower_dequantize}}; }

}  // namespace anemone::sim
