#include "mil/blob.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "base/check.h"

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

// The format's element types. 16 and 17, two kinds of 8-bit float, have no spelling in MIL text.
constexpr std::array<std::pair<DType, uint32_t>, 16> kCodes{{{DType::fp16, 1},
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
                                                             {DType::uint32, 15}}};
constexpr uint32_t kLastCode = 17;

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
  constexpr std::array<std::byte, kAlignment> zeros{};
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
    TRY(sink(std::span(zeros).first(at - metadata.data - size)));
  }
  return {};
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// What is wrong with metadata that stands at `offset` of a file of `file_size` bytes; empty where nothing is.
std::string_view fault(const Metadata& metadata, uint64_t offset, uint64_t file_size) {
  if (metadata.sentinel != kSentinel) return "the sentinel 0xDEADBEEF is missing";
  if (metadata.dtype < 1 || metadata.dtype > kLastCode) return "the element type is unknown";
  if (metadata.data != offset + sizeof metadata) return "the data does not follow its metadata";
  if (metadata.size > file_size - metadata.data) return "the data reaches past the end of the file";
  if (metadata.unused_bits > 7) return "there are more than 7 unused bits";
  if (!all_zero(metadata.reserved)) return "reserved bytes are not zero";
  return {};
}

Result<> check_header(const std::string& path, std::span<const std::byte> bytes) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kPointer)) return fail("{} is a Git LFS pointer: fetch the real content", path);
  if (bytes.size() < sizeof(Header)) {
    return fail("{}: a weight file has a header of 64 bytes, this one ends after {}", path, bytes.size());
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion) {
    return fail("{}: offset 4: the weight file has version {}, expected 2", path, header.version);
  }
  if (!all_zero(header.reserved)) return fail("{}: offset 8: reserved bytes of the header are not zero", path);
  return {};
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

Result<BlobFile> BlobFile::open(const std::string& path) {
  BlobFile file(TRY(MappedFile::open(path)));
  TRY(check_header(path, file.file_->bytes()));
  TRY(file.read_blobs());
  return file;
}

Result<BlobFile::Blob> BlobFile::read_blob(uint64_t offset) const {
  const auto bytes = file_->bytes();
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Metadata)) {
    return fail("{}: offset {}: the file ends within a blob's metadata", file_->path(), offset);
  }
  Metadata metadata;
  std::memcpy(&metadata, bytes.data() + offset, sizeof metadata);
  const std::string_view wrong = fault(metadata, offset, bytes.size());
  if (!wrong.empty()) return fail("{}: offset {}: {}", file_->path(), offset, wrong);
  return Blob{metadata.dtype, metadata.data, metadata.size, metadata.unused_bits};
}

Result<> BlobFile::read_blobs() {
  const auto bytes = file_->bytes();
  uint32_t count;
  std::memcpy(&count, bytes.data(), sizeof count);
  uint64_t offset = sizeof(Header), end = offset;
  for (uint32_t i = 0; i < count; ++i) {  // each costs 64 bytes of the file, so a hostile count ends soon
    const Blob blob = TRY(read_blob(offset));
    blobs_.emplace(offset, blob);
    end = blob.data + blob.size;
    offset = aligned(end);
  }
  if (bytes.size() > offset || !all_zero(bytes.subspan(end))) {
    return fail("{}: offset {}: there is more after the {} blobs that the header counts", file_->path(), end, count);
  }
  return {};
}

Result<Tensor> BlobFile::tensor(uint64_t offset, const TensorType& type) const {
  const std::string& path = file_->path();
  const auto found = blobs_.find(offset);
  if (found == blobs_.end()) return fail("{}: offset {}: no blob's metadata stands there", path, offset);
  const Blob& blob = found->second;
  const size_t expected = TRY(checked_bytes(type));
  if (blob.dtype != TRY(code_of(type.dtype))) {
    return fail("{}: offset {}: the blob's element type is number {}, but the program declares {}", path, offset,
                blob.dtype, to_string(type));
  }
  if (blob.size != expected || blob.unused_bits != unused_bits(type)) {
    return fail("{}: offset {}: the blob has {} bytes and {} unused bits, but {} needs {} and {}", path, offset,
                blob.size, blob.unused_bits, to_string(type), expected, unused_bits(type));
  }
  return Tensor::view(type, file_->bytes().subspan(blob.data, blob.size), file_);
}

Result<Weights> load_weights(const Function& function, const std::string& folder) {
  Weights weights;
  std::map<std::string, BlobFile> files;
  for (const ValueInfo& value : function.values) {
    if (!value.blob) continue;
    auto file = files.find(value.blob->path);
    if (file == files.end()) {
      const std::string path = TRY(resolve(*value.blob, folder));
      file = files.emplace(value.blob->path, TRY(BlobFile::open(path))).first;
    }
    weights.set(*value.blob, TRY(file->second.tensor(value.blob->offset, value.type)));
  }
  return weights;
}

}  // namespace anemone::mil
