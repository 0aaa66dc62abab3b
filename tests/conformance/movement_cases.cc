#include "op_cases.h"

namespace anemone::conformance {
namespace {

using mil::concat;
using mil::Shape;
using mil::Tensor;
using mil::Value;

OpCase of_x(const std::string& name, const Shape& shape, Value (*f)(Value)) {
  return {name, [=](Draft& d) { d.output("y", f(d.input("x", shape))); }};
}

Value interleaved(std::vector<Value> values, int64_t axis) {
  return values[0].builder().apply(
      "concat", {{"values", values}, {"axis", Tensor::integer(axis)}, {"interleave", Tensor::boolean(true)}});
}

void write_shared_parts(Draft& d) {
  const Value x = d.input("x", {1, 4, 1, 6});
  const Value a = sigmoid(x), b = d.op("tanh", x);
  const Value inner = concat({a, b, a}, 1);
  d.output("y", concat({b, inner, slice(inner, 1, 3, 2), x, d.constant({1, 2, 1, 6})}, 1));
  d.output("a", a);
  d.output("z", inner * 2.0);
}

void write_two_concats(Draft& d) {
  const Value a = d.op("abs", d.input("x", {2, 3, 5})), b = d.op("square", a);
  d.output("y", concat({a, b}, 0));
  d.output("z", concat({b, a}, -1));
  d.output("w", interleaved({a, b}, 1));
}

void write_outputs_of_views(Draft& d) {
  const Value x = d.input("x", {2, 3, 4}), y = x * x;
  d.output("slice", slice(y, 2, 1, 2));
  d.output("transposed", transpose(y, {2, 0, 1}));
  d.output("flat", reshape(transpose(y, {1, 2, 0}), {24}));
  d.output("itself", y);
  d.output("input", x);
  d.output("constant", d.constant({2, 2}));
}

void write_casts(Draft& d) {
  const Value x = d.builder.input("x", {mil::DType::fp32, {3, 7}});
  const Value h = cast(x, mil::DType::fp16);
  d.output("h", h);
  d.output("y", cast(h * h, mil::DType::fp32) + x);
}

}  // namespace

std::vector<OpCase> movement_cases() {
  return {
      of_x("reshape_scalar", {1, 1}, [](Value x) { return reshape(x, {1}) * 2.0; }),
      of_x("reshape_of_transposed", {3, 4, 5},
           [](Value x) {
             return reshape(transpose(x, {1, 0, 2}), {2, 6, 5});
           }),
      of_x("reshape_of_sliced", {3, 4, 6},
           [](Value x) {
             return reshape(slice(x, 2, 1, 4), {12, 4});
           }),
      of_x("transpose_large", {130, 67},
           [](Value x) {
             return transpose(x, {1, 0});
           }),
      of_x("transpose_batches", {9, 40, 3, 33},
           [](Value x) {
             return transpose(x, {0, 3, 2, 1});
           }),
      of_x("slice_channels", {1, 9, 1, 7}, [](Value x) { return slice(x, 1, 2, 5); }),
      of_x("slice_one_column", {4, 9}, [](Value x) { return slice(x, 1, 8, 1); }),
      of_x("slice_used_twice", {1, 9, 1, 70},
           [](Value x) { return slice(x, 3, 5, 60) * slice(x, 3, 0, 60) + sum(x, 3); }),
      of_x("concat_of_input_twice", {2, 3},
           [](Value x) {
             return concat({x, x}, -1);
           }),
      {"concat_shared_parts", write_shared_parts},
      {"concat_twice", write_two_concats},
      {"outputs_of_views", write_outputs_of_views},
      {"casts", write_casts},
  };
}

std::vector<OpCase> op_cases() {
  std::vector<OpCase> cases;
  for (auto* family : {&elementwise_cases, &product_cases, &reduction_cases, &movement_cases}) {
    for (OpCase& op_case : (*family)()) cases.push_back(std::move(op_case));
  }
  return cases;
}

}  // namespace anemone::conformance
