#include "mil/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/file.h"

namespace anemone::mil {
namespace {

static_assert(std::endian::native == std::endian::little, "the data are mapped as they are");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kAlignment = 64;
constexpr size_t kMostDimensions = 64;  // NumPy's own limit, since 2.0

// NumPy's names, without the sign of the byte order.
struct Kind {
  std::string_view name;
  DType dtype;
};
constexpr std::array kKinds = {
    Kind{"f2", DType::fp16},   Kind{"f4", DType::fp32},   Kind{"f8", DType::fp64},   Kind{"i1", DType::int8},
    Kind{"i2", DType::int16},  Kind{"i4", DType::int32},  Kind{"i8", DType::int64},  Kind{"u1", DType::uint8},
    Kind{"u2", DType::uint16}, Kind{"u4", DType::uint32}, Kind{"u8", DType::uint64}, Kind{"b1", DType::boolean},
};

Result<DType> parse_descr(std::string_view descr) {
  const auto* kind = descr.empty() ? kKinds.end() : std::ranges::find(kKinds, descr.substr(1), &Kind::name);
  if (kind == kKinds.end()) return fail("element type {} is not read: save it as floats, integers or booleans", descr);
  const bool one_byte = bits(kind->dtype) == 8;
  if (descr[0] == '<' || (one_byte && descr[0] == '|')) return kind->dtype;
  if (descr[0] == '>') return fail("element type {} is big-endian: save it as <{}", descr, kind->name);
  return fail("element type {} has no known byte order", descr);
}

struct Header {
  std::optional<DType> dtype;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

// Reads the header's dictionary of literals, token by token.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Result<Header> parse() {
    Header header;
    if (!take("{")) return fail("the header is no dictionary");
    while (!take("}")) {
      TRY(parse_entry(header));
      if (take(",")) continue;
      if (!take("}")) return fail("the header's dictionary is not closed");
      break;
    }
    skip_space();
    if (!rest_.empty()) return fail("the header goes on after its dictionary");
    if (!header.dtype || !header.fortran_order || !header.shape) {
      return fail("the header needs 'descr', 'fortran_order' and 'shape'");
    }
    return header;
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  Result<std::string_view> take_string() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_[0];
    const size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) return fail("the header has something else where a string belongs");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  Result<> parse_entry(Header& header) {
    const std::string_view key = TRY(take_string());
    if (!take(":")) return fail("the header's key '{}' has no value", key);
    if (key == "descr" && !header.dtype) {
      if (take("[")) return fail("a structured array is not read: save one field");
      header.dtype = TRY(parse_descr(TRY(take_string())));
    } else if (key == "fortran_order" && !header.fortran_order) {
      header.fortran_order = take("True");
      if (!*header.fortran_order && !take("False")) return fail("fortran_order is neither True nor False");
    } else if (key == "shape" && !header.shape) {
      header.shape = TRY(parse_shape());
    } else {
      return fail("the header's key '{}' is unknown or there twice", key);
    }
    return {};
  }

  // (), (3,) or (2, 3)
  Result<Shape> parse_shape() {
    Shape shape;
    if (!take("(")) return fail("the shape is no tuple");
    while (!take(")")) {
      if (shape.size() == kMostDimensions) return fail("the shape has more than {} dimensions", kMostDimensions);
      shape.push_back(TRY(take_dimension()));
      if (take(",")) continue;
      if (shape.size() < 2 || !take(")")) return fail("the shape's tuple is not well formed");
      break;
    }
    return shape;
  }

  Result<int64_t> take_dimension() {
    skip_space();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return fail("a dimension is no number, or too large");
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  std::string_view rest_;
};

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Result<Parts> split(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) return fail("it is no .npy file");
  if (text.size() < 12) return fail("the file ends within its first 12 bytes");
  const int major = std::to_integer<int>(bytes[6]), minor = std::to_integer<int>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0) {
    return fail("version {}.{} is not read: expected 1.0, 2.0 or 3.0", major, minor);
  }
  const size_t width = major == 1 ? 2 : 4, begin = 8 + width;
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, width);
  if (length > bytes.size() - begin) return fail("the file ends within its header of {} bytes", length);
  return Parts{text.substr(begin, length), bytes.subspan(begin + length)};
}

