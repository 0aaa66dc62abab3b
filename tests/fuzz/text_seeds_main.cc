// Writes the texts that fuzzing starts from, tests/fuzz/seeds/text: for each op the shortest of its golden cases.
//
//   cmake --build build/release --target fuzz_text_seeds
//   build/release/bin/fuzz_text_seeds tests/fuzz/seeds/text
#include <fmt/format.h>

#include <fstream>
#include <map>

#include "base/check.h"
#include "mil/op_testing.h"
#include "mil/printer.h"

using namespace anemone;
using namespace anemone::mil;

int main(int count, char** arguments) {
  CHECK(count == 2);
  std::map<std::string, std::string> texts;
  for (const GoldenCase& golden : golden_cases()) {
    const OpDef* op = find_op(golden.op, *parse_opset(golden.opset));
    Program program{.attributes = {}, .functions = {*Call(golden.op, golden.arguments, golden.opset).function()}};
    const std::string printed = print(program);
    std::string& text = texts[fmt::format("{}_{}.mil", op->name, op->since)];
    if (text.empty() || printed.size() < text.size()) text = printed;
  }
  for (const auto& [name, text] : texts) std::ofstream(fmt::format("{}/{}", arguments[1], name)) << text;
  return 0;
}
