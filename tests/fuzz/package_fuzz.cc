// Core ML's model message. Whatever the bytes, what was read, written again, reads as the same model; so does its
// program as text.
#include <span>

#include "base/check.h"
#include "mil/inference.h"
#include "mil/package/model.h"
#include "mil/parser.h"
#include "mil/printer.h"

using namespace anemone;
using namespace anemone::mil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto model = decode_model(std::as_bytes(std::span(data, size)), "fuzz");
  if (!model) return 0;
  const auto bytes = encode_model(*model);
  CHECK(bytes);
  const auto again = decode_model(*bytes, "written");
  CHECK(again && again->program == model->program && *encode_model(*again) == *bytes);
  const auto text = parse(print(model->program));
  CHECK(text && *text == model->program);
  for (Function& function : model->program.functions) (void)check(function);
  return 0;
}
