// How near programs on `cpu` come to their matrix products alone: each program beside the same products run by the same
// library on packed operands.
//
//   build/release/bin/device_bench --benchmark_filter=FeedForward
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/gemm.h"
#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "mil/builder.h"

namespace anemone {
namespace {

using mil::concat;
using mil::DType;
using mil::Value;

constexpr int64_t kDim = 768, kHidden = 2048, kSeq = 256, kHeads = 12, kHead = 64;

struct Model {
  mil::Builder builder;
  mil::Weights weights;
  Random random{1};

  Value weight(int64_t out, int64_t in) {
    const std::string name = fmt::format("w{}", random.position());
    std::vector<double> values(size_t(out * in));
    for (double& value : values) value = random.normal() / std::sqrt(double(in));
    const auto tensor = mil::Tensor::from_numbers({DType::fp32, {out, in, 1, 1}}, values);
    weights.set(mil::weight_file(name), tensor);
    return builder.weight(name, tensor.type());
  }
  Value rmsnorm(Value x) { return x * pow(sum(x * x, 1) * (1.0 / double(kDim)) + 1e-5, -0.5) * weight(1, kDim); }
};

void feed_forward(Model& m) {
  const Value x = m.builder.input("x", {DType::fp32, {1, kDim, 1, kSeq}});
  const Value xn = m.rmsnorm(x);
  const Value h1 = conv(xn, m.weight(kHidden, kDim)), h3 = conv(xn, m.weight(kHidden, kDim));
  const Value g = h1 * sigmoid(h1) * h3;
  m.builder.output("y", concat({conv(g, m.weight(kDim, kHidden)), h1, h3, g, xn}, 1));
}

void attention(Model& m) {
  const Value x = m.builder.input("x", {DType::fp32, {1, kDim, 1, kSeq}});
  const Value xn = m.rmsnorm(x);
  const auto heads = [](Value v) { return transpose(reshape(v, {1, kHeads, kHead, kSeq}), {0, 1, 3, 2}); };
  const Value q = conv(xn, m.weight(kDim, kDim)), k = conv(xn, m.weight(kDim, kDim)),
              v = conv(xn, m.weight(kDim, kDim));
  std::vector<double> mask(size_t(kSeq * kSeq));
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % kSeq <= i / kSeq ? 0 : -65504;
  const Value causal = m.builder.constant(mil::Tensor::from_numbers({DType::fp32, {1, 1, kSeq, kSeq}}, mask));
  const Value p = softmax(matmul_nt(heads(q), heads(k)) * 0.125 + causal, -1);
  const Value a = reshape(transpose(matmul(p, heads(v)), {0, 1, 3, 2}), {1, kDim, 1, kSeq});
  m.builder.output("y", concat({conv(a, m.weight(kDim, kDim)), q, k, v, a, xn}, 1));
}

// y = Wᵀx, side by side in one input.
void dynamic_linear(Model& m) {
  const Value in = m.builder.input("in", {DType::fp32, {1, kDim, 1, kSeq + kDim}});
  const Value x = reshape(slice(in, 3, 0, kSeq), {1, 1, kDim, kSeq});
  const Value w = reshape(slice(in, 3, kSeq, kDim), {1, 1, kDim, kDim});
  m.builder.output("y", reshape(transpose(matmul_tn(x, w), {0, 1, 3, 2}), {1, kDim, 1, kSeq}));
}

struct Product {
  int64_t m, n, k, times;
};
double flops(const std::vector<Product>& products) {
  double total = 0;
  for (const Product& p : products) total += 2.0 * double(p.m * p.n * p.k * p.times);
  return total;
}

void report(benchmark::State& state, const std::vector<Product>& products) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops(products) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void run_program(benchmark::State& state, void (*write)(Model&), const std::vector<Product>& products,
                 Precision precision) {
  Model model;
  write(model);
  const auto device = open_cpu({.precision = precision});
  const auto program = *device->compile(*model.builder.finish(), model.weights);
  const auto x = *device->allocate(program->signature().inputs[0].type.bytes());
  const auto y = *device->allocate(program->signature().outputs[0].type.bytes());
  for (float& value : x->map(Access::write).as<float>()) value = float(model.random.normal());
  const auto request = *program->bind({x.get()}, {y.get()});
  for (auto _ : state) benchmark::DoNotOptimize(request->run());
  report(state, products);
}

void run_products(benchmark::State& state, const std::vector<Product>& products) {
  size_t largest = 0;
  for (const Product& p : products) {
    largest = std::max({largest, size_t(p.m * p.n), size_t(p.m * p.k), size_t(p.k * p.n)});
  }
  std::vector<float> a(largest, 0.5f), b(largest, 0.5f), c(largest);
  for (auto _ : state) {
    for (const Product& p : products) {
      const Gemm gemm{.m = p.m, .n = p.n, .k = p.k, .lda = p.k, .ldb = p.n, .ldc = p.n};
      for (int64_t i = 0; i < p.times; ++i) anemone::gemm(gemm, a.data(), b.data(), c.data());
    }
  }
  report(state, products);
}

const std::vector<Product> kFeedForward{{kHidden, kSeq, kDim, 2}, {kDim, kSeq, kHidden, 1}};
const std::vector<Product> kAttention{{kDim, kSeq, kDim, 4}, {kSeq, kSeq, kHead, kHeads}, {kSeq, kHead, kSeq, kHeads}};
const std::vector<Product> kLinear{{kDim, kSeq, kDim, 1}};

BENCHMARK_CAPTURE(run_program, FeedForward_fp32, feed_forward, kFeedForward, Precision::fp32)->UseRealTime();
BENCHMARK_CAPTURE(run_program, FeedForward_bf16, feed_forward, kFeedForward, Precision::bf16)->UseRealTime();
BENCHMARK_CAPTURE(run_products, FeedForward_products, kFeedForward)->UseRealTime();
BENCHMARK_CAPTURE(run_program, Attention_fp32, attention, kAttention, Precision::fp32)->UseRealTime();
BENCHMARK_CAPTURE(run_products, Attention_products, kAttention)->UseRealTime();
BENCHMARK_CAPTURE(run_program, DynamicLinear_fp32, dynamic_linear, kLinear, Precision::fp32)->UseRealTime();
BENCHMARK_CAPTURE(run_products, DynamicLinear_products, kLinear)->UseRealTime();

}  // namespace
}  // namespace anemone
