#include "mil/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include "base/buffer.h"
#include "base/check.h"
#include "base/half.h"
#include "base/matrix.h"

namespace anemone::mil {
namespace {

template <class T>
T load(const std::byte* data, int64_t i) {
  T value;
  std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void store(std::byte* data, int64_t i, T value) {
  std::memcpy(data + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

// Element i of integers occupies bits [i·w, (i + 1)·w). Those narrower than a byte lie in at most two.
uint64_t load_bits(const std::byte* data, int64_t i, int64_t width) {
  if (width >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, data + i * width / 8, static_cast<size_t>(width / 8));
    return word;
  }
  const int64_t at = i * width / 8, from = i * width % 8;
  auto word = static_cast<uint64_t>(data[at]) >> from;
  if (from + width > 8) word |= static_cast<uint64_t>(data[at + 1]) << (8 - from);
  return word & ((uint64_t{1} << width) - 1);
}

void store_bits(std::byte* data, int64_t i, int64_t width, uint64_t word) {
  if (width >= 8) {
    std::memcpy(data + i * width / 8, &word, static_cast<size_t>(width / 8));
    return;
  }
  for (int64_t b = 0; b < width; ++b) {
    const int64_t at = i * width + b;
    const auto mask = std::byte{1} << (at % 8);
    data[at / 8] = ((word >> b) & 1) != 0 ? data[at / 8] | mask : data[at / 8] & ~mask;
  }
}

void store_integer(DType dtype, std::byte* data, int64_t i, double value) {
  const auto width = static_cast<int64_t>(bits(dtype));
  const double low = is_signed_integer(dtype) ? -std::ldexp(1.0, static_cast<int>(width) - 1) : 0;
  const double high = std::ldexp(1.0, static_cast<int>(is_signed_integer(dtype) ? width - 1 : width)) - 1;
  value = std::isnan(value) ? 0 : std::trunc(value);
  uint64_t word;
  if (value < 0) {
    word = static_cast<uint64_t>(static_cast<int64_t>(std::max(value, low)));
  } else if (value < high) {
    word = static_cast<uint64_t>(value);
  } else {
    word = ~uint64_t{0} >> (64 - width + (is_signed_integer(dtype) ? 1 : 0));
  }
  store_bits(data, i, width, word);
}

// The two kinds of 8-bit float of "FP8 Formats for Deep Learning" (Micikevicius et al. 2022).
struct SmallFloat {
  int mantissa_bits, bias;
  uint8_t largest;  // finite; what lies beyond is infinity or, where the format has none, NaN
  bool has_infinity;
};
constexpr SmallFloat kE4M3{3, 7, 0x7E, false};
constexpr SmallFloat kE5M2{2, 15, 0x7B, true};

double decode(const SmallFloat& f, uint8_t bits) {
  const int magnitude = bits & 0x7F;
  const int exponent = magnitude >> f.mantissa_bits;
  const int mantissa = magnitude & ((1 << f.mantissa_bits) - 1);
  double value = exponent == 0 ? std::ldexp(mantissa, 1 - f.bias - f.mantissa_bits)
                               : std::ldexp((1 << f.mantissa_bits) + mantissa, exponent - f.bias - f.mantissa_bits);
  if (magnitude > f.largest) value = f.has_infinity && mantissa == 0 ? INFINITY : NAN;
  return bits >= 0x80 ? -value : value;
}

// The magnitudes rise with their bits, so the nearest one lies at or just after the last not above |value|.
uint8_t encode(const SmallFloat& f, double value) {
  const auto sign = static_cast<uint8_t>(std::signbit(value) ? 0x80 : 0);
  const double x = std::fabs(value);
  if (std::isnan(x)) return sign | 0x7F;
  int below = 0;
  for (int step = 64; step > 0; step /= 2) {
    if (below + step <= f.largest && decode(f, static_cast<uint8_t>(below + step)) <= x) below += step;
  }
  const double ulp = std::ldexp(1.0, std::max(below >> f.mantissa_bits, 1) - f.bias - f.mantissa_bits);
  const double past = x - decode(f, static_cast<uint8_t>(below));
  const bool up = past > ulp / 2 || (past == ulp / 2 && below % 2 == 1);
  return sign | static_cast<uint8_t>(below + (up ? 1 : 0));
}

// To odd where inexact, so that a second rounding, to fewer bits, is to nearest (Boldo and Melquiond 2008).
float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  uint32_t word;
  std::memcpy(&word, &nearest, sizeof word);
  if (nearest == value || !std::isfinite(nearest) || word % 2 == 1) return nearest;
  return std::nextafter(nearest, value > nearest ? INFINITY : -INFINITY);
}

// use(load), where load(data, i) is element i of packed storage: one choice for all elements, not one for each.
template <class Use>
void with_loader(DType dtype, const Use& use) {
  const auto as = [&]<class T>(T) {
    use([](const std::byte* data, int64_t i) { return static_cast<double>(load<T>(data, i)); });
  };
  const auto width = static_cast<int64_t>(bits(dtype));
  switch (dtype) {
    case DType::fp16:
      return use([](const std::byte* data, int64_t i) -> double { return load<Half>(data, i).value(); });
    case DType::bf16:
      return use([](const std::byte* data, int64_t i) -> double { return load<BFloat16>(data, i).value(); });
    case DType::fp32:
      return as(float{});
    case DType::fp64:
      return as(double{});
    case DType::f8e4m3fn:
      return use([](const std::byte* data, int64_t i) { return decode(kE4M3, load<uint8_t>(data, i)); });
    case DType::f8e5m2:
      return use([](const std::byte* data, int64_t i) { return decode(kE5M2, load<uint8_t>(data, i)); });
    case DType::int8:
      return as(int8_t{});
    case DType::int16:
      return as(int16_t{});
    case DType::int32:
      return as(int32_t{});
    case DType::int64:
      return as(int64_t{});
    case DType::int4:
      return use([](const std::byte* data, int64_t i) {
        const uint64_t word = load_bits(data, i, 4);
        return static_cast<double>(word) - (word >= 8 ? 16 : 0);
      });
    case DType::boolean:
      return use([](const std::byte* data, int64_t i) { return load<uint8_t>(data, i) != 0 ? 1.0 : 0.0; });
    case DType::string:
      CHECK(dtype != DType::string);
      return;
    default:
      return use([width](const std::byte* data, int64_t i) { return static_cast<double>(load_bits(data, i, width)); });
  }
}

}  // namespace

double load_number(DType dtype, const std::byte* data, int64_t i) {
  double value = 0;
  with_loader(dtype, [&](const auto& load) { value = load(data, i); });
  return value;
}

void store_number(DType dtype, std::byte* data, int64_t i, double value) {
  switch (dtype) {
    case DType::fp16:
      return store(data, i, Half::from(value));
    case DType::bf16:
      return store(data, i, BFloat16::from(round_to_odd(value)));
    case DType::fp32:
      return store(data, i, static_cast<float>(value));
    case DType::fp64:
      return store(data, i, value);
    case DType::f8e4m3fn:
      return store(data, i, encode(kE4M3, value));
    case DType::f8e5m2:
      return store(data, i, encode(kE5M2, value));
    case DType::boolean:
      return store(data, i, static_cast<uint8_t>(value != 0));
    case DType::string:
      CHECK(dtype != DType::string);
      return;
    default:
      return store_integer(dtype, data, i, value);
  }
}

Tensor Tensor::own(TensorType type, std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return view(std::move(type), *owner, owner);
}

Tensor Tensor::view(TensorType type, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  CHECK(type.dtype == DType::string || bytes.size() == type.bytes());
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.bytes_ = bytes;
  tensor.owner_ = std::move(owner);
  return tensor;
}

// ---- Of floats elsewhere

struct Tensor::Made {
  explicit Made(const FloatSource& floats) : source(floats) {}

