// Programs on the simulator without its limits, on both of its implementations.
//
//   Draft d;
//   d.builder.output("y", d.input("x", {4}) * 2.0);
//   patterns_of(run(Chip::m4, d, {halves({4}, {1, 2, 3, 4})})[0])
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "device/execute.h"
#include "device/sim/arithmetic/number.h"
#include "device/sim/sim_device.h"
#include "mil/builder.h"

namespace anemone::sim {

using Halves = std::vector<Half>;

struct Draft {
  mil::Builder builder;
  mil::Weights weights;

  mil::Value input(const std::string& name, const mil::Shape& shape) {
    return builder.input(name, {mil::DType::fp16, shape});
  }
  // A constant in a weight file of its own.
  mil::Value weight(const std::string& name, const mil::Tensor& tensor) {
    weights.set(mil::weight_file(name), tensor);
    return builder.weight(name, tensor.type());
  }
};

inline mil::Tensor of_patterns(const mil::Shape& shape, const Halves& patterns) {
  const auto bytes = std::as_bytes(std::span(patterns));
  return mil::Tensor::own({mil::DType::fp16, shape}, {bytes.begin(), bytes.end()});
}

inline mil::Tensor halves(const mil::Shape& shape, const std::vector<double>& numbers) {
  Halves patterns;
  for (double number : numbers) patterns.push_back(half_away(number));
  return of_patterns(shape, patterns);
}

inline Halves patterns_of(const mil::Tensor& tensor) {
  Halves patterns(size_t(tensor.type().count()));
  std::memcpy(patterns.data(), tensor.bytes().data(), tensor.bytes().size());
  return patterns;
}

inline Half any_half(Random& random) { return {uint16_t(random.below(65536))}; }

// Of a magnitude about 2^exponent, of either sign.
inline Halves near(Random& random, int64_t count, int exponent) {
  Halves halves;
  for (int64_t i = 0; i < count; ++i) halves.push_back(half_away(std::ldexp(random.normal(), exponent)));
  return halves;
}

// As tests/golden/sim/engine.py draws: up to 2^exponent in size.
inline Halves drawn(uint64_t seed, int64_t count, int exponent) {
  Random random(seed);
  Halves halves;
  for (int64_t i = 0; i < count; ++i) {
    halves.push_back(half_away(std::ldexp(double(random.below(65536)) - 32768, exponent - 15)));
  }
  return halves;
}

// What a script of tests/golden/sim wrote.
inline nlohmann::json golden(const std::string& name) {
  const std::string path = ANEMONE_SOURCE_DIR "/tests/golden/sim/" + name;
  return *parse_json(*read_text(path), path);
}

// FNV-1a of 64 bits over the bytes of halves, low first.
inline std::string checksum(const Halves& halves) {
  uint64_t sum = 0xCBF29CE484222325;
  for (Half half : halves) {
    for (int byte : {half.bits & 255, half.bits >> 8}) sum = (sum ^ uint64_t(byte)) * 0x100000001B3;
  }
  return fmt::format("{:016x}", sum);
}

// Leaves numbers in the memory that the device's programs share, so that none can count on zeros there.
inline void litter(Device& device) {
  mil::Builder b;
  const mil::Shape shape{1 << 17};
  b.output("y", b.apply("identity", {{"x", b.input("x", {mil::DType::fp16, shape})}}));
  const auto litter = of_patterns(shape, Halves(1 << 17, Half{0x5A5A}));
  EXPECT_TRUE(execute(device, *b.finish(), {}, {litter}));
}

// By the two implementations, which must give the same bits.
inline Execution run_both(mil::Chip chip, const mil::Function& function, const mil::Weights& weights,
                          const std::vector<mil::Tensor>& inputs, int repeat = 1) {
  std::vector<Execution> executions;
  for (Implementation implementation : {Implementation::readable, Implementation::vectors}) {
    const auto device = open_without_limits({chip}, implementation);
    litter(*device);
    auto execution = execute(*device, function, weights, inputs, repeat);
    EXPECT_TRUE(execution) << execution.error().message;
    CHECK(execution.has_value());
    executions.push_back(std::move(*execution));
  }
  const auto expect_same = [](const std::vector<mil::Tensor>& a, const std::vector<mil::Tensor>& b) {
    EXPECT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(a[i].bytes(), b[i].bytes())) << "the implementations differ in output " << i;
    }
  };
  expect_same(executions[0].outputs, executions[1].outputs);
  expect_same(executions[0].states, executions[1].states);
  return std::move(executions[0]);
}

inline std::vector<mil::Tensor> run(mil::Chip chip, Draft& draft, const std::vector<mil::Tensor>& inputs) {
  const auto function = draft.builder.finish();
  EXPECT_TRUE(function) << function.error().message;
  CHECK(function.has_value());
  return run_both(chip, *function, draft.weights, inputs).outputs;
}

}  // namespace anemone::sim
