// Chains of pointwise convolutions, each with weights of its own: how near they come to their products alone, and what
// bytes gain over bfloat16. The configurations are those of the seed's inmem_peak and ane_int8_bench.
//
//   build/release/bin/device_bench --benchmark_filter='Peak|Int8' --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "base/gemm.h"
#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "mil/builder.h"

namespace anemone {
namespace {

using mil::DType;
using mil::Tensor;
using mil::Value;

struct Chain {
  int64_t channels, places, depth;

  double flops() const { return 2.0 * double(channels * channels) * double(places * depth); }
};

Chain chain_of(const benchmark::State& state) { return {state.range(0), state.range(1), state.range(2)}; }

struct Model {
  mil::Builder builder;
  mil::Weights weights;
  Random random{1};

  Value weight(const Chain& chain, DType dtype) {
    const std::string name = fmt::format("w{}", random.position());
    std::vector<double> values(size_t(chain.channels * chain.channels));
    for (double& value : values) {
      const auto byte = double(random.below(256)) - 128;
      value = dtype == DType::int8 ? byte : byte / 256 / std::sqrt(double(chain.channels));
    }
    const auto tensor = Tensor::from_numbers({dtype, {chain.channels, chain.channels, 1, 1}}, values);
    weights.set(mil::weight_file(name), tensor);
    return builder.weight(name, tensor.type());
  }
};

// As the seed's W8A8 program has them: the scales are 2⁻³.
Value quantised_weight(Model& m, const Chain& chain) {
  return m.builder.apply("constexpr_affine_dequantize", {{"quantized_data", m.weight(chain, DType::int8)},
                                                         {"zero_point", Tensor::scalar(DType::int8, 0)},
                                                         {"scale", Tensor::scalar(DType::fp16, 0.125)},
                                                         {"axis", Tensor::integer(0)}});
}

Value through_int8(Model& m, Value x) {
  const Tensor scale = Tensor::scalar(DType::fp16, 0.125);
  const Value q = m.builder.apply("quantize", {{"input", x}, {"scale", scale}, {"output_dtype", Tensor::text("int8")}});
  return m.builder.apply("dequantize", {{"input", q}, {"scale", scale}});
}

void write_chain(Model& m, const Chain& chain, DType boundary, bool int8) {
  Value x = cast(m.builder.input("x", {boundary, {1, chain.channels, 1, chain.places}}), DType::fp16);
  for (int64_t i = 0; i < chain.depth; ++i) {
    if (int8 && i > 0) x = through_int8(m, x);
    x = conv(x, int8 ? quantised_weight(m, chain) : m.weight(chain, DType::fp16));
  }
  m.builder.output("y", cast(x, boundary));
}

void report(benchmark::State& state) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(chain_of(state).flops() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void run_chain(benchmark::State& state, DType boundary, bool int8, Precision precision) {
  Model model;
  write_chain(model, chain_of(state), boundary, int8);
  const auto device = open_cpu({.precision = precision});
  const auto program = *device->compile(*model.builder.finish(), model.weights);
  const auto x = *device->allocate(program->signature().inputs[0].type.bytes());
  const auto y = *device->allocate(program->signature().outputs[0].type.bytes());
  const auto request = *program->bind({x.get()}, {y.get()});
  for (auto _ : state) benchmark::DoNotOptimize(request->run());
  report(state);
}

// The chain's products by the library, in the chain's layouts, of as many matrices.
void run_products(benchmark::State& state, Factor factors) {
  const Chain chain = chain_of(state);
  const int64_t C = chain.channels, P = chain.places, bytes = factors == Factor::bf16 ? 2 : 4;
  const Product product({.gemm = {.m = C, .n = P, .k = C, .lda = C, .ldb = P, .ldc = P}, .factors = factors});
  Buffer<std::byte> weights(size_t(C * C * chain.depth * bytes)), x(size_t(C * P * bytes));
  std::ranges::fill(weights, std::byte{0x3C});
  std::ranges::fill(x, std::byte{0x3C});
  Buffer<float> y(size_t(C * P));
  for (auto _ : state) {
    for (int64_t i = 0; i < chain.depth; ++i) product.run(weights.data() + i * C * C * bytes, x.data(), y.data());
  }
  report(state);
}

void peak_configurations(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->ArgNames({"ch", "places", "depth"});
  for (const int64_t depth : {32, 48, 64, 96, 128}) b->Args({512, 64, depth});
  for (const int64_t depth : {64, 128, 256}) b->Args({256, 64, depth});
  for (const int64_t depth : {64, 128}) b->Args({384, 64, depth});
}

void int8_configurations(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->ArgNames({"ch", "places", "depth"});
  for (const int64_t depth : {128, 64}) b->Args({512, 64 * 64, depth});
  for (const int64_t depth : {256, 128}) b->Args({256, 64 * 64, depth});
  b->Args({384, 64 * 64, 128});
}

BENCHMARK_CAPTURE(run_chain, Peak_fp32, DType::fp32, false, Precision::fp32)->Apply(peak_configurations);
BENCHMARK_CAPTURE(run_products, Peak_fp32_products, Factor::fp32)->Apply(peak_configurations);
BENCHMARK_CAPTURE(run_chain, Peak_bf16, DType::fp32, false, Precision::bf16)->Apply(peak_configurations);
BENCHMARK_CAPTURE(run_products, Peak_bf16_products, Factor::bf16)->Apply(peak_configurations);
BENCHMARK_CAPTURE(run_chain, Int8_FP16_at_bf16, DType::fp16, false, Precision::bf16)->Apply(int8_configurations);
BENCHMARK_CAPTURE(run_chain, Int8_W8A8_at_bf16, DType::fp16, true, Precision::bf16)->Apply(int8_configurations);
BENCHMARK_CAPTURE(run_chain, Int8_W8A8_at_fp16, DType::fp16, true, Precision::fp16)->Apply(int8_configurations);

}  // namespace
}  // namespace anemone
