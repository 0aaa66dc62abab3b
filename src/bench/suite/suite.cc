#include "bench/suite/suite.h"

#include <fmt/format.h>

namespace anemone::bench {
namespace {

using enum Column;

std::vector<Configuration> peak_configurations() {
  std::vector<Configuration> list;
  const std::pair<int64_t, std::vector<int64_t>> depths[] = {
      {512, {32, 48, 64, 96, 128}}, {256, {64, 128, 256}}, {384, {64, 128}}};
  for (const auto& [channels, each] : depths) {
    for (const int64_t depth : each) {
      list.push_back({fmt::format("{}x conv {}ch sp64", depth, channels), {.channels = channels, .depth = depth}});
    }
  }
  return list;
}

// One convolution; 8192 channels at 32 pixels.
std::vector<Configuration> sizes(const std::vector<int64_t>& channels) {
  std::vector<Configuration> list;
  for (const int64_t c : channels) {
    const int64_t width = c == 8192 ? 32 : 64;
    list.push_back({fmt::format("{}ch x{}sp", c, width), {.channels = c, .width = width}});
  }
  return list;
}

std::vector<Configuration> int8_configurations() {
  std::vector<Configuration> list;
  constexpr int64_t kShapes[][3] = {{512, 64, 128}, {512, 64, 64}, {256, 64, 256}, {256, 64, 128}, {384, 64, 128}};
  for (const auto& [channels, side, depth] : kShapes) {
    for (const Form form : {Form::fp16, Form::w8a8}) {
      list.push_back(
          {fmt::format("{} {}x conv {}ch {}x{}", form == Form::fp16 ? "FP16" : "W8A8", depth, channels, side, side),
           {.channels = channels,
            .height = side,
            .width = side,
            .depth = depth,
            .form = form,
            .boundary = mil::DType::fp16}});
    }
  }
  return list;
}

std::vector<Benchmark> make_suite() {
  std::vector<Configuration> basic = sizes({256});
  basic[0].package = true;
  return {{.name = "inmem_peak",
           .title = "chains of 1x1 convolutions, another weight for each",
           .warmups = 10,
           .runs = 50,
           .columns = {weights, gflop, milliseconds, tflops, peak, library},
           .configurations = peak_configurations()},
          {.name = "inmem_basic",
           .title = "one 1x1 convolution, from an .mlpackage",
           .warmups = 10,
           .runs = 100,
           .columns = {weights, milliseconds, tflops},
           .configurations = std::move(basic)},
          {.name = "inmem_bench",
           .title = "one 1x1 convolution: what a call takes, size by size",
           .warmups = 5,
           .runs = 50,
           .columns = {weights, milliseconds, tflops},
           .configurations = sizes({256, 512, 1024, 2048, 3072, 4096})},
          {.name = "sram_bench",
           .title = "one 1x1 convolution: memory against time",
           .warmups = 5,
           .runs = 30,
           .columns = {weights, activations, total, milliseconds, tflops},
           .configurations = sizes({256, 512, 1024, 2048, 3072, 4096, 5120, 6144, 8192}),
           .seeks_cliff = true},
          {.name = "sram_probe",
           .title = "one 1x1 convolution: where weights outgrow the fast memory",
           .warmups = 5,
           .runs = 50,
           .columns = {weights, milliseconds, tflops, density},
           .configurations = sizes({256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4608, 5120, 6144, 8192}),
           .seeks_cliff = true},
          {.name = "int8",
           .title = "chains of 1x1 convolutions in fp16, and with int8 weights and activations (W8A8)",
           .warmups = 10,
           .runs = 50,
           .columns = {gflop, milliseconds, tflops, speedup},
           .configurations = int8_configurations()}};
}

}  // namespace

std::span<const Benchmark> suite() {
  static const std::vector<Benchmark> benchmarks = make_suite();
  return benchmarks;
}

std::vector<std::string> suite_names() {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : suite()) names.push_back(benchmark.name);
  names.emplace_back("all");
  return names;
}

}  // namespace anemone::bench
