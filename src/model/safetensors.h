// Files in the safetensors format (github.com/huggingface/safetensors), read mapped and written atomically.
//
//   std::vector<StoredTensor> tensors = {{"w", mil::DType::fp32, {2, 3}, std::as_bytes(w)}};
//   TRY(save_safetensors("model.safetensors", tensors, {{"config", to_json(config)}}));
//
//   SafetensorsFile file = TRY(SafetensorsFile::open("model.safetensors"));
//   const StoredTensor* w = file.find("w");         // its bytes live as long as `file`
//   read_floats(*w, values);                        // fp32, fp16 or bf16, as floats
//
// The file, little-endian:
//   0       uint64  N, the length of the header
//   8       N bytes of JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …}, padded with
//           spaces to a multiple of 8; "__metadata__" holds texts by name
//   8 + N   the data: tensors back to back, offsets counted from here
// Ours carry in the metadata, as "xxh64", the XXH64 checksum of all the data in 16 hexadecimal digits.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "mil/type.h"

namespace anemone::model {

struct StoredTensor {
  std::string name;
  mil::DType dtype = mil::DType::fp32;
  mil::Shape shape;
  std::span<const std::byte> bytes;  // packed, row-major; at any alignment
};

using Metadata = std::map<std::string, std::string>;

class SafetensorsFile {
 public:
  // Whether the bytes begin as such a file does, whatever its name.
  static bool recognises(std::span<const std::byte> bytes);

  // Checks everything before it returns: the header against the file's size, every tensor's shape against its bytes,
  // no gap or overlap between tensors, and the checksum where there is one. Errors name the file and the reason.
  static Result<SafetensorsFile> open(const std::string& path) { return parse(TRY(MappedFile::open(path))); }
  static Result<SafetensorsFile> parse(MappedFile file);

  const std::string& path() const { return file_.path(); }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // in the order of their data
  const StoredTensor* find(std::string_view name) const;                 // null where there is none
  const Metadata& metadata() const { return metadata_; }
  bool checksummed() const { return metadata_.contains("xxh64"); }

 private:
  explicit SafetensorsFile(MappedFile file) : file_(std::move(file)) {}

  MappedFile file_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, size_t, std::less<>> index_;  // into tensors_
  Metadata metadata_;
};

// Writes the tensors in the order given, with the checksum added to the metadata. Each one's bytes must be as long as
// its type and shape say, and names must differ.
Result<> save_safetensors(const std::string& path, std::span<const StoredTensor> tensors, Metadata metadata);

// The format's name of a type ("F32"); empty for one it does not have.
std::string_view safetensors_name(mil::DType dtype);

// Whether read_floats understands the type: fp32, fp16 or bf16.
bool reads_as_floats(mil::DType dtype);
// `values` has as many elements as the tensor.
void read_floats(const StoredTensor& tensor, std::span<float> values);

}  // namespace anemone::model
