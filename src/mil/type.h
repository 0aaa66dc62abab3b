// MIL's tensor types: an element type and a shape.
//
//   TensorType t{DType::fp16, {1, 768, 1, 256}};
//   to_string(t)     // tensor<fp16, [1, 768, 1, 256]>
//   t.count()        // 196608
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::mil {

enum class DType : uint8_t {
  boolean,
  string,
  fp16,
  fp32,
  fp64,
  bf16,
  int4,
  int8,
  int16,
  int32,
  int64,
  uint1,
  uint2,
  uint3,
  uint4,
  uint6,
  uint8,
  uint16,
  uint32,
  uint64,
  f8e4m3fn,
  f8e5m2,
};

std::string_view to_string(DType dtype);  // as MIL text spells it: "fp16", "bool"
std::optional<DType> parse_dtype(std::string_view name);
size_t bits(DType dtype);  // in memory; 8 for bool and for a string's character
bool is_float(DType dtype);
bool is_signed_integer(DType dtype);

// Dimensions, outermost first; rank 0 is a scalar. kUnknown stands for `?`.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kUnknown = -1;

std::string to_string(const Shape& shape);                // [1, 768, 1, 256]
int64_t count(const Shape& shape);                        // elements; every dimension known
std::vector<int64_t> packed_strides(const Shape& shape);  // in elements, innermost 1

// How a `tensor_buffer` lays out its elements: strides in elements, one number a dimension each.
struct BufferLayout {
  std::vector<int64_t> strides, interleave_factors;

  bool operator==(const BufferLayout&) const = default;
};

struct TensorType {
  DType dtype = DType::fp32;
  Shape shape;
  bool state = false;                    // `state<tensor<…>>`: a tensor that outlives a run
  std::optional<BufferLayout> buffer{};  // `tensor_buffer<…>`

  int64_t count() const { return mil::count(shape); }
  size_t bytes() const { return (static_cast<size_t>(count()) * bits(dtype) + 7) / 8; }
  bool operator==(const TensorType&) const = default;
};

bool is_flexible(const Shape& shape);  // a dimension is unknown

// The bytes of a packed tensor; an error where a dimension is unknown, negative or beyond int32, or where there are
// more than 2^48 elements.
Result<size_t> checked_bytes(const TensorType& type);
// The same of the dimensions that are known.
Result<> check_known_dimensions(const TensorType& type);
std::string to_string(const TensorType& type);  // tensor<fp16, [1, 2]>; a scalar's as fp16

}  // namespace anemone::mil
