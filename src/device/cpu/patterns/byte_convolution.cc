// A pointwise convolution between quantised values: dequantize → conv with a constexpr_affine_dequantize of int8 as its
// weight, → quantize where that is all that uses its result. Becomes a product of bytes: with zero points z and scales
// s
//   y[p, o] = s_x·s_w[o]·(Σ_i q_x[p, i]·q_w[o, i] − z_x·Σ_i q_w[o, i]) + bias[o]
// Quantised results stay bytes in memory, with an image's channels side by side at each place, as the products take
// them. Where the processor has no such products, or zero points of weights are not 0, the ops run one by one.
#include <algorithm>
#include <cmath>

#include "device/cpu/kernels/byte_product.h"
#include "device/cpu/lowering.h"
#include "device/cpu/patterns/pattern.h"
#include "mil/inference.h"
#include "mil/ops/window.h"

namespace anemone::cpu {
namespace {

using mil::DType;
using mil::Operation;
using mil::ValueId;

constexpr int64_t kMostInputs = 65536;  // channels: sums of 255·128 for each stay below 2³¹

struct Affine {
  std::vector<double> scale, zero_point;  // a number each, or one for each channel
};

std::vector<double> spread(const std::vector<double>& numbers, int64_t count) {
  return numbers.size() == 1 ? std::vector<double>(size_t(count), numbers[0]) : numbers;
}

bool is_finite(const std::vector<double>& numbers) {
  return std::ranges::all_of(numbers, [](double n) { return std::isfinite(float(n)); });
}

// The parameters of an operation that quantises along `axis` of `rank` dimensions, or as a whole.
std::optional<Affine> match_affine(const Graph& graph, const Operation& operation, int64_t axis, int64_t rank) {
  const mil::Argument* zero_point = operation.argument("zero_point");
  const mil::Tensor* scale = graph.constant(operand(operation, "scale"));
  const mil::Tensor* zero = zero_point != nullptr ? graph.constant(zero_point->values[0]) : nullptr;
  if (scale == nullptr || (zero_point != nullptr && zero == nullptr)) return {};
  Affine affine{scale->numbers(), zero != nullptr ? zero->numbers() : std::vector<double>{0}};
  const bool one = affine.scale.size() == 1 && affine.zero_point.size() == 1;
  const mil::Argument* along = operation.argument("axis");
  if (!one && (along == nullptr || (graph.number(along->values[0]) != double(axis) &&
                                    graph.number(along->values[0]) != double(axis - rank)))) {
    return {};
  }
  return is_finite(affine.scale) ? std::optional(std::move(affine)) : std::nullopt;
}

int64_t rank_of(const Graph& graph, ValueId id) { return int64_t(graph.shape(id).size()); }

struct ByteConvolution {
  const Operation *dequantize, *weight, *conv, *quantize;  // the last one may be null
  Affine x, w, y;
  std::vector<double> bias;
};

bool is_pointwise(const Graph& graph, const Operation& conv) {
  const mil::OpCall call(mil::call_arguments(graph.function(), conv, [&](ValueId id) { return graph.constant(id); }));
  const auto windows = mil::conv_windows(call);
  return windows && call.integer("groups") == 1 && std::ranges::all_of(*windows, [](const mil::Window& w) {
           return w.kernel == 1 && w.stride == 1 && w.before == 0 && w.after == 0;
         });
}

// The only user of a value, or null.
const Operation* only_user(const Graph& graph, ValueId id) {
  const std::vector<const Operation*>& users = graph.users(id);
  const bool is_output = std::ranges::find(graph.function().outputs, id) != graph.function().outputs.end();
  return users.size() == 1 && !is_output ? users[0] : nullptr;
}

// What the result is quantised by, if nothing else uses it.
const Operation* match_quantize(const Graph& graph, const Operation& conv, Affine& affine) {
  const ValueId result = conv.results[0];
  const Operation* user = only_user(graph, result);
  if (user == nullptr || user->op->name != "quantize") return nullptr;
  const auto found = match_affine(graph, *user, 1, rank_of(graph, result));
  if (!found || std::ranges::count(found->scale, 0) > 0) return nullptr;
  affine = *found;
  return user;
}

std::optional<std::vector<double>> match_bias(const Graph& graph, const Operation& conv) {
  const mil::Argument* bias = conv.argument("bias");
  if (bias == nullptr) return std::vector<double>{0};
  const mil::Tensor* known = graph.constant(bias->values[0]);
  if (known == nullptr || !is_finite(known->numbers())) return {};
  return known->numbers();
}

std::optional<ByteConvolution> match_convolution(const Graph& graph, const Operation& conv) {
  const ValueId x = operand(conv, "x"), weight = operand(conv, "weight");
  ByteConvolution found{graph.producer(x, "dequantize"),
                        graph.producer(weight, "constexpr_affine_dequantize"),
                        &conv,
                        nullptr,
                        {},
                        {},
                        {},
                        {}};
  if (found.dequantize == nullptr || found.weight == nullptr || mil::count(graph.shape(conv.results[0])) == 0)
    return {};
  const mil::Tensor* data = graph.constant(operand(*found.weight, "quantized_data"));
  if (data == nullptr || data->type().dtype != DType::int8 || graph.shape(x)[1] > kMostInputs) return {};
  const auto of_x = match_affine(graph, *found.dequantize, -1, 0),
             of_w = match_affine(graph, *found.weight, 0, rank_of(graph, weight));
  const auto bias = match_bias(graph, conv);
  if (!of_x || !of_w || !bias || !is_pointwise(graph, conv)) return {};
  if (of_x->scale.size() > 1 || of_x->zero_point.size() > 1) return {};
  if (std::ranges::any_of(of_w->zero_point, [](double z) { return z != 0; })) return {};
  found.x = *of_x;
  found.w = *of_w;
  found.bias = *bias;
  found.quantize = match_quantize(graph, conv, found.y);
  return found;
}

std::vector<float> floats(const std::vector<double>& numbers) { return {numbers.begin(), numbers.end()}; }

std::vector<int32_t> integers(const std::vector<double>& numbers) { return {numbers.begin(), numbers.end()}; }

std::vector<int8_t> bytes_of(const mil::Tensor& tensor) {
  const auto* bytes = reinterpret_cast<const int8_t*>(tensor.bytes().data());
  return {bytes, bytes + tensor.type().count()};
}

SumScaling scaling_of(const ByteConvolution& c, const std::vector<int8_t>& w, int64_t columns, Rounding rounding) {
  SumScaling scaling{.correction = {}, .factor = {}, .bias = floats(spread(c.bias, columns)), .rounding = rounding};
  const std::vector<double> scales = spread(c.w.scale, columns);
  const int64_t inner = int64_t(w.size()) / columns;
  for (int64_t o = 0; o < columns; ++o) {
    int32_t sum = 0;
    for (int64_t i = 0; i < inner; ++i) sum += w[size_t(o * inner + i)];
    scaling.correction.push_back(-static_cast<int32_t>(c.x.zero_point[0]) * sum);
    scaling.factor.push_back(static_cast<float>(c.x.scale[0] * scales[size_t(o)]));
  }
  return scaling;
}

// [n, D.., C] of an image [n, C, D..], and back.
std::vector<int64_t> channels_last(size_t rank) {
  std::vector<int64_t> order{0};
  for (size_t d = 2; d < rank; ++d) order.push_back(int64_t(d));
  order.push_back(1);
  return order;
}
View with_channels_last(const View& image) { return permuted(image, channels_last(image.shape.size())); }

View image_of(Lowering& l, const mil::Shape& image, DType dtype) {
  mil::Shape shape{image[0]};
  shape.insert(shape.end(), image.begin() + 2, image.end());
  shape.push_back(image[1]);
  std::vector<int64_t> order{0, int64_t(image.size()) - 1};
  for (size_t d = 2; d < image.size(); ++d) order.push_back(int64_t(d) - 1);
  return permuted(l.temporary(shape, dtype), order);
}

// The bytes of a quantised image, channels last.
View read_bytes(Lowering& l, ValueId id) {
  if (const auto raw = l.raw_elements(id); raw && is_packed(with_channels_last(*raw))) return *raw;
  const View words = image_of(l, l.shape(id), DType::int32);
  View bytes = image_of(l, l.shape(id), l.dtype(id));
  l.emit_copy(with_channels_last(l.read(id)), with_channels_last(words));
  l.emit_narrow(with_channels_last(words), l.dtype(id), with_channels_last(bytes));
  return bytes;
}

void lower_convolution(Lowering& l, const ByteConvolution& c) {
  const ValueId from = operand(*c.dequantize, "input"), between = c.conv->results[0];
  const std::vector<int8_t> w = bytes_of(*l.constant(operand(*c.weight, "quantized_data")));
  const int64_t inner = l.shape(from)[1], columns = l.shape(between)[1];
  ByteProductPlan plan{.rows = mil::count(l.shape(from)) / inner,
                       .columns = columns,
                       .inner = inner,
                       .x_is_signed = l.dtype(from) == DType::int8,
                       .scaling = scaling_of(c, w, columns, l.rounding(between))};
  const DType to = c.quantize != nullptr ? l.dtype(c.quantize->results[0]) : DType::fp32;
  if (c.quantize != nullptr) {
    plan.quantization.emplace(floats(spread(c.y.scale, columns)), integers(spread(c.y.zero_point, columns)),
                              to == DType::int8);
  }
  const auto product = std::make_shared<const ScaledByteProduct>(std::move(plan), w.data(), l.products());
  const View x = read_bytes(l, from), y = image_of(l, l.shape(between), to);
  const View scratch = l.temporary({int64_t(product->scratch_bytes())}, DType::int8);
  l.emit({x, scratch, y}, [=, x_type = l.dtype(from)](const Pointers& p) {
    product->run(p.bytes_at(x, x_type), p.bytes_at(scratch, DType::int8), p.bytes_at(y, to));
  });
  c.quantize != nullptr ? l.define_raw(c.quantize->results[0], y) : l.define(between, y);
}

}  // namespace

std::optional<Pattern> match_byte_convolution(const Graph& graph, const Operation& operation) {
  const bool is_last = operation.op->name == "conv";
  const Operation* conv =
      operation.op->name == "quantize" ? graph.producer(operand(operation, "input"), "conv") : &operation;
  if (!multiplies_bytes() || conv == nullptr || conv->op->name != "conv") return {};
  auto found = match_convolution(graph, *conv);
  if (!found || is_last != (found->quantize == nullptr)) return {};
  Pattern pattern{.covers = {conv}, .results = {operation.results[0]}, .lower = {}};
  if (!is_last) pattern.covers.push_back(&operation);
  // Where others use its floats as well, they are computed for them.
  const bool is_alone = only_user(graph, operand(*conv, "x")) != nullptr;
  (is_alone ? pattern.covers : pattern.reads).push_back(found->dequantize);
  pattern.lower = [c = *std::move(found)](Lowering& l) { lower_convolution(l, c); };
  return pattern;
}

}  // namespace anemone::cpu
