// A program for the conformance suite in the making: a builder whose weights are drawn as they are declared.
//
//   Draft d(DType::fp32, seed);
//   d.output("y", conv(d.input("x", {1, 3, 1, 5}), d.weight({4, 3, 1, 1})));
#pragma once

#include <fmt/format.h>

#include "base/random.h"
#include "mil/builder.h"

namespace anemone::conformance {

struct Draft {
  mil::DType dtype;
  Random random;
  mil::Builder builder;
  mil::Weights weights;
  int drawn = 0;

  Draft(mil::DType element, uint64_t seed) : dtype(element), random(seed) {}

  mil::Value input(const std::string& name, mil::Shape shape) { return builder.input(name, {dtype, std::move(shape)}); }
  void output(const std::string& name, mil::Value value) { builder.output(name, value); }

  mil::Tensor tensor(mil::Shape shape, double scale = 1) {
    std::vector<double> values(size_t(mil::count(shape)));
    for (double& value : values) value = scale * random.normal();
    return mil::Tensor::from_numbers({dtype, std::move(shape)}, values);
  }
  // A constant in a weight file.
  mil::Value weight(mil::Shape shape, double scale = 1) {
    const std::string name = fmt::format("w{}", drawn++);
    const mil::Tensor drawn_tensor = tensor(std::move(shape), scale);
    weights.set(mil::weight_file(name), drawn_tensor);
    return builder.weight(name, drawn_tensor.type());
  }
  // An immediate constant.
  mil::Value constant(mil::Shape shape) { return builder.constant(tensor(std::move(shape))); }

  mil::Value op(std::string_view name, const mil::Builder::Arguments& arguments) {
    return builder.apply(name, arguments);
  }
  mil::Value op(std::string_view name, mil::Value x) { return op(name, {{"x", x}}); }
};

}  // namespace anemone::conformance
