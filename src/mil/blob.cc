#include "mil/blob.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/check.h"
#include "base/file.h"

namespace anemone::mil {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian and mapped as they are");

constexpr uint64_t kAlignment = 64;
constexpr uint32_t kVersion = 2;
constexpr uint32_t kSentinel = 0xDEADBEEF;

struct Header {
  uint32_t count = 0;
  uint32_t version = kVersion;
  std::array<std::byte, 56> reserved{};
};
static_assert(sizeof(Header) == 64 && offsetof(Header, version) == 4 && offsetof(Header, reserved) == 8);

struct Metadata {
  uint32_t sentinel = kSentinel;
  uint32_t dtype = 0;
  uint64_t size = 0;
  uint64_t data = 0;
  uint64_t unused_bits = 0;
  std::array<std::byte, 32> reserved{};
};
static_assert(sizeof(Metadata) == 64 && offsetof(Metadata, dtype) == 4 && offsetof(Metadata, size) == 8 &&
              offsetof(Metadata, data) == 16 && offsetof(Metadata, unused_bits) == 24 &&
              offsetof(Metadata, reserved) == 32);

constexpr uint32_t kFp16 = 1;
constexpr std::array<std::pair<DType, uint32_t>, 18> kCodes{{{DType::fp16, kFp16},
                                                             {DType::fp32, 2},
                                                             {DType::uint8, 3},
                                                             {DType::boolean, 3},
                                                             {DType::int8, 4},
                                                             {DType::bf16, 5},
                                                             {DType::int16, 6},
                                                             {DType::uint16, 7},
                                                             {DType::int4, 8},
                                                             {DType::uint1, 9},
                                                             {DType::uint2, 10},
                                                             {DType::uint4, 11},
                                                             {DType::uint3, 12},
                                                             {DType::uint6, 13},
                                                             {DType::int32, 14},
                                                             {DType::uint32, 15},
                                                             {DType::f8e4m3fn, 16},
                                                             {DType::f8e5m2, 17}}};

Result<uint32_t> code_of(DType dtype) {
  const auto found = std::ranges::find(kCodes, dtype, &std::pair<DType, uint32_t>::first);
  if (found == kCodes.end()) return fail("weight files hold no {}; cast the constant", to_string(dtype));
  return found->second;
}

uint64_t aligned(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

uint64_t unused_bits(const TensorType& type) {
  return type.bytes() * 8 - static_cast<uint64_t>(type.count()) * bits(type.dtype);
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Calls sink(bytes) for the pieces of the file, in order, until one fails.
template <class Sink>
Result<> write_file(const std::vector<Tensor>& tensors, const Sink& sink) {
  constexpr std::array<std::byte, kAlignment> kZeros{};
  const Header header{.count = static_cast<uint32_t>(tensors.size())};
  TRY(sink(bytes_of(header)));
  uint64_t at = sizeof header;
  for (const Tensor& tensor : tensors) {
    const uint64_t size = tensor.bytes().size();
    const Metadata metadata{.dtype = TRY(code_of(tensor.type().dtype)),
                            .size = size,
                            .data = at + sizeof(Metadata),
                            .unused_bits = unused_bits(tensor.type())};
    TRY(sink(bytes_of(metadata)));
    TRY(sink(tensor.bytes()));
    at = aligned(metadata.data + size);
    TRY(sink(std::span(kZeros).first(at - metadata.data - size)));
  }
  return {};
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// Whether the data of metadata at `offset` stand where the format has them.
Result<> check_place(const Metadata& metadata, uint64_t offset, uint64_t file_size) {
  if (metadata.data != offset + sizeof metadata) return fail("the data does not follow its metadata");
  if (metadata.size > file_size - metadata.data) return fail("the data reaches past the end of the file");
  return {};
}

// Whether metadata, in their place, describe a packed tensor.
Result<> check_fields(const Metadata& metadata) {
  const auto* known = std::ranges::find(kCodes, metadata.dtype, &std::pair<DType, uint32_t>::second);
  if (known == kCodes.end()) return fail("the element type is unknown");
  if (metadata.unused_bits > 7) return fail("there are more than 7 unused bits");
  const uint64_t all_bits = metadata.size * 8;
  if (metadata.unused_bits > all_bits || (all_bits - metadata.unused_bits) % bits(known->first) != 0) {
    return fail("{} bytes less {} bits hold no whole number of elements of {}", metadata.size, metadata.unused_bits,
                to_string(known->first));
  }
  if (!all_zero(metadata.reserved)) return fail("reserved bytes are not zero");
  return {};
}

// Size and offset as benchmarks write them, for data of any size.
bool has_placeholders(const Metadata& metadata) {
  return metadata.data == 0 && (metadata.size == 0x80000 || metadata.size == 0x100000);
}

Header header_of(std::span<const std::byte> bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

bool has_sentinel(std::span<const std::byte> bytes) {
  return bytes.size() >= sizeof(Metadata) && std::memcmp(bytes.data(), &kSentinel, sizeof kSentinel) == 0;
}

Result<Metadata> read_metadata(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Metadata)) {
    return fail("the file ends within a blob's metadata");
  }
  Metadata metadata;
  std::memcpy(&metadata, bytes.data() + offset, sizeof metadata);
  if (metadata.sentinel != kSentinel) return fail("no blob's metadata stands there, as 0xDEADBEEF is missing");
  return metadata;
}

// How metadata with a size and a place that can be believed departs from those that `type` needs.
Result<BlobQuirk> compare(const Metadata& metadata, const TensorType& type) {
  const bool whole_bytes = bits(type.dtype) >= 8;
  if (metadata.size != type.bytes() || (!whole_bytes && metadata.unused_bits != unused_bits(type))) {
    return fail("the blob has {} bytes and {} unused bits, but {} needs {} and {}", metadata.size, metadata.unused_bits,
                to_string(type), type.bytes(), unused_bits(type));
  }
  if (metadata.unused_bits == unused_bits(type) && all_zero(metadata.reserved)) return BlobQuirk::none;
  if (!whole_bytes) return fail("reserved bytes are not zero");  // who writes such types writes them well
  return BlobQuirk::reserved_garbage;
}

// How metadata at `offset` departs from those of a blob of that type, whose data may still reach past the file's end.
Result<BlobQuirk> recognise(const Metadata& metadata, uint64_t offset, const TensorType& type, uint64_t file_size) {
  const bool placeholders = has_placeholders(metadata);
  const bool mislabelled = placeholders && type.dtype == DType::int8 && metadata.dtype == kFp16;
  if (metadata.dtype != TRY(code_of(type.dtype)) && !mislabelled) {
    return fail("the blob's element type is number {}, but the program declares {}", metadata.dtype, to_string(type));
  }
  if (mislabelled) return BlobQuirk::mislabelled;
  if (placeholders) return BlobQuirk::wrong_fields;
  TRY(check_place(metadata, offset, file_size));
  return compare(metadata, type);
}

// The result, its error preceded by the place in the file.
template <class T>
Result<T> at(std::string_view path, uint64_t offset, Result<T> result) {
  if (!result) return fail("{}: offset {}: {}", path, offset, result.error().message);
  return result;
}

Result<> check_kind(std::string_view path, std::span<const std::byte> bytes) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kPointer)) return fail("{}: file is a Git LFS pointer; fetch the real content", path);
  if (bytes.size() < sizeof(Header)) {
    return fail("{}: a weight file has a header of 64 bytes, this one ends after {}", path, bytes.size());
  }
  const uint32_t version = header_of(bytes).version;
  if (has_sentinel(bytes) || version == kVersion) return {};
  if (version == 1) {
    return fail("{}: offset 4: version 1, an Espresso blob, is not read: convert the model to an ML program", path);
  }
  return fail("{}: offset 4: the weight file has version {}, expected 2", path, version);
}

