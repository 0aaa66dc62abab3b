// Weight files. Whatever the bytes, a tensor's data lie within them; a file that conforms is read as conforming; and
// what was read, written again, conforms.
#include <cstring>
#include <span>

#include "base/check.h"
#include "mil/blob.h"

using namespace anemone;
using namespace anemone::mil;

namespace {

uint64_t field(std::span<const std::byte> bytes, size_t offset) {
  uint64_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void check_tensor(const Tensor& tensor, std::span<const std::byte> file) {
  const auto data = tensor.bytes();
  CHECK(data.data() >= file.data() && data.data() + data.size() <= file.data() + file.size());
  CHECK(static_cast<int64_t>(tensor.numbers().size()) == tensor.type().count());
  const auto written = write_blob(tensor);
  CHECK(written);
  const auto again = BlobFile::view("written", *written);
  CHECK(again && again->check() && again->tensor(64, tensor.type())->tensor == tensor);
}

// Asks for the blob at `offset` as tensors of every type, of some lengths and of the length that its metadata tell,
// which stand at `at`. Whether one is there that departs in nothing from the format.
bool read(const BlobFile& file, std::span<const std::byte> bytes, uint64_t offset, size_t at) {
  bool conforming = false;
  for (int number = 0; number <= static_cast<int>(DType::f8e5m2); ++number) {
    const auto dtype = static_cast<DType>(number);
    const uint64_t told = (field(bytes, at + 8) * 8 - field(bytes, at + 24)) / bits(dtype);
    for (uint64_t count : {uint64_t{0}, uint64_t{3}, told}) {
      const auto blob = file.tensor(offset, {dtype, {static_cast<int64_t>(count)}});
      if (!blob) continue;
      check_tensor(blob->tensor, bytes);
      conforming = conforming || blob->quirk == BlobQuirk::none;
    }
  }
  return conforming;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = BlobFile::view("fuzz", bytes);
  if (!file) return 0;
  read(*file, bytes, 64, 0);  // as programs name a blob without a file header
  constexpr uint32_t kSentinel = 0xDEADBEEF;
  int few = 4;
  for (size_t at = 0; few > 0 && at + 64 <= size; ++at) {
    if (std::memcmp(data + at, &kSentinel, sizeof kSentinel) != 0) continue;
    read(*file, bytes, at, at);
    --few;
  }
  if (!file->check()) return 0;
  for (uint64_t offset : file->offsets()) CHECK(read(*file, bytes, offset, offset));
  return 0;
}
