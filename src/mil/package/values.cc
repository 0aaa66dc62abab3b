#include "mil/package/values.h"

#include <algorithm>
#include <array>

#include "mil/attribute.h"
#include "mil/literal.h"

namespace anemone::mil {
namespace {

using Kind = AttributeType::Kind;

constexpr std::array<std::pair<DType, int>, 22> kCodes{{
    {DType::boolean, 1},   {DType::string, 2},  {DType::fp16, 10},   {DType::fp32, 11},   {DType::fp64, 12},
    {DType::bf16, 13},     {DType::int8, 21},   {DType::int16, 22},  {DType::int32, 23},  {DType::int64, 24},
    {DType::int4, 25},     {DType::uint8, 31},  {DType::uint16, 32}, {DType::uint32, 33}, {DType::uint64, 34},
    {DType::uint4, 35},    {DType::uint2, 36},  {DType::uint1, 37},  {DType::uint6, 38},  {DType::uint3, 39},
    {DType::f8e4m3fn, 40}, {DType::f8e5m2, 41},
}};

constexpr int64_t kMostEmptyRows = 64;
// Of a value written in place, which protobuf's own limit of 2 GiB leaves room for.
constexpr size_t kMostBytesInPlace = size_t{1} << 28;

Result<DType> read_dtype(int code) {
  const auto* found = std::ranges::find(kCodes, code, &std::pair<DType, int>::second);
  if (found == kCodes.end()) return fail("an element type has the unknown number {}", code);
  return found->first;
}

int code_of(DType dtype) { return std::ranges::find(kCodes, dtype, &std::pair<DType, int>::first)->second; }

Result<int64_t> read_dimension(const proto::Dimension& message) {
  switch (message.dimension_case()) {
    case proto::Dimension::kConstant:
      if (message.constant().size() > INT32_MAX) return fail("a dimension is {}", message.constant().size());
      return static_cast<int64_t>(message.constant().size());
    case proto::Dimension::kUnknown:
      if (message.unknown().variadic()) return fail("a type with any number of dimensions is not supported");
      return kUnknown;
    default:
      return fail("a dimension is neither constant nor unknown");
  }
}

void write_dimension(int64_t dimension, proto::Dimension& message) {
  if (dimension == kUnknown) {
    message.mutable_unknown();
  } else {
    message.mutable_constant()->set_size(static_cast<uint64_t>(dimension));
  }
}

Result<TensorType> read_tensor_type(const proto::TensorType& message) {
  if (message.rank() < 0) return fail("a tensor of unknown rank is not supported");
  if (message.rank() != message.dimensions_size()) {
    return fail("a tensor has rank {}, but {} dimensions", message.rank(), message.dimensions_size());
  }
  if (message.dimensions_size() > int{kMostDimensions}) return fail("a tensor has {} dimensions", message.rank());
  if (message.attributes_size() > 0) return fail("a tensor's type has attributes, which are not supported");
  TensorType type{TRY(read_dtype(message.data_type())), {}};
  for (const proto::Dimension& dimension : message.dimensions()) type.shape.push_back(TRY(read_dimension(dimension)));
  return type;
}

Result<> write_tensor_type(const TensorType& type, proto::TensorType& message) {
  if (type.buffer) return fail("models have no {}", to_string(type));
  message.set_data_type(code_of(type.dtype));
  message.set_rank(static_cast<int64_t>(type.shape.size()));
  for (int64_t dimension : type.shape) write_dimension(dimension, *message.add_dimensions());
  return {};
}

// ---- The elements of tensors. 16 and 32 bits of integers are "ints", 64 bits "longs"; what has no message of its own
// is bytes, packed as a Tensor is.

bool is_int(DType dtype) { return dtype == DType::int16 || dtype == DType::uint16 || dtype == DType::int32; }
bool is_long(DType dtype) { return dtype == DType::int64 || dtype == DType::uint64; }

template <class T>
Result<Tensor> tensor_of(const TensorType& type, const google::protobuf::RepeatedField<T>& values) {
  if (values.size() != type.count()) return fail("{} has {} elements", to_string(type), values.size());
  std::vector<std::byte> bytes(type.bytes());
  if (bits(type.dtype) == 8 * sizeof(T)) {
    std::ranges::copy(std::as_bytes(std::span(values.data(), static_cast<size_t>(values.size()))), bytes.begin());
    return Tensor::own(type, std::move(bytes));
  }
  for (int i = 0; i < values.size(); ++i) {
    store_number(type.dtype, bytes.data(), i, static_cast<double>(values[i]));
    if (load_number(type.dtype, bytes.data(), i) != static_cast<double>(values[i])) {
      return fail("{} is out of the range of {}", values[i], to_string(type.dtype));
    }
  }
  return Tensor::own(type, std::move(bytes));
}

// A few bytes can declare any number of rows without elements, each of which would be written as text.
Result<> check_empty(const TensorType& type) {
  const auto zero = std::ranges::find(type.shape, 0);
  const int64_t rows = zero == type.shape.end() ? 0 : count({type.shape.begin(), zero});
  if (rows > kMostEmptyRows) return fail("{} has {} empty rows", to_string(type), rows);
  return {};
}

Result<Tensor> read_elements(const TensorType& type, const proto::TensorValue& message) {
  const size_t size = TRY(checked_bytes(type));
  TRY(check_empty(type));
  if (size == 0) return Tensor::own(type, {});
  const auto kind = message.value_case();
  if (type.dtype == DType::fp32 && kind == proto::TensorValue::kFloats)
    return tensor_of(type, message.floats().values());
  if (type.dtype == DType::fp64 && kind == proto::TensorValue::kDoubles)
    return tensor_of(type, message.doubles().values());
  if (type.dtype == DType::boolean && kind == proto::TensorValue::kBools)
    return tensor_of(type, message.bools().values());
  if (is_int(type.dtype) && kind == proto::TensorValue::kInts) return tensor_of(type, message.ints().values());
  if (is_long(type.dtype) && kind == proto::TensorValue::kLongs) return tensor_of(type, message.longs().values());
  if (kind != proto::TensorValue::kBytes || type.dtype == DType::boolean)
    return fail("the elements of {} are not stored as its type asks", to_string(type));
  const auto stored = std::as_bytes(std::span(message.bytes().values()));
  if (stored.size() != size) return fail("{} has {} bytes, expected {}", to_string(type), stored.size(), size);
  std::vector<std::byte> bytes(stored.begin(), stored.end());
  const auto used = static_cast<size_t>(type.count()) * bits(type.dtype) % 8;  // of the last byte; 0 is all of it
  if (used != 0) bytes.back() &= std::byte((1U << used) - 1);
  return Tensor::own(type, std::move(bytes));
}

template <class T>
void write_packed(const Tensor& tensor, google::protobuf::RepeatedField<T>& values) {
  const auto count = static_cast<int>(tensor.type().count());
  values.Resize(count, T{});
  if (bits(tensor.type().dtype) == 8 * sizeof(T)) {
    std::ranges::copy(tensor.bytes(), reinterpret_cast<std::byte*>(values.mutable_data()));
    return;
  }
  for (int i = 0; i < count; ++i) values[i] = static_cast<T>(tensor.number(i));
}

void write_elements(const Tensor& tensor, proto::TensorValue& message) {
  const DType dtype = tensor.type().dtype;
  if (dtype == DType::fp32) return write_packed(tensor, *message.mutable_floats()->mutable_values());
  if (dtype == DType::fp64) return write_packed(tensor, *message.mutable_doubles()->mutable_values());
  if (dtype == DType::boolean) return write_packed(tensor, *message.mutable_bools()->mutable_values());
  if (is_int(dtype)) return write_packed(tensor, *message.mutable_ints()->mutable_values());
  if (is_long(dtype)) return write_packed(tensor, *message.mutable_longs()->mutable_values());
  message.mutable_bytes()->set_values(tensor.bytes().data(), tensor.bytes().size());
}

Result<Strings> read_strings(const TensorType& type, const proto::TensorValue& message) {
  TRY(checked_bytes(type));
  TRY(check_empty(type));
  const auto& values = message.strings().values();
  if (values.size() != type.count()) return fail("{} has {} elements", to_string(type), values.size());
  return Strings{type.shape, {values.begin(), values.end()}};
}

// ---- Attributes.

Result<AttributeType> read_attribute_type(const proto::ValueType& message, int depth = 0);

Result<> read_parts(AttributeType& type, std::initializer_list<const proto::ValueType*> parts, int depth) {
  for (const proto::ValueType* part : parts) type.parts.push_back(TRY(read_attribute_type(*part, depth + 1)));
  return {};
}

Result<AttributeType> read_attribute_type(const proto::ValueType& message, int depth) {
  if (depth > kMostNested) return fail("types nest more than {} levels deep", kMostNested);
  AttributeType type;
  switch (message.type_case()) {
    case proto::ValueType::kTensor:
      type.tensor = TRY(read_tensor_type(message.tensor()));
      return type;
    case proto::ValueType::kList:
      type.kind = Kind::list;
      type.length = TRY(read_dimension(message.list().length()));
      TRY(read_parts(type, {&message.list().type()}, depth));
      return type;
    case proto::ValueType::kTuple:
      type.kind = Kind::tuple;
      for (const proto::ValueType& part : message.tuple().types()) TRY(read_parts(type, {&part}, depth));
      return type;
    case proto::ValueType::kDictionary:
      type.kind = Kind::dictionary;
      TRY(read_parts(type, {&message.dictionary().key(), &message.dictionary().value()}, depth));
      return type;
    default:
      return fail("it has no type that attributes have");
  }
}

Result<> write_attribute_type(const AttributeType& type, proto::ValueType& message) {
  switch (type.kind) {
    case Kind::tensor:
      return write_tensor_type(type.tensor, *message.mutable_tensor());
    case Kind::list:
      write_dimension(type.length, *message.mutable_list()->mutable_length());
      return write_attribute_type(type.parts[0], *message.mutable_list()->mutable_type());
    case Kind::tuple:
      message.mutable_tuple();
      for (const AttributeType& part : type.parts) {
        TRY(write_attribute_type(part, *message.mutable_tuple()->add_types()));
      }
      return {};
    default:
      TRY(write_attribute_type(type.parts[0], *message.mutable_dictionary()->mutable_key()));
      return write_attribute_type(type.parts[1], *message.mutable_dictionary()->mutable_value());
  }
}

bool agrees(const AttributeType& declared, const AttributeType& found) {
  const auto same = [](int64_t d, int64_t f) { return d == f || d == kUnknown; };
  return declared.kind == found.kind && declared.tensor.dtype == found.tensor.dtype &&
         std::ranges::equal(declared.tensor.shape, found.tensor.shape, same) && same(declared.length, found.length) &&
         std::ranges::equal(declared.parts, found.parts, agrees);
}

Result<AttributeLiteral> read_literal(const AttributeType& declared, const proto::Value& message);

Result<AttributeLiteral> read_values(const AttributeType& type, const proto::Values& message) {
  const bool fits = type.kind == Kind::list ? type.length == kUnknown || message.values_size() == type.length
                                            : static_cast<size_t>(message.values_size()) == type.parts.size();
  if (!fits) return fail("{} has {} elements", to_text(type), message.values_size());
  std::vector<AttributeLiteral> elements;
  for (const proto::Value& value : message.values()) {
    elements.push_back(TRY(read_literal(type.parts[type.kind == Kind::list ? 0 : elements.size()], value)));
  }
  return AttributeLiteral{std::move(elements)};
}

Result<AttributeLiteral> read_pairs(const AttributeType& type, const proto::DictionaryValue& message) {
  std::vector<AttributeLiteral> pairs;
  for (const auto& pair : message.pairs()) {
    pairs.push_back(TRY(read_literal(type.parts[0], pair.key())));
    pairs.push_back(TRY(read_literal(type.parts[1], pair.value())));
  }
  return AttributeLiteral{std::move(pairs)};
}

Result<AttributeLiteral> read_literal(const AttributeType& declared, const proto::Value& message) {
  const AttributeType type = TRY(read_attribute_type(message.type()));
  if (!agrees(declared, type)) return fail("{} stands where {} is declared", to_text(type), to_text(declared));
  const proto::Immediate& value = message.immediate();
  switch (type.kind) {
    case Kind::tensor:
      if (message.has_blob()) return fail("its value lies in a weight file, which attributes do not");
      if (type.tensor.dtype == DType::string) return AttributeLiteral{TRY(read_strings(type.tensor, value.tensor()))};
      return AttributeLiteral{TRY(read_elements(type.tensor, value.tensor()))};
    case Kind::list:
      return read_values(type, value.list());
    case Kind::tuple:
      return read_values(type, value.tuple());
    default:
      return read_pairs(type, value.dictionary());
  }
}

Result<> write_literal(AttributeType type, const AttributeLiteral& literal, proto::Value& message);

Result<> write_parts(const AttributeType& type, const std::vector<AttributeLiteral>& parts, proto::Immediate& message) {
  if (type.kind == Kind::dictionary) {
    message.mutable_dictionary();
    for (size_t i = 0; i + 1 < parts.size(); i += 2) {
      auto& pair = *message.mutable_dictionary()->add_pairs();
      TRY(write_literal(type.parts[0], parts[i], *pair.mutable_key()));
      TRY(write_literal(type.parts[1], parts[i + 1], *pair.mutable_value()));
    }
    return {};
  }
  proto::Values& values = type.kind == Kind::list ? *message.mutable_list() : *message.mutable_tuple();
  for (size_t i = 0; i < parts.size(); ++i) {
    TRY(write_literal(type.parts[type.kind == Kind::list ? 0 : i], parts[i], *values.add_values()));
  }
  return {};
}

// Dimensions and lengths that the type leaves open are those of the value.
Result<> write_literal(AttributeType type, const AttributeLiteral& literal, proto::Value& message) {
  proto::Immediate& value = *message.mutable_immediate();
  if (const auto* tensor = std::get_if<Tensor>(&literal.is)) {
    type.tensor = tensor->type();
    write_elements(*tensor, *value.mutable_tensor());
  } else if (const auto* strings = std::get_if<Strings>(&literal.is)) {
    type.tensor.shape = strings->shape;
    auto& values = *value.mutable_tensor()->mutable_strings();
    for (const std::string& text : strings->values) values.add_values(text);
  } else {
    TRY(write_parts(type, std::get<std::vector<AttributeLiteral>>(literal.is), value));
  }
  return write_attribute_type(type, *message.mutable_type());
}

}  // namespace

Result<TensorType> read_type(const proto::ValueType& message) {
  if (message.has_tensor()) return read_tensor_type(message.tensor());
  if (!message.has_state()) return fail("only tensors and states are supported");
  const proto::ValueType& wrapped = message.state().wrapped();
  if (!wrapped.has_tensor()) return fail("only states that hold a tensor are supported");
  TensorType type = TRY(read_tensor_type(wrapped.tensor()));
  type.state = true;
  return type;
}

Result<> write_type(const TensorType& type, proto::ValueType& message) {
  proto::ValueType& tensor = type.state ? *message.mutable_state()->mutable_wrapped() : message;
  return write_tensor_type(type, *tensor.mutable_tensor());
}

Result<ValueInfo> read_constant(const proto::Value& message) {
  ValueInfo value;
  if (!message.type().has_tensor()) return fail("only tensors are supported");
  value.type = TRY(read_tensor_type(message.type().tensor()));
  TRY(checked_bytes(value.type));
  if (message.has_blob()) {
    value.blob = BlobReference{.path = message.blob().path(), .offset = message.blob().offset()};
    return value;
  }
  if (!message.immediate().has_tensor()) return fail("{} has no value", to_string(value.type));
  const proto::TensorValue& elements = message.immediate().tensor();
  if (value.type.dtype != DType::string) {
    value.constant = TRY(read_elements(value.type, elements));
    return value;
  }
  if (!value.type.shape.empty()) return fail("a tensor of strings is not supported");
  value.constant = Tensor::text(TRY(read_strings(value.type, elements)).values[0]);
  return value;
}

Result<> write_constant(const ValueInfo& value, proto::Value& message) {
  TRY(write_type(value.type, *message.mutable_type()));
  if (value.blob) {
    message.mutable_blob()->set_path(value.blob->path);
    message.mutable_blob()->set_offset(value.blob->offset);
  } else if (!value.constant) {
    return fail("{} is no constant", value.name);
  } else if (value.constant->bytes().size() > kMostBytesInPlace) {
    return fail("{} is too large to stand in the model; refer to a weight file", to_string(value.type));
  } else if (value.type.dtype == DType::string) {
    message.mutable_immediate()->mutable_tensor()->mutable_strings()->add_values(
        std::string(value.constant->characters()));
  } else {
    write_elements(*value.constant, *message.mutable_immediate()->mutable_tensor());
  }
  return {};
}

Result<std::string> read_attribute(const proto::Value& message) {
  AttributeValue value{TRY(read_attribute_type(message.type())), {}};
  value.literal = TRY(read_literal(value.type, message));
  return to_text(value);
}

Result<> write_attribute(std::string_view name, std::string_view text, proto::Value& message) {
  const AttributeValue value = TRY(parse_attribute(text, name));
  return write_literal(value.type, value.literal, message);
}

}  // namespace anemone::mil
