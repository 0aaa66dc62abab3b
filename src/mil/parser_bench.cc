// How long a large program takes from text to text: 600 KB of it, parsed, checked and printed.
//
//   build/release/bin/mil_bench
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "mil/inference.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

// Sums and reshapes one behind another, half of the shapes constants of their own, half in place.
std::string large_program(size_t bytes) {
  std::string text = "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [1, 64, 1, 64]> t0) {\n";
  int last = 0;
  for (; text.size() < bytes; ++last) {
    text += fmt::format(
        "            tensor<fp16, [1, 64, 1, 64]> v{0} = add(x = t{0}, y = t{0})[name = string(\"v{0}\")];\n"
        "            tensor<int32, [4]> r{0} = const()[name = string(\"r{0}\"), val = tensor<int32, [4]>([1, 64, 64, "
        "1])];\n"
        "            tensor<fp16, [1, 64, 64, 1]> s{0} = reshape(shape = r{0}, x = v{0})[name = string(\"s{0}\")];\n"
        "            tensor<fp16, [1, 64, 1, 64]> t{1} = reshape(shape = tensor<int32, [4]>([1, 64, 1, 64]), x = "
        "s{0})[name = string(\"t{1}\")];\n",
        last, last + 1);
  }
  return text + fmt::format("        }} -> (t{});\n}}\n", last);
}

void parse_check_print(benchmark::State& state) {
  const std::string text = large_program(600 * 1000);
  for (auto _ : state) {
    Program program = parse(text).value();
    if (!check(program.functions[0])) return state.SkipWithError("the program is wrong");
    benchmark::DoNotOptimize(print(program));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(parse_check_print)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace anemone::mil