// Moves the elements from Fortran's order, first dimension innermost, to C's.
std::vector<std::byte> from_fortran(const TensorType& type, std::span<const std::byte> data) {
  const size_t size = bits(type.dtype) / 8;
  const size_t rank = type.shape.size();
  std::vector<int64_t> strides(rank, 1), index(rank, 0);  // of the file, in elements
  for (size_t d = 1; d < rank; ++d) strides[d] = strides[d - 1] * type.shape[d - 1];
  std::vector<std::byte> result(data.size());
  int64_t from = 0;
  for (size_t to = 0; to < result.size(); to += size) {
    std::memcpy(result.data() + to, data.data() + static_cast<size_t>(from) * size, size);
    for (size_t d = rank; d-- > 0;) {  // the next index, last dimension fastest
      from += strides[d];
      if (++index[d] < type.shape[d]) break;
      from -= strides[d] * index[d];
      index[d] = 0;
    }
  }
  return result;
}

Result<Tensor> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const Parts parts = TRY(split(bytes));
  const Header header = TRY(HeaderParser(parts.header).parse());
  const TensorType type{*header.dtype, *header.shape};
  const size_t size = TRY(checked_bytes(type));
  if (parts.data.size() < size) {
    return fail("{} needs {} bytes, but the file has {}", to_string(type), size, parts.data.size());
  }
  if (parts.data.size() > size) return fail("{} bytes follow the data", parts.data.size() - size);
  if (*header.fortran_order) return Tensor::own(type, from_fortran(type, parts.data));
  return Tensor::view(type, parts.data, std::move(owner));
}

// (), (3,) or (2, 3)
std::string python_tuple(const Shape& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace

Result<Tensor> parse_npy(std::string_view name, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  auto tensor = parse(bytes, std::move(owner));
  if (!tensor) return fail("{}: {}", name, tensor.error().message);
  return tensor;
}

Result<Tensor> read_npy(const std::string& path) {
  const auto file = std::make_shared<const MappedFile>(TRY(MappedFile::open(path)));
  return parse_npy(path, file->bytes(), file);
}

Result<std::string> npy_header(const TensorType& type) {
  const auto* kind = std::ranges::find(kKinds, type.dtype, &Kind::dtype);
  if (kind == kKinds.end()) return fail("NumPy has no element type {}: cast the tensor first", to_string(type.dtype));
  if (type.shape.size() > kMostDimensions) return fail("NumPy's arrays have at most {} dimensions", kMostDimensions);
  const char order = bits(type.dtype) == 8 ? '|' : '<';
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}", order, kind->name,
                                 python_tuple(type.shape));
  // NumPy leaves room for the first dimension to grow to 21 digits, then pads with at least one byte.
  if (!type.shape.empty()) text.append(21 - std::to_string(type.shape[0]).size(), ' ');
  constexpr size_t kPreamble = 10;
  const size_t length = (kPreamble + text.size() + 1) / kAlignment * kAlignment + kAlignment - kPreamble;
  text.resize(length - 1, ' ');
  const std::string_view version("\x01\x00", 2);
  const std::array<char, 2> bytes = {static_cast<char>(length % 256), static_cast<char>(length / 256)};
  return fmt::format("{}{}{}{}\n", kMagic, version, std::string_view(bytes.data(), bytes.size()), text);
}

Result<> write_npy(const std::string& path, const Tensor& tensor) {
  const auto header = npy_header(tensor.type());
  if (!header) return fail("{}: {}", path, header.error().message);
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(file.write(*header));
  TRY(file.write(tensor.bytes()));
  return file.commit();
}

}  // namespace anemone::mil
