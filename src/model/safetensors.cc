#include "model/safetensors.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "base/json.h"

namespace anemone::model {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and read as it lies");

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kChecksumKey = "xxh64";

struct TypeName {
  std::string_view name;
  mil::DType dtype;
};
constexpr std::array kTypes = {
    TypeName{"F64", mil::DType::fp64},    TypeName{"F32", mil::DType::fp32},   TypeName{"F16", mil::DType::fp16},
    TypeName{"BF16", mil::DType::bf16},   TypeName{"I64", mil::DType::int64},  TypeName{"I32", mil::DType::int32},
    TypeName{"I16", mil::DType::int16},   TypeName{"I8", mil::DType::int8},    TypeName{"U64", mil::DType::uint64},
    TypeName{"U32", mil::DType::uint32},  TypeName{"U16", mil::DType::uint16}, TypeName{"U8", mil::DType::uint8},
    TypeName{"BOOL", mil::DType::boolean}};

uint64_t header_length(std::span<const std::byte> bytes) {
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

std::string checksum(XXH64_hash_t hash) { return fmt::format("{:016x}", hash); }

// A whole number of 0 or more that fits a signed 64-bit one.
bool is_size(const nlohmann::json& value) {
  return value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t{INT64_MAX};
}

// The pieces of a header become tensors here; each error names the file and the tensor.
class HeaderReader {
 public:
  HeaderReader(const std::string& path, std::span<const std::byte> data) : path_(path), data_(data) {}

  Result<StoredTensor> tensor(const std::string& name, const nlohmann::json& entry) const {
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets")) {
      return fail("{}: tensor {:.80} needs dtype, shape and data_offsets, and nothing else", path_, name);
    }
    StoredTensor tensor{.name = name, .shape = {}, .bytes = {}};
    tensor.dtype = TRY(dtype(name, entry["dtype"]));
    tensor.shape = TRY(shape(name, entry["shape"]));
    const auto [begin, end] = TRY(offsets(name, entry["data_offsets"]));
    tensor.bytes = data_.subspan(begin, end - begin);
    TRY(check_size(tensor));
    return tensor;
  }

  Result<Metadata> metadata(const nlohmann::json& entries) const {
    if (!entries.is_object()) return fail("{}: its {} is not an object of texts", path_, kMetadataKey);
    Metadata metadata;
    for (const auto& [key, value] : entries.items()) {
      if (!value.is_string()) return fail("{}: metadata {:.80} is not a text", path_, key);
      metadata[key] = value.get<std::string>();
    }
    return metadata;
  }

  // Sorted by their place, tensors must follow each other without gap or overlap to the end of the data.
  Result<> check_contiguous(std::span<const StoredTensor> tensors) const {
    size_t end = 0;
    for (const StoredTensor& tensor : tensors) {
      const auto begin = static_cast<size_t>(tensor.bytes.data() - data_.data());
      if (begin != end) {
        return fail("{}: tensor {:.80} begins at byte {} of the data, but the one before it ends at {}", path_,
                    tensor.name, begin, end);
      }
      end += tensor.bytes.size();
    }
    if (end == data_.size()) return {};
    return fail("{} has {} bytes of data, but its tensors end at {}", path_, data_.size(), end);
  }

 private:
  Result<mil::DType> dtype(const std::string& name, const nlohmann::json& value) const {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const auto found = std::ranges::find(kTypes, text, &TypeName::name);
    if (found == kTypes.end()) return fail("{}: tensor {:.80} has the unknown dtype {:.20}", path_, name, text);
    return found->dtype;
  }

  Result<mil::Shape> shape(const std::string& name, const nlohmann::json& value) const {
    if (!value.is_array() || !std::ranges::all_of(value, is_size)) {
      return fail("{}: the shape of tensor {:.80} is not a list of whole numbers", path_, name);
    }
    return value.get<mil::Shape>();
  }

  Result<std::pair<size_t, size_t>> offsets(const std::string& name, const nlohmann::json& value) const {
    if (!value.is_array() || value.size() != 2 || !is_size(value[0]) || !is_size(value[1]) || value[0] > value[1]) {
      return fail("{}: the data_offsets of tensor {:.80} are not two ascending whole numbers", path_, name);
    }
    const auto end = value[1].get<size_t>();
    if (end > data_.size()) {
      return fail("{} is cut short: tensor {:.80} ends at byte {} of the data, and the file holds {}", path_, name, end,
                  data_.size());
    }
    return std::pair(value[0].get<size_t>(), end);
  }

  Result<> check_size(const StoredTensor& tensor) const {
    auto bytes = static_cast<int64_t>(mil::bits(tensor.dtype) / 8);
    bool overflow = false;
    // A dimension of 0 empties the tensor whatever the others are.
    if (std::ranges::find(tensor.shape, 0) != tensor.shape.end()) bytes = 0;
    for (int64_t extent : tensor.shape) overflow = overflow || __builtin_mul_overflow(bytes, extent, &bytes);
    if (!overflow && static_cast<size_t>(bytes) == tensor.bytes.size()) return {};
    return fail("{}: tensor {:.80} has {} bytes, which its shape {} of {} does not fill", path_, tensor.name,
                tensor.bytes.size(), mil::to_string(tensor.shape), safetensors_name(tensor.dtype));
  }

  const std::string& path_;
  std::span<const std::byte> data_;
};

// Where the header says the data begins; the file is long enough for it.
Result<size_t> data_begin(const MappedFile& file) {
  const auto bytes = file.bytes();
  if (bytes.size() < kLengthBytes) {
    return fail("{} is {} bytes long: too short for a safetensors file", file.path(), bytes.size());
  }
  const uint64_t length = header_length(bytes);
  if (length > kMaxHeader) {
    return fail("{} is not a safetensors file: its header would be {} bytes long", file.path(), length);
  }
  if (length > bytes.size() - kLengthBytes) {
    return fail("{} is cut short: its header needs {} bytes, and the file holds {}", file.path(), length + kLengthBytes,
                bytes.size());
  }
  return kLengthBytes + static_cast<size_t>(length);
}

Result<> verify_checksum(const std::string& path, const Metadata& metadata, std::span<const std::byte> data) {
  const auto stored = metadata.find(kChecksumKey);
  if (stored == metadata.end()) return {};
  const std::string actual = checksum(XXH64(data.data(), data.size(), 0));
  if (stored->second == actual) return {};
  return fail("{} is damaged: the checksum of its data is {}, and {:.40} was stored with it", path, actual,
              stored->second);
}

XXH64_hash_t hash_of(std::span<const StoredTensor> tensors) {
  XXH64_state_t* state = XXH64_createState();
  CHECK(state != nullptr);
  XXH64_reset(state, 0);
  for (const StoredTensor& tensor : tensors) XXH64_update(state, tensor.bytes.data(), tensor.bytes.size());
  const XXH64_hash_t hash = XXH64_digest(state);
  XXH64_freeState(state);
  return hash;
}

std::string header_of(std::span<const StoredTensor> tensors, const Metadata& metadata) {
  nlohmann::ordered_json header;
  header[kMetadataKey] = metadata;
  size_t offset = 0;
  for (const StoredTensor& tensor : tensors) {
    CHECK(!safetensors_name(tensor.dtype).empty() && !header.contains(tensor.name));
    CHECK((mil::TensorType{tensor.dtype, tensor.shape}.bytes() == tensor.bytes.size()));
    const size_t end = offset + tensor.bytes.size();
    header[tensor.name] = {
        {"dtype", safetensors_name(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", std::array{offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// Converts in pieces, through a buffer, for the file may hold its values at any address.
template <class T, class Convert>
void convert(std::span<const std::byte> bytes, std::span<float> values, const Convert& to_floats) {
  std::array<T, 4096> piece;
  for (size_t done = 0; done < values.size(); done += piece.size()) {
    const size_t count = std::min(piece.size(), values.size() - done);
    std::memcpy(piece.data(), bytes.data() + done * sizeof(T), count * sizeof(T));
    to_floats(std::span<const T>(piece).first(count), values.data() + done);
  }
}

}  // namespace

bool SafetensorsFile::recognises(std::span<const std::byte> bytes) {
  return bytes.size() >= kLengthBytes && header_length(bytes) <= kMaxHeader;
}

Result<SafetensorsFile> SafetensorsFile::parse(MappedFile mapped) {
  SafetensorsFile file(std::move(mapped));
  const size_t begin = TRY(data_begin(file.file_));
  const auto bytes = file.file_.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, begin - kLengthBytes);
  const nlohmann::json header = TRY(parse_json(text, fmt::format("the header of {}", file.path())));
  if (!header.is_object()) return fail("the header of {} is not a JSON object", file.path());

  const HeaderReader reader(file.path(), bytes.subspan(begin));
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      file.metadata_ = TRY(reader.metadata(entry));
    } else {
      file.tensors_.push_back(TRY(reader.tensor(name, entry)));
    }
  }
  // An empty tensor shares its place with the next one, and stands before it.
  std::ranges::sort(file.tensors_, {}, [](const StoredTensor& t) { return std::pair(t.bytes.data(), t.bytes.size()); });
  TRY(reader.check_contiguous(file.tensors_));
  TRY(verify_checksum(file.path(), file.metadata_, bytes.subspan(begin)));
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.index_[file.tensors_[i].name] = i;
  return file;
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Result<> save_safetensors(const std::string& path, std::span<const StoredTensor> tensors, Metadata metadata) {
  metadata[kChecksumKey] = checksum(hash_of(tensors));
  const std::string header = header_of(tensors, metadata);
  const uint64_t length = header.size();
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(file.write(std::as_bytes(std::span(&length, 1))));
  TRY(file.write(header));
  for (const StoredTensor& tensor : tensors) TRY(file.write(tensor.bytes));
  return file.commit();
}

std::string_view safetensors_name(mil::DType dtype) {
  const auto found = std::ranges::find(kTypes, dtype, &TypeName::dtype);
  return found == kTypes.end() ? std::string_view() : found->name;
}

bool reads_as_floats(mil::DType dtype) {
  return dtype == mil::DType::fp32 || dtype == mil::DType::fp16 || dtype == mil::DType::bf16;
}

void read_floats(const StoredTensor& tensor, std::span<float> values) {
  CHECK(reads_as_floats(tensor.dtype));
  CHECK(tensor.bytes.size() == values.size() * mil::bits(tensor.dtype) / 8);
  if (tensor.dtype == mil::DType::fp16) {
    convert<Half>(tensor.bytes, values, [](std::span<const Half> from, float* to) { to_float(from, to); });
  } else if (tensor.dtype == mil::DType::bf16) {
    convert<BFloat16>(tensor.bytes, values, [](std::span<const BFloat16> from, float* to) {
      std::ranges::transform(from, to, &BFloat16::value);
    });
  } else if (!values.empty()) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  }
}

}  // namespace anemone::model
