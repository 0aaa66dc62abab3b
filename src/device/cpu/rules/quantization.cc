// To bytes and back, as chains of elementwise ops. Quantised values are integer words; a convolution between them is a
// pattern of its own (patterns/byte_convolution.cc).
#include "device/cpu/lowering.h"
#include "device/parts.h"

namespace anemone::cpu {
namespace {

using ThenApply = Lowering::ThenApply;

// A scale or zero point, along the axis that it is given for.
View aligned(Lowering& l, const Node& node, std::string_view parameter) {
  View view = l.read(node.operand(parameter));
  if (view.shape.empty()) return view;
  mil::Shape shape(l.shape(node.operand("input")).size(), 1);
  shape[axis_of(node.call, "axis", shape.size())] = view.shape[0];
  return *reshaped(view, shape);
}

// The same as a float, worked out at each run: it may be loaded anew.
View zero_point(Lowering& l, const Node& node) {
  const View words = aligned(l, node, "zero_point");
  View floats = l.temporary(words.shape);
  ElementwiseChain chain(words.shape);
  chain.store(chain.apply({.op = ElementOp::to_float, .a = chain.load(words), .integers = true}), floats);
  l.emit_chain(chain);
  return floats;
}

TileInstruction bound(ElementOp op, float limit) { return {.op = op, .immediate = limit, .integers = true}; }

Result<> lower_quantize(Lowering& l, const Node& node) {
  const bool is_signed = l.dtype(node.result()) == mil::DType::int8;
  std::vector<ThenApply> then{TileInstruction{.op = ElementOp::round}};
  if (node.call.has("zero_point")) then.emplace_back(TileInstruction{.op = ElementOp::add}, zero_point(l, node));
  then.emplace_back(TileInstruction{.op = ElementOp::to_integer});  // saturating, and NaN is 0
  then.emplace_back(bound(ElementOp::at_least, is_signed ? -128.0F : 0.0F));
  then.emplace_back(bound(ElementOp::at_most, is_signed ? 127.0F : 255.0F));
  l.fuse(node.result(), {.op = ElementOp::div}, {node.operand("input"), aligned(l, node, "scale")}, then);
  return {};
}

Result<> lower_dequantize(Lowering& l, const Node& node) {
  std::vector<ThenApply> then;
  if (node.call.has("zero_point")) then.emplace_back(TileInstruction{.op = ElementOp::sub}, zero_point(l, node));
  then.emplace_back(TileInstruction{.op = ElementOp::mul}, aligned(l, node, "scale"));
  l.fuse(node.result(), {.op = ElementOp::to_float, .integers = true}, {node.operand("input")}, then);
  return {};
}

constexpr mil::DTypes kQuantized = kFloatWords | mil::DTypes{mil::DType::int8, mil::DType::uint8};

}  // namespace

std::vector<Rule> quantization_rules() {
  return {{"quantize", lower_quantize, kQuantized}, {"dequantize", lower_dequantize, kQuantized}};
}

}  // namespace anemone::cpu
