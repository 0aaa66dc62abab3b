// Weights read for one token: bytes a second, of a matrix larger than the caches.
#include <benchmark/benchmark.h>

#include "base/buffer.h"
#include "base/parallel.h"
#include "device/cpu/kernels/matvec.h"

namespace anemone::cpu {
namespace {

void BM_Matvec(benchmark::State& state, mil::DType dtype) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  const int64_t inner = state.range(0), rows = kBytes / (inner * int64_t(mil::bits(dtype)) / 8);
  Buffer<std::byte> w(kBytes);
  parallel_for(kBytes, 1,
               [&](int64_t begin, int64_t end) { std::fill(&w[size_t(begin)], &w[size_t(end - 1)], std::byte{1}); });
  Buffer<float> x(static_cast<size_t>(inner)), y(static_cast<size_t>(rows));
  const Matvec product{.dtype = dtype, .rows = rows, .inner = inner, .stride = inner};
  for (auto _ : state) multiply(product, w.data(), x.data(), y.data());
  state.SetBytesProcessed(state.iterations() * kBytes);
}
BENCHMARK_CAPTURE(BM_Matvec, fp32, mil::DType::fp32)->Arg(768)->Arg(2048)->UseRealTime();
BENCHMARK_CAPTURE(BM_Matvec, fp16, mil::DType::fp16)->Arg(768)->Arg(2048)->UseRealTime();
BENCHMARK_CAPTURE(BM_Matvec, bf16, mil::DType::bf16)->Arg(768)->Arg(2048)->UseRealTime();

}  // namespace
}  // namespace anemone::cpu
