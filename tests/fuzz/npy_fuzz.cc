// NumPy's files. Whatever the bytes, a tensor's data lie within them or are its own; and what was read, written again,
// reads as the same tensor.
#include <span>
#include <string>

#include "base/check.h"
#include "mil/npy.h"

using namespace anemone;
using namespace anemone::mil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tensor = parse_npy("fuzz", std::as_bytes(std::span(data, size)));
  if (!tensor) return 0;
  CHECK(static_cast<int64_t>(tensor->numbers().size()) == tensor->type().count());
  std::string written = *npy_header(tensor->type());
  CHECK(written.size() % 64 == 0);
  written.append(reinterpret_cast<const char*>(tensor->bytes().data()), tensor->bytes().size());
  CHECK(*parse_npy("written", std::as_bytes(std::span(written))) == *tensor);
  return 0;
}
