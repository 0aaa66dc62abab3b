// An immutable tensor value: a type and its bytes, packed and little-endian, sub-byte elements from the low bit up.
//
//   Tensor axes = Tensor::ints({1});                         // tensor<int32, [1]>
//   Tensor mode = Tensor::text("valid");
//   Tensor mapped = Tensor::view(type, file.bytes().subspan(128, n), keep_alive);   // no copy
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mil/type.h"

namespace anemone::mil {

// A row-major matrix of floats elsewhere, or its transpose.
struct FloatSource {
  const float* data;
  int64_t rows, columns;  // as stored
  bool transposed = false;
};

class Tensor {
 public:
  Tensor() = default;

  // Takes the bytes; as many as the type needs (a string's bytes are its characters).
  static Tensor own(TensorType type, std::vector<std::byte> bytes);
  // Refers to bytes that `owner` keeps alive. Without an owner the caller keeps them, unchanged, while copies live.
  static Tensor view(TensorType type, std::span<const std::byte> bytes, std::shared_ptr<const void> owner = nullptr);
  // The elements of `source`, rounded into the float type; its bytes are made when they are first asked for, in any
  // thread. The caller keeps the floats, unchanged until then; a device that reads them by itself needs no bytes.
  static Tensor of_floats(TensorType type, const FloatSource& source);

  // Each value is rounded once, to nearest even, into the element type.
  static Tensor from_numbers(TensorType type, std::span<const double> values);
  static Tensor scalar(DType dtype, double value);
  static Tensor boolean(bool value);
  static Tensor text(std::string_view value);
  static Tensor ints(const std::vector<int64_t>& values);  // rank 1, int32
  static Tensor integer(int64_t value);                    // rank 0, int32

  const TensorType& type() const { return type_; }
  std::span<const std::byte> bytes() const { return made_ == nullptr ? bytes_ : made_bytes(); }
  const FloatSource* source() const;  // null but for of_floats()

  double number(int64_t i) const;  // element i of a numeric or boolean tensor
  std::vector<double> numbers() const;
  std::vector<int64_t> integers() const;
  std::string_view characters() const;  // of a string

  bool operator==(const Tensor& other) const;  // same type, same numbers bit for bit; one NaN is as good as another

 private:
  struct Made;
  std::span<const std::byte> made_bytes() const;

  TensorType type_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<Made> made_;  // of a float source
  std::shared_ptr<const void> owner_;
};

// Element i of packed storage, as a double; and its inverse, rounding once to nearest even (integers saturate).
double load_number(DType dtype, const std::byte* data, int64_t i);
void store_number(DType dtype, std::byte* data, int64_t i, double value);

}  // namespace anemone::mil
