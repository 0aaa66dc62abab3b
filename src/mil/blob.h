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
//   Tensor back = TRY(file.tensor(wq, tensor.type()));
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
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

// A weight file, mapped. Tensors are views that keep the mapping alive. Opening checks the whole file's structure:
// every blob's sentinel, type, sizes, bounds and reserved zeros, and that nothing follows the last blob but its
// padding.
class BlobFile {
 public:
  static Result<BlobFile> open(const std::string& path);

  size_t count() const { return blobs_.size(); }
  // The blob whose metadata stands at `offset`. An error where there is none or it is not of that type.
  Result<Tensor> tensor(uint64_t offset, const TensorType& type) const;

 private:
  struct Blob {
    uint32_t dtype;
    uint64_t data, size, unused_bits;
  };
  explicit BlobFile(MappedFile file) : file_(std::make_shared<const MappedFile>(std::move(file))) {}
  Result<Blob> read_blob(uint64_t offset) const;
  Result<> read_blobs();

  std::shared_ptr<const MappedFile> file_;
  std::map<uint64_t, Blob> blobs_;  // by the offset of their metadata
};

// The data of every weight that `function` refers to, from `folder`, which stands for @model_path. A file is mapped
// once, and its pages are read when they are used.
Result<Weights> load_weights(const Function& function, const std::string& folder);

}  // namespace anemone::mil
