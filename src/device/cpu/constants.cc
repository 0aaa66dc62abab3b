#include "device/cpu/constants.h"

#include <cstring>

#include "base/matrix.h"
#include "base/parallel.h"
#include "device/cpu/kernels/words.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements worth a thread

bool is_aligned(const void* data, size_t alignment) { return reinterpret_cast<uintptr_t>(data) % alignment == 0; }

void copy_rounded(const float* from, size_t count, Rounding first, Rounding then, float* to) {
  parallel_for(int64_t(count), kGrain, [&](int64_t begin, int64_t end) {
    const std::span<float> piece(to + begin, size_t(end - begin));
    std::copy_n(from + begin, piece.size(), piece.data());
    round_to(first, piece);
    if (then != first) round_to(then, piece);
  });
}

View transposed_view(BufferId buffer, const mil::FloatSource& source) {
  return permuted(packed(buffer, {source.rows, source.columns}), {1, 0});
}

// Where the words can be read in the source's own order.
const mil::FloatSource* readable_source(const mil::Tensor& tensor) {
  const mil::FloatSource* source = tensor.source();
  if (source == nullptr || !source->transposed) return source;
  return reshaped(transposed_view(-1, *source), tensor.type().shape) ? source : nullptr;
}

void to_words(const mil::Tensor& tensor, float* words) {
  const mil::DType dtype = tensor.type().dtype;
  const auto count = size_t(tensor.type().count());
  const std::byte* bytes = tensor.bytes().data();
  if (is_word(dtype)) {
    if (count > 0) std::memcpy(words, bytes, tensor.bytes().size());
  } else if (dtype == mil::DType::fp16 && is_aligned(bytes, alignof(Half))) {
    to_float({reinterpret_cast<const Half*>(bytes), count}, words);
  } else {
    for (size_t i = 0; i < count; ++i) words[i] = to_word(dtype, tensor.number(int64_t(i)));
  }
}

// Rows [row, row + rows) of the source, to the elements of all of it.
template <class To>
void convert(const mil::FloatSource& from, int64_t row, int64_t rows, To* to) {
  const FloatMatrix part{from.data + row * from.columns, rows, from.columns, from.columns};
  from.transposed ? transpose(part, to + row, from.rows) : copy(part, to + row * from.columns, from.columns);
}

void to_factors(const mil::Tensor& tensor, BFloat16* to) {
  const mil::FloatSource* source = tensor.source();
  if (source != nullptr && tensor.type().dtype == mil::DType::fp32) return convert(*source, 0, source->rows, to);
  Buffer<float> words(size_t(tensor.type().count()));
  to_words(tensor, words.data());
  to_bfloat16(words.span(), to);
}

}  // namespace

Constant::Constant(const mil::Tensor& tensor, Form form, Rounding rounding) : form_(form), rounding_(rounding) {
  load(tensor);
}

Constant Constant::words(const mil::Tensor& tensor, Rounding rounding) { return {tensor, Form::words, rounding}; }

Constant Constant::factor(const mil::Tensor& tensor) { return {tensor, Form::factor, Rounding::bfloat16}; }

Constant Constant::stored(const mil::Tensor& tensor) { return {tensor, Form::stored, Rounding::none}; }

bool Constant::can_be_stored(const mil::Tensor& tensor) {
  return tensor.source() != nullptr || is_aligned(tensor.bytes().data(), alignof(Half));
}

void Constant::load(const mil::Tensor& tensor) {
  tensor_ = tensor;
  const auto count = size_t(tensor.type().count());
  if (narrow_count() > 0) return load_narrow();
  if (in_place() != nullptr) return;
  if (floats_.size() < count) floats_ = Buffer<float>(count);
  if (const mil::FloatSource* source = readable_source(tensor)) {
    return copy_rounded(source->data, count, rounding_of(tensor.type().dtype), rounding_, floats_.data());
  }
  to_words(tensor, floats_.data());
  round_to(rounding_, floats_.span());
}

size_t Constant::narrow_count() const {
  const bool made = form_ == Form::factor || (form_ == Form::stored && tensor_.source() != nullptr);
  return made ? size_t(tensor_.type().count()) : 0;
}

void Constant::place(uint16_t* memory) {
  narrow_ = memory;
  load_narrow();
}

void Constant::load_narrow() {
  if (narrow_ == nullptr) return;  // not placed yet
  auto* const factors = reinterpret_cast<BFloat16*>(narrow_);
  if (form_ == Form::factor) return to_factors(tensor_, factors);
  const mil::FloatSource& source = *tensor_.source();
  const bool halves = tensor_.type().dtype == mil::DType::fp16;
  halves ? convert(source, 0, source.rows, reinterpret_cast<Half*>(narrow_)) : convert(source, 0, source.rows, factors);
}

bool Constant::refreshes() const {
  if (form_ == Form::factor) return tensor_.source() != nullptr && tensor_.type().dtype == mil::DType::fp32;
  return form_ == Form::words && readable_source(tensor_) != nullptr;
}

void Constant::refresh(int64_t row, int64_t rows) {
  const mil::FloatSource& source = *tensor_.source();
  if (form_ == Form::factor) return convert(source, row, rows, reinterpret_cast<BFloat16*>(narrow_));
  if (in_place() != nullptr) return;
  const int64_t begin = row * source.columns;
  copy_rounded(source.data + begin, size_t(rows * source.columns), rounding_of(tensor_.type().dtype), rounding_,
               floats_.data() + begin);
}

// The elements where the tensor has them, unless they have to change.
const void* Constant::in_place() const {
  if (form_ == Form::stored) return tensor_.source() == nullptr ? tensor_.bytes().data() : nullptr;
  if (form_ == Form::factor || rounding_ != Rounding::none) return nullptr;
  if (const mil::FloatSource* source = readable_source(tensor_)) {
    return rounding_of(tensor_.type().dtype) == Rounding::none ? source->data : nullptr;
  }
  const std::byte* bytes = tensor_.bytes().data();
  return is_word(tensor_.type().dtype) && is_aligned(bytes, alignof(float)) ? bytes : nullptr;
}

const void* Constant::data() const {
  if (narrow_ != nullptr) return narrow_;
  const void* there = in_place();
  return there != nullptr ? there : floats_.data();
}

View Constant::view(BufferId buffer) const {
  const mil::Shape& shape = tensor_.type().shape;
  const mil::FloatSource* source = form_ == Form::words ? readable_source(tensor_) : nullptr;
  if (source == nullptr || !source->transposed) return packed(buffer, shape);
  return *reshaped(transposed_view(buffer, *source), shape);
}

}  // namespace anemone::cpu
