#include "mil/type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anemone::mil {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t bits;
};

constexpr std::array<DTypeInfo, 22> kDTypes{{
    {DType::boolean, "bool", 8},   {DType::string, "string", 8},  {DType::fp16, "fp16", 16},
    {DType::fp32, "fp32", 32},     {DType::fp64, "fp64", 64},     {DType::bf16, "bf16", 16},
    {DType::int4, "int4", 4},      {DType::int8, "int8", 8},      {DType::int16, "int16", 16},
    {DType::int32, "int32", 32},   {DType::int64, "int64", 64},   {DType::uint1, "uint1", 1},
    {DType::uint2, "uint2", 2},    {DType::uint3, "uint3", 3},    {DType::uint4, "uint4", 4},
    {DType::uint6, "uint6", 6},    {DType::uint8, "uint8", 8},    {DType::uint16, "uint16", 16},
    {DType::uint32, "uint32", 32}, {DType::uint64, "uint64", 64}, {DType::f8e4m3fn, "f8e4m3fn", 8},
    {DType::f8e5m2, "f8e5m2", 8},
}};

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

}  // namespace

std::string_view to_string(DType dtype) { return info(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeInfo& entry : kDTypes) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

size_t bits(DType dtype) { return info(dtype).bits; }

bool is_float(DType dtype) {
  return dtype == DType::fp16 || dtype == DType::fp32 || dtype == DType::fp64 || dtype == DType::bf16 ||
         dtype == DType::f8e4m3fn || dtype == DType::f8e5m2;
}

bool is_signed_integer(DType dtype) { return dtype >= DType::int4 && dtype <= DType::int64; }

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kUnknown ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

int64_t count(const Shape& shape) {
  int64_t product = 1;
  for (int64_t dimension : shape) product *= dimension;
  return product;
}

bool is_flexible(const Shape& shape) { return std::ranges::count(shape, kUnknown) > 0; }

std::vector<int64_t> packed_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

Result<> check_known_dimensions(const TensorType& type) {
  constexpr int64_t kMostElements = int64_t{1} << 48;
  int64_t elements = 1;
  for (int64_t dimension : type.shape) {
    if (dimension == kUnknown || dimension == 0)
      continue;  // the others must not overflow: partial products are of them
    if (dimension < 0 || dimension > INT32_MAX) return fail("{} has a dimension out of range", to_string(type));
    if (elements > kMostElements / dimension) return fail("{} is too large", to_string(type));
    elements *= dimension;
  }
  return {};
}

Result<size_t> checked_bytes(const TensorType& type) {
  if (is_flexible(type.shape)) return fail("{} has a dimension out of range", to_string(type));
  TRY(check_known_dimensions(type));
  return type.bytes();
}

std::string to_string(const TensorType& type) {
  if (type.buffer) {
    return fmt::format("tensor_buffer<{}, shape = {}, strides = {}, interleave_factors = {}>", to_string(type.dtype),
                       to_string(type.shape), to_string(type.buffer->strides),
                       to_string(type.buffer->interleave_factors));
  }
  std::string text(to_string(type.dtype));
  if (type.state || !type.shape.empty()) text = fmt::format("tensor<{}, {}>", text, to_string(type.shape));
  return type.state ? fmt::format("state<{}>", text) : text;
}

}  // namespace anemone::mil
