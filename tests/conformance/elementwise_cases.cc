#include "op_cases.h"

namespace anemone::conformance {
namespace {

using mil::concat;
using mil::Shape;
using mil::Value;

OpCase binary(const std::string& op, const std::string& what, const Shape& x, const Shape& y) {
  return {op + what,
          [=](Draft& d) {
            d.output("z", d.op(op, {{"x", d.input("x", x)}, {"y", d.input("y", y)}}));
          },
          true};
}

OpCase power(const std::string& what, double exponent) {
  return {"pow_" + what, [exponent](Draft& d) { d.output("y", pow(d.input("x", {3, 5, 1, 17}), exponent)); }, true};
}

void write_rmsnorm(Draft& d) {
  const Value x = d.input("x", {1, 37, 1, 19});
  const Value scale = pow(sum(x * x, 1) * (1.0 / 37) + 1e-5, -0.5);
  d.output("y", x * scale * d.weight({1, 37, 1, 1}));
}

// Two results of one chain, of which one is read again inside it.
void write_silu_backward(Draft& d) {
  const Value h1 = d.input("h1", {1, 13, 1, 70}), h3 = d.input("h3", {1, 13, 1, 70}), u = d.input("u", {1, 13, 1, 70});
  const Value s = sigmoid(h1);
  d.output("dh1", u * h3 * s * (1 + h1 * (1 - s)));
  d.output("dh3", u * h1 * s);
  d.output("s", s);
}

void write_long_chain(Draft& d) {
  Value x = d.input("x", {1, 5, 3, 700});
  Value y = x;
  for (int i = 0; i < 40; ++i) y = i % 3 == 0 ? sigmoid(y) : y * 1.25 + x;
  d.output("y", d.op("tanh", y));
}

// Rotary embedding of interleaved pairs: y = q·cos + (−odd, even)·sin.
void write_rotary(Draft& d) {
  const Value q = transpose(reshape(d.input("q", {1, 24, 1, 5}), {1, 3, 8, 5}), {0, 1, 3, 2});
  const Value pairs = reshape(q, {1, 3, 5, 4, 2});
  const Value turned = concat({slice(pairs, 4, 1, 1) * -1.0, slice(pairs, 4, 0, 1)}, 4);
  const Value y = q * d.weight({1, 1, 5, 8}) + reshape(turned, {1, 3, 5, 8}) * d.weight({1, 1, 5, 8});
  d.output("y", reshape(transpose(y, {0, 1, 3, 2}), {1, 24, 1, 5}));
}

}  // namespace

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  cases.push_back(binary("add", "_same", {1, 3, 1, 1031}, {1, 3, 1, 1031}));
  cases.push_back(binary("mul", "_both_broadcast", {2, 1, 3, 5}, {4, 1, 5}));
  cases.push_back(binary("pow", "_channel_weight", {1, 11, 1, 20}, {1, 11, 1, 1}));
  cases.push_back(binary("maximum", "_left_row", {1, 1, 1, 20}, {1, 11, 1, 20}));
  cases.push_back(binary("real_div", "_scalar", {}, {3}));
  for (double exponent : {1.0, 2.0, 3.0, 0.5, -0.5, -1.0, 0.3}) {
    cases.push_back(power(std::to_string(cases.size()), exponent));
  }
  cases.push_back({"log_of_zero_and_below", [](Draft& d) {
                     const Value x = d.op("relu", d.input("x", {50}));
                     d.output("y", d.op("log", {{"x", x}, {"epsilon", mil::Tensor::scalar(d.dtype, 0)}}));
                   }});
  // Of fp16 the default epsilons are 0.
  cases.push_back({"default_epsilons_at_zero", [](Draft& d) {
                     const Value x = d.op("relu", d.input("x", {50}));
                     d.output("a", d.op("log", x));
                     d.output("b", d.op("rsqrt", x));
                   }});
  // In fp32 the quotient is beyond what a double holds.
  cases.push_back({"mod_of_far_apart", [](Draft& d) {
                     const Value x = d.input("x", {50}) * 0x1p70;
                     d.output("y", d.op("mod", {{"x", x}, {"y", mil::Tensor::scalar(d.dtype, 3)}}));
                   }});
  cases.push_back(
      {"exp_overflows", [](Draft& d) { d.output("y", d.op("exp", d.input("x", {40}) * 200.0)); }, false, 64});
  cases.push_back({"sigmoid_far_out", [](Draft& d) { d.output("y", sigmoid(d.input("x", {40}) * 200.0)); }});
  cases.push_back({"epsilons_given",
                   [](Draft& d) {
                     const Value x = d.input("x", {2, 9});
                     const auto epsilon = mil::Tensor::scalar(d.dtype, 0.5);
                     d.output("a", d.op("rsqrt", {{"x", x}, {"epsilon", epsilon}}));
                     d.output("b", d.op("inverse", {{"x", x}, {"epsilon", epsilon}}));
                   },
                   true});
  cases.push_back({"rmsnorm", write_rmsnorm, false, 32});
  cases.push_back({"silu_backward", write_silu_backward, false, 32});
  cases.push_back({"long_chain", write_long_chain, false, 64});
  cases.push_back({"rotary", write_rotary});
  cases.push_back({"folded", [](Draft& d) {
                     const Value w = d.constant({4, 5}) * d.constant({5}) + 1.5;
                     d.output("y", d.input("x", {4, 5}) + transpose(transpose(w, {1, 0}), {1, 0}));
                   }});
  return cases;
}

}  // namespace anemone::conformance
