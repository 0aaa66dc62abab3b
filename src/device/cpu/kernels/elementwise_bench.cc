// Elementwise ops alone, on one thread over what the first-level cache holds, and chains of them, by all threads over
// what it does not: elements a second.
//
//   build/release/bin/device_bench --benchmark_filter=Elementwise
#include <benchmark/benchmark.h>

#include "base/random_floats.h"
#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/tile.h"

namespace anemone::cpu {
namespace {

constexpr int64_t kTileOps = 512, kHidden = 2048, kTokens = 256;

void elementwise(benchmark::State& state, ElementOp op) {
  const std::vector<float> a = random_floats(kTileOps, 1), b = random_floats(kTileOps, 2);
  std::vector<float> out(a.size());
  for (auto _ : state) {
    apply(op, {.a = a.data(), .b = b.data()}, out.data(), out.size());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kTileOps);
}

// [H, T] operands of a program, one after another in memory.
void run_chain(benchmark::State& state, TileProgram program, size_t stored) {
  std::vector<std::vector<float>> operands;
  std::vector<std::byte*> addresses;
  for (size_t i = 0; i < program.loads + stored; ++i) operands.push_back(random_floats(kHidden * kTokens, i));
  for (std::vector<float>& operand : operands) addresses.push_back(reinterpret_cast<std::byte*>(operand.data()));
  program.loops = {{kHidden * kTokens}, std::vector<std::vector<int64_t>>(operands.size(), {1})};
  for (auto _ : state) {
    run_tiles(program, addresses);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kHidden * kTokens);
}

TileProgram silu_gate(Rounding rounding) {
  TileProgram p;
  p.loads = 2;
  p.instructions = {{.op = ElementOp::silu, .a = 0, .rounding = rounding},
                    {.op = ElementOp::mul, .a = 2, .b = 1, .rounding = rounding}};
  p.stored = {{3}};
  return p;
}

BENCHMARK_CAPTURE(elementwise, ElementwiseMul, ElementOp::mul)->Name("ElementwiseMul");
BENCHMARK_CAPTURE(elementwise, ElementwiseDiv, ElementOp::div)->Name("ElementwiseDiv");
BENCHMARK_CAPTURE(elementwise, ElementwiseExp, ElementOp::exp)->Name("ElementwiseExp");
BENCHMARK_CAPTURE(elementwise, ElementwiseTanh, ElementOp::tanh)->Name("ElementwiseTanh");
BENCHMARK_CAPTURE(elementwise, ElementwiseSilu, ElementOp::silu)->Name("ElementwiseSilu");
BENCHMARK_CAPTURE(run_chain, ChainSiluGate_fp32, silu_gate(Rounding::none), 1)
    ->Name("ChainSiluGate_fp32")
    ->UseRealTime();
BENCHMARK_CAPTURE(run_chain, ChainSiluGate_fp16, silu_gate(Rounding::half), 1)
    ->Name("ChainSiluGate_fp16")
    ->UseRealTime();

}  // namespace
}  // namespace anemone::cpu