  FloatSource source;
  std::once_flag once{};
  Buffer<std::byte> bytes{};
};

namespace {

template <class T>
void make(const FloatSource& from, T* to) {
  const FloatMatrix matrix{from.data, from.rows, from.columns, from.columns};
  from.transposed ? transpose(matrix, to, from.rows) : copy(matrix, to, from.columns);
}

}  // namespace

Tensor Tensor::of_floats(TensorType type, const FloatSource& source) {
  CHECK(type.count() == source.rows * source.columns);
  CHECK(type.dtype == DType::fp32 || type.dtype == DType::fp16 || type.dtype == DType::bf16);
  Tensor tensor;
  tensor.type_ = std::move(type);
  tensor.made_ = std::make_shared<Made>(source);
  return tensor;
}

const FloatSource* Tensor::source() const { return made_ == nullptr ? nullptr : &made_->source; }

std::span<const std::byte> Tensor::made_bytes() const {
  std::call_once(made_->once, [this] {
    made_->bytes = Buffer<std::byte>(type_.bytes());
    std::byte* to = made_->bytes.data();
    if (type_.dtype == DType::fp32) return make(made_->source, reinterpret_cast<float*>(to));
    if (type_.dtype == DType::fp16) return make(made_->source, reinterpret_cast<Half*>(to));
    make(made_->source, reinterpret_cast<BFloat16*>(to));
  });
  return made_->bytes.span();
}

Tensor Tensor::from_numbers(TensorType type, std::span<const double> values) {
  CHECK(static_cast<int64_t>(values.size()) == type.count());
  std::vector<std::byte> bytes(type.bytes());
  for (size_t i = 0; i < values.size(); ++i) {
    store_number(type.dtype, bytes.data(), static_cast<int64_t>(i), values[i]);
  }
  return own(std::move(type), std::move(bytes));
}

Tensor Tensor::scalar(DType dtype, double value) { return from_numbers({dtype, {}}, {&value, 1}); }

Tensor Tensor::boolean(bool value) { return scalar(DType::boolean, value ? 1 : 0); }

Tensor Tensor::text(std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  return own({DType::string, {}}, {bytes.begin(), bytes.end()});
}

Tensor Tensor::ints(const std::vector<int64_t>& values) {
  const std::vector<double> numbers(values.begin(), values.end());
  return from_numbers({DType::int32, {static_cast<int64_t>(values.size())}}, numbers);
}

Tensor Tensor::integer(int64_t value) { return scalar(DType::int32, static_cast<double>(value)); }

double Tensor::number(int64_t i) const { return load_number(type_.dtype, bytes().data(), i); }

std::vector<double> Tensor::numbers() const {
  std::vector<double> values(static_cast<size_t>(type_.count()));
  const std::byte* data = bytes().data();
  with_loader(type_.dtype, [&](const auto& load) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = load(data, static_cast<int64_t>(i));
  });
  return values;
}

std::vector<int64_t> Tensor::integers() const {
  const std::vector<double> values = numbers();
  return {values.begin(), values.end()};
}

std::string_view Tensor::characters() const { return {reinterpret_cast<const char*>(bytes().data()), bytes().size()}; }

bool Tensor::operator==(const Tensor& other) const {
  if (type_ != other.type_) return false;
  if (std::ranges::equal(bytes(), other.bytes())) return true;
  if (!is_float(type_.dtype)) return false;
  for (int64_t i = 0; i < type_.count(); ++i) {
    const double a = number(i), b = other.number(i);
    const bool same = a == b ? std::signbit(a) == std::signbit(b) : std::isnan(a) && std::isnan(b);
    if (!same) return false;
  }
  return true;
}

}  // namespace anemone::mil
