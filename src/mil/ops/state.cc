// States, which outlive a run, and buffers, whose elements lie apart in memory.
//
// An Array is packed whatever its type, so that in the reference evaluation the copies between buffers and tensors are
// identities: whoever binds memory to a buffer spreads or packs its elements by the type's layout.
#include <algorithm>

#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

Param state(std::string_view name) { return {.name = name, .state = true}; }
Param buffer(std::string_view name) { return {.name = name, .buffer = true}; }

// A state is a parameter of the function: nothing else may be read and written from run to run.
Result<> check_state(std::string_view op, const OpCall& call) {
  if (call.operands("input")[0].fixed) return fail("{}: parameter input is a constant, expected an input", op);
  return {};
}

Result<std::vector<TensorType>> infer_read(const OpCall& call) {
  TRY(check_state("read_state", call));
  return {{{call.type("input").dtype, call.shape("input")}}};
}

Result<std::vector<TensorType>> infer_write(const OpCall& call) {
  TRY(check_state("write_state", call));
  const TensorType expected{call.type("input").dtype, call.shape("input")};
  if (call.type("data") == expected) return std::vector<TensorType>{};
  return fail("write_state: parameter data is {}, expected {}, as the state", to_string(call.type("data")),
              to_string(expected));
}

// Strides count elements. Elements must not overlap, and all must lie within 2^48 of them.
Result<std::vector<TensorType>> infer_to_buffer(const OpCall& call) {
  static constexpr std::string_view kName = "tensor_to_tensor_buffer";
  constexpr int64_t kMostElements = int64_t{1} << 48;
  const Shape& shape = call.shape("input");
  BufferLayout layout{call.integers("strides"), call.integers("interleave_factors")};
  if (layout.strides.size() != shape.size() || layout.interleave_factors.size() != shape.size()) {
    return fail("{}: strides and interleave_factors need {} numbers", kName, shape.size());
  }
  if (std::ranges::count(layout.interleave_factors, 0) > 0) return fail("{}: an interleave factor is 0", kName);
  int64_t inner = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    const int64_t stride = layout.strides[d];
    if (stride < inner || stride > kMostElements / std::max(shape[d], int64_t{1})) {
      return fail("{}: strides {} do not hold a tensor of shape {}", kName, to_string(layout.strides),
                  to_string(shape));
    }
    inner = stride * std::max(shape[d], int64_t{1});
  }
  return {{{.dtype = call.type("input").dtype, .shape = shape, .buffer = std::move(layout)}}};
}

void copy_input(const OpCall& call, std::span<Array> results) { results[0].data = call.array("input").data; }

}  // namespace

std::vector<OpDef> state_ops() {
  return {
      {.name = "read_state",
       .params = {state("input")},
       .infer = infer_read,
       .evaluate = copy_input,
       .since = 18,
       .formula = "the state's value as a tensor"},
      {.name = "write_state",
       .params = {state("input"), Param::operand("data")},
       .infer = infer_write,
       .evaluate = [](const OpCall&, std::span<Array>) {},  // the interpreter stores it
       .since = 18,
       .formula = "state = data; no result"},
      {.name = "tensor_buffer_to_tensor",
       .params = {buffer("input")},
       .infer = [](const OpCall& call) -> Result<std::vector<TensorType>> {
         return {{{call.type("input").dtype, call.shape("input")}}};
       },
       .evaluate = copy_input,
       .since = 17,
       .formula = "input, packed"},
      {.name = "tensor_to_tensor_buffer",
       .params = {Param::operand("input"), Param::setting("strides", {DType::int64}),
                  Param::setting("interleave_factors", {DType::uint8})},
       .infer = infer_to_buffer,
       .evaluate = copy_input,
       .since = 17,
       .formula = "input, its elements laid out by strides"},
  };
}

}  // namespace anemone::mil
