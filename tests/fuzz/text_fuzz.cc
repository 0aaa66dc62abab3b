// MIL text. Whatever it is, reading, checking, describing and printing it end soon; and what was read, printed, reads
// as the same program.
#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "mil/engine_rules.h"
#include "mil/inference.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/summary.h"

using namespace anemone;
using namespace anemone::mil;

namespace {

void check_printed(const Program& program) {
  const auto again = parse(print(program));
  CHECK(again && *again == program);
}

bool has_unknown_dimensions(const Function& function) {
  return std::ranges::any_of(function.values, [](const ValueInfo& v) { return is_flexible(v.type.shape); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto program = parse({reinterpret_cast<const char*>(data), size});
  if (!program) return 0;
  check_printed(*program);
  for (Function& function : program->functions) {
    if (!check(function)) continue;
    engine_findings(function, {.chip = Chip::m1});
    if (!has_unknown_dimensions(function)) summarize(function);
  }
  check_printed(*program);
  return 0;
}