constexpr std::string_view kModelPath = "@model_path/";

// The file that a reference names within `folder`; never one outside.
Result<std::string> resolve(const BlobReference& reference, const std::string& folder) {
  const std::string& path = reference.path;
  if (!path.starts_with(kModelPath)) return fail("weight {}: the path does not begin with {}", path, kModelPath);
  const std::filesystem::path relative = path.substr(kModelPath.size());
  if (relative.empty() || relative.is_absolute() || std::ranges::count(relative, "..") > 0) {
    return fail("weight {}: the path leaves the model's folder", path);
  }
  return (std::filesystem::path(folder) / relative).string();
}

}  // namespace

Result<uint64_t> BlobWriter::add(Tensor tensor) {
  TRY(code_of(tensor.type().dtype));
  const uint64_t offset = end_;
  end_ = aligned(offset + sizeof(Metadata) + tensor.bytes().size());
  tensors_.push_back(std::move(tensor));
  return offset;
}

std::vector<std::byte> BlobWriter::bytes() const {
  std::vector<std::byte> file;
  file.reserve(end_);
  const auto written = write_file(tensors_, [&](std::span<const std::byte> bytes) -> Result<> {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return {};
  });
  CHECK(written && file.size() == end_);
  return file;
}

Result<> BlobWriter::save(const std::string& path) const {
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(write_file(tensors_, [&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  return file.commit();
}

Result<std::vector<std::byte>> write_blob(const Tensor& tensor) {
  BlobWriter writer;
  TRY(writer.add(tensor));
  return writer.bytes();
}

std::string_view to_string(BlobQuirk quirk) {
  switch (quirk) {
    case BlobQuirk::none:
      return "the blob is as the format asks";
    case BlobQuirk::count_too_small:
      return "the header counts fewer blobs than the file holds";
    case BlobQuirk::wrong_fields:
      return "the blob's size and offset fields are placeholders: the size was taken from the program";
    case BlobQuirk::mislabelled:
      return "the blob's size and offset fields are placeholders and it calls int8 fp16: the program's type was taken";
    case BlobQuirk::no_file_header:
      return "the file has no header: its one blob begins at byte 0";
    case BlobQuirk::reserved_garbage:
      return "bytes that must be zero are not: they were ignored";
  }
  return {};
}

Result<BlobFile> BlobFile::open(const std::string& path) {
  const auto file = std::make_shared<const MappedFile>(TRY(MappedFile::open(path)));
  return view(path, file->bytes(), file);
}

Result<BlobFile> BlobFile::view(std::string path, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  TRY(check_kind(path, bytes));
  BlobFile file(std::move(path), bytes, std::move(owner));
  file.has_header_ = !has_sentinel(bytes);
  if (file.has_header_) file.find_offsets();
  return file;
}

void BlobFile::find_offsets() {
  const uint32_t count = header_of(bytes_).count;
  while (offsets_.size() < count) {  // each costs 64 bytes of the file, so a hostile count ends soon
    const auto metadata = read_metadata(bytes_, counted_end_);
    if (!metadata || !check_place(*metadata, counted_end_, bytes_.size())) return;
    offsets_.push_back(counted_end_);
    counted_end_ = aligned(metadata->data + metadata->size);
  }
}

Result<BlobTensor> BlobFile::tensor(uint64_t offset, const TensorType& type) const {
  return at(path_, offset, read(offset, type));
}

Result<BlobTensor> BlobFile::read(uint64_t offset, const TensorType& type) const {
  const size_t size = TRY(checked_bytes(type));
  // Programs give a lone blob's place as 64, as if there were a header, or as 0.
  const bool possible = has_header_ ? offset >= sizeof(Header) : offset == 0 || offset == 64;
  if (!possible) return fail("no blob's metadata stands there");
  const uint64_t start = has_header_ ? offset : 0;
  const Metadata metadata = TRY(read_metadata(bytes_, start));
  BlobQuirk quirk = TRY(recognise(metadata, start, type, bytes_.size()));
  const std::span<const std::byte> rest = bytes_.subspan(start + sizeof metadata);
  if (size > rest.size())
    return fail("{} needs {} bytes, but the file ends after {}", to_string(type), size, rest.size());
  if (!has_header_) {
    quirk = BlobQuirk::no_file_header;
  } else if (quirk == BlobQuirk::none || quirk == BlobQuirk::reserved_garbage) {
    const bool counted = std::ranges::binary_search(offsets_, offset);
    if (!counted && offset < counted_end_) return fail("no blob's metadata stands there");
    if (!all_zero(header_of(bytes_).reserved)) quirk = BlobQuirk::reserved_garbage;
    if (!counted) quirk = BlobQuirk::count_too_small;
  }
  return BlobTensor{Tensor::view(type, rest.first(size), owner_), quirk};
}

Result<> BlobFile::check() const {
  if (!has_header_) return fail("{}: offset 0: a blob stands where the header belongs", path_);
  if (!all_zero(header_of(bytes_).reserved)) {
    return fail("{}: offset 8: reserved bytes of the header are not zero", path_);
  }
  const uint32_t count = header_of(bytes_).count;
  uint64_t end = sizeof(Header);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t offset = aligned(end);
    const Metadata metadata = TRY(at(path_, offset, read_metadata(bytes_, offset)));
    TRY(at(path_, offset, check_place(metadata, offset, bytes_.size())));
    TRY(at(path_, offset, check_fields(metadata)));
    if (!all_zero(bytes_.subspan(end, offset - end))) return fail("{}: offset {}: the padding is not zero", path_, end);
    end = metadata.data + metadata.size;
  }
  if (bytes_.size() > aligned(end) || !all_zero(bytes_.subspan(end))) {
    return fail("{}: offset {}: there is more after the {} blobs that the header counts", path_, end, count);
  }
  return {};
}

Result<Weights> load_weights(const Function& function, const std::string& folder, std::vector<BlobFinding>* findings) {
  Weights weights;
  std::map<std::string, BlobFile> files;
  for (const ValueInfo& value : function.values) {
    if (!value.blob) continue;
    auto file = files.find(value.blob->path);
    if (file == files.end()) {
      const std::string path = TRY(resolve(*value.blob, folder));
      file = files.emplace(value.blob->path, TRY(BlobFile::open(path))).first;
    }
    auto [tensor, quirk] = TRY(file->second.tensor(value.blob->offset, value.type));
    weights.set(*value.blob, std::move(tensor));
    if (findings != nullptr && quirk != BlobQuirk::none) findings->push_back({*value.blob, quirk});
  }
  return weights;
}

}  // namespace anemone::mil
