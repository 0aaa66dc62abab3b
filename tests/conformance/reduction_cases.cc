#include "op_cases.h"

namespace anemone::conformance {
namespace {

using mil::concat;
using mil::Shape;
using mil::Tensor;
using mil::Value;

OpCase reduction(const std::string& op, const std::string& what, const Shape& shape,
                 const std::optional<std::vector<int64_t>>& axes, bool keep) {
  return {op + what, [=](Draft& d) {
            mil::Builder::Arguments arguments{{"x", d.input("x", shape)}, {"keep_dims", Tensor::boolean(keep)}};
            if (axes) arguments.emplace_back("axes", Tensor::ints(*axes));
            d.output("y", d.op(op, arguments));
          }};
}

OpCase softmax_case(const std::string& what, const Shape& shape, int64_t axis) {
  return {"softmax" + what, [=](Draft& d) { d.output("y", softmax(d.input("x", shape) * 3.0, axis)); }};
}

OpCase softmax_of_view(const std::string& what, int64_t axis) {
  return {"softmax_of_transposed" + what, [axis](Draft& d) {
            const Value x = transpose(d.input("x", {2, 7, 9, 11}), {0, 1, 3, 2});
            d.output("y", softmax(x, axis));
            d.output("m", sum(x, axis));
          }};
}

void write_masked_softmax(Draft& d) {
  const Value x = d.input("x", {1, 3, 9, 9});
  std::vector<double> mask(81);
  for (size_t i = 0; i < 81; ++i) mask[i] = i % 9 <= i / 9 ? 0 : -65504;
  d.output("y", softmax(x * 0.125 + d.builder.constant(Tensor::from_numbers({d.dtype, {1, 1, 9, 9}}, mask)), -1));
}

void write_softmax_backward(Draft& d) {
  const Value p = softmax(d.input("x", {1, 3, 10, 17}), -1), dp = d.input("dp", {1, 3, 10, 17});
  d.output("dx", p * (dp - sum(p * dp, -1)) * 0.125);
}

// A reduction of strided elements, and one whose result stands between others.
void write_reduced_slices(Draft& d) {
  const Value x = d.input("x", {3, 8, 10});
  const Value pairs = slice(reshape(x, {3, 8, 5, 2}), 3, 1, 1);
  d.output("a", sum(pairs, 2));
  d.output("b", sum(pairs, 1));
  d.output("c", concat({slice(x, 1, 0, 2), sum(x, 1), slice(x, 1, 5, 3)}, 1));
}

}  // namespace

std::vector<OpCase> reduction_cases() {
  std::vector<OpCase> cases;
  for (const char* op : {"reduce_sum", "reduce_max"}) {
    cases.push_back(reduction(op, "_last", {1, 3, 5, 77}, {{-1}}, true));
    cases.push_back(reduction(op, "_channels", {1, 301, 1, 130}, {{1}}, true));
    cases.push_back(reduction(op, "_one_column", {1, 301, 1, 1}, {{1}}, true));
    cases.push_back(reduction(op, "_outer_and_last", {3, 4, 5, 6}, {{0, -1}}, false));
    cases.push_back(reduction(op, "_middle", {3, 4, 5, 6}, {{1, 2}}, false));
    cases.push_back(reduction(op, "_all", {3, 4, 5}, std::nullopt, false));
    cases.push_back(reduction(op, "_none", {3, 4, 1}, {{2}}, false));
  }
  cases.push_back(softmax_case("_last", {1, 2, 5, 67}, -1));
  cases.push_back(softmax_case("_channels", {1, 1000, 1, 131}, 1));
  cases.push_back(softmax_case("_first", {7, 3, 5}, 0));
  cases.push_back(softmax_case("_middle", {2, 7, 3, 5}, -2));
  cases.push_back(softmax_case("_of_one", {2, 7, 1, 5}, 2));
  cases.push_back(softmax_case("_column", {1, 9, 1, 1}, 1));
  for (int64_t axis = 0; axis < 4; ++axis) cases.push_back(softmax_of_view("_axis" + std::to_string(axis), axis));
  cases.push_back({"softmax_masked", write_masked_softmax});
  cases.push_back({"softmax_backward", write_softmax_backward, false, 32});
  cases.push_back({"reduced_slices", write_reduced_slices});
  return cases;
}

}  // namespace anemone::conformance
