// Weight files, to which the constants of a program refer: BLOBFILE(path, offset of the metadata).
//
//   byte     0   header     u32 count of blobs · u32 version, 2 · 56 zero bytes
//           64   metadata   u32 0xDEADBEEF · u32 element type · u64 bytes of data · u64 offset of data, from byte 0
//                           · u64 unused bits at the data's end · 32 zero bytes
//          128   data       packed, little-endian; elements below a byte from the low bit up
//            …              zeros up to a multiple of 64, then the next blob's metadata
//
//   BlobWriter writer;
//   uint64_t wq = TRY(writer.add(tensor));           // 64: the offset that the program states
//   TRY(writer.save("weights/weight.bin"));
//
//   BlobFile file = TRY(BlobFile::open("weights/weight.bin"));
//   auto [back, quirk] = TRY(file.tensor(wq, tensor.type()));
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/function.h"
#include "mil/tensor.h"

namespace anemone::mil {

// Collects tensors and writes them as one file. Tensors are referred to, not copied; views must outlive the writer.
class BlobWriter {
 public:
  // The offset of its metadata. An error where weight files have no such element type (string, 64-bit numbers).
  Result<uint64_t> add(Tensor tensor);

  std::vector<std::byte> bytes() const;          // the whole file
  Result<> save(const std::string& path) const;  // replaced atomically

 private:
  std::vector<Tensor> tensors_;
  uint64_t end_ = 64;  // where the next metadata goes
};

// The bytes of a file with this tensor alone, at offset 64.
Result<std::vector<std::byte>> write_blob(const Tensor& tensor);

// How a blob departs from the format above. Files that known programs write in these ways are read all the same.
enum class BlobQuirk {
  none,
  count_too_small,   // the header says 1 of a file of many blobs
  wrong_fields,      // the size is a constant, 0x80000 or 0x100000, and the data's offset 0; blobs may be unaligned
  mislabelled,       // besides, int8 is called fp16
  no_file_header,    // one blob, its metadata at byte 0
  reserved_garbage,  // what ought to be zero is not
};
std::string_view to_string(BlobQuirk quirk);  // "the header counts fewer blobs than the file holds"

struct BlobTensor {
  Tensor tensor;
  BlobQuirk quirk = BlobQuirk::none;
};

// A weight file, mapped. Tensors are views that keep the mapping alive; their data may stand at any alignment.
class BlobFile {
 public:
  // An error where the file is no weight file of version 2. Its blobs are looked at when they are asked for.
  static Result<BlobFile> open(const std::string& path);
  // Over bytes that `owner` keeps alive, or the caller; `path` is for messages.
  static Result<BlobFile> view(std::string path, std::span<const std::byte> bytes,
                               std::shared_ptr<const void> owner = nullptr);

  // Where the metadata of the blobs stand that the header counts, as far as one follows another.
  const std::vector<uint64_t>& offsets() const { return offsets_; }

  // The blob whose metadata stands at `offset`. An error where there is none, where it is not of that type or does
  // not fit in the file, or where it departs from the format in a way that no known program does.
  Result<BlobTensor> tensor(uint64_t offset, const TensorType& type) const;

  // Whether the whole file is as BlobWriter writes it, but that the last blob need not be padded: every sentinel,
  // type, size and place, zeros wherever the format has them, nothing besides. The error is the first departure.
  Result<> check() const;

 private:
  BlobFile(std::string path, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
      : path_(std::move(path)), bytes_(bytes), owner_(std::move(owner)) {}
  void find_offsets();
  Result<BlobTensor> read(uint64_t offset, const TensorType& type) const;

  std::string path_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  bool has_header_ = true;
  std::vector<uint64_t> offsets_;
  uint64_t counted_end_ = 64;  // where the next blob would be
};

// A blob that was read although it departs from the format.
struct BlobFinding {
  BlobReference reference;
  BlobQuirk quirk;
};

// The data of every weight that `function` refers to, from `folder`, which stands for @model_path. A file is mapped
// once, and its pages are read when they are used. Each constant whose blob departs
// from the format adds to `findings`.
Result<Weights> load_weights(const Function& function, const std::string& folder,
                             std::vector<BlobFinding>* findings = nullptr);

}  // namespace anemone::mil
