// The backward kernels against finite differences of the forward kernels, and against the gradients that mil::gradient
// derives from these: a loss Σ r∘output with random r, so that r is the gradient by the output.
#include <gtest/gtest.h>

#include <functional>

#include "mil/gradient.h"
#include "model/expressions.h"
#include "model/kernel_testing.h"
#include "model/kernels.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;

constexpr double kTolerance = 1e-6;
constexpr double kExact = 1e-11;  // between two ways to write one formula
const double kStep = std::exp2(-17);

using Loss = std::function<double(const Matrix& x)>;

double slope(const Loss& loss, const Matrix& x, const Matrix& direction) {
  Matrix up = x, down = x;
  for (size_t i = 0; i < x.data.size(); ++i) {
    up.data[i] += kStep * direction.data[i];
    down.data[i] -= kStep * direction.data[i];
  }
  return (loss(up) - loss(down)) / (2 * kStep);
}

// Element by element, by central differences.
Matrix numeric_gradient(const Loss& loss, const Matrix& x) {
  Matrix gradient = Matrix::zeros(x.rows, x.columns), direction = gradient;
  for (size_t i = 0; i < x.data.size(); ++i) {
    direction.data[i] = 1;
    gradient.data[i] = slope(loss, x, direction);
    direction.data[i] = 0;
  }
  return gradient;
}

Matrix sum(Matrix x, const Matrix& y) {
  for (size_t i = 0; i < x.data.size(); ++i) x.data[i] += y.data[i];
  return x;
}

Matrix scaled(Matrix x, double factor) {
  for (double& value : x.data) value *= factor;
  return x;
}

// A forward kernel's backward pass as it is derived from the kernel: the gradients by all of its input, given those by
// outputs. What is not given is zero.
class Derived {
 public:
  Derived(Result<Kernel> kernel, const WeightMatrices& weights)
      : kernel_(std::move(kernel).value()), weights_(weights) {
    const mil::Weights constants = constants_of(kernel_, weights_);
    const mil::Function backward = mil::gradient(kernel_.function, {}, &constants).value();
    interpreter_ = mil::Interpreter::create(backward, constants, mil::Rounding::none).value();
  }

  Slots operator()(const Slots& inputs, const Slots& output_gradients) const {
    mil::Array dy{kernel_.output, std::vector<double>(size_t(kernel_.output.count()))};
    for (const auto& [name, gradient] : output_gradients) put(gradient, kernel_.out(name), dy);
    const mil::Array dx = interpreter_->run({pack(kernel_, inputs, weights_), dy})[0];
    Slots gradients;
    for (const Slot& slot : kernel_.inputs) gradients[slot.name] = get(dx, slot);
    return gradients;
  }

 private:
  Kernel kernel_;
  WeightMatrices weights_;
  std::optional<mil::Interpreter> interpreter_;
};

class GradientTest : public testing::TestWithParam<Geometry> {
 protected:
  const Geometry& g = GetParam();
  const Config& c = g.config;
  const WeightMatrices weights = random_weights(c, 1);
  const Matrix x = random_matrix(c.dim, g.tokens(), 2);
  const Matrix r = random_matrix(c.dim, g.tokens(), 3);

  // dq and dk by q_raw and k_raw.
  void through_head_norms(WeightSource source, Slots& slots) const {
    if (!c.qk_norm) return;
    for (const auto& [norm, gradient, raw] : {std::tuple{q_norm, "dq", "q_raw"}, std::tuple{k_norm, "dk", "k_raw"}}) {
      Slots s{{"dy", slots.at(gradient)}, {"x", slots.at(raw)}};
      run(head_norm_backward(g, source, norm), weights, s);
      slots[gradient] = s.at("dx");
    }
  }

  Matrix through_norm(WeightSource source, Weight norm, const Matrix& input, const Matrix& dy) const {
    Slots slots{{"x", input}, {"dy", dy}};
    run(norm_backward(g, source, norm), weights, slots);
    return slots.at("dx");
  }

  // All slots of the dynamic attention's backward pass, given xn, for r the gradient by o.
  Slots dynamic_attention(const Matrix& xn) const {
    Slots slots{{"xn", xn}, {"dx2", r}};
    run(sdpa_forward(g), weights, slots);
    run(wo_backward(g), weights, slots);
    run(sdpa_backward1(g, dynamic), weights, slots);
    run(sdpa_backward2(g, dynamic), weights, slots);
    through_head_norms(dynamic, slots);
    return slots;
  }

  // All slots of the dynamic feed-forward network's backward pass, for r the gradient by x_next.
  Slots dynamic_ffn(const Slots& inputs) const {
    Slots slots = inputs;
    run(ffn_fused(g), weights, slots);
    slots["df"] = scaled(r, c.residual_scale);
    run(ffn_backward_w2(g), weights, slots);
    through_swiglu(slots);
    return slots;
  }

  // The host's part of the dynamic backward pass, by its expression.
  void through_swiglu(Slots& slots) const {
    mil::Builder b;
    const mil::TensorType type{mil::DType::fp32, {1, c.hidden, 1, g.tokens()}};
    Value h1 = b.input("h1", type), h3 = b.input("h3", type), dg = b.input("dg", type);
    const auto [dh1, dh3] = swiglu_backward(h1, h3, dg);
    b.output("dh1", dh1);
    b.output("dh3", dh3);
    const auto interpreter = mil::Interpreter::create(b.finish().value(), {}, mil::Rounding::none).value();
    const auto results = interpreter.run(
        std::vector<mil::Array>{{type, slots.at("h1").data}, {type, slots.at("h3").data}, {type, slots.at("dg").data}});
    slots["dh1"] = {c.hidden, g.tokens(), results[0].data};
    slots["dh3"] = {c.hidden, g.tokens(), results[1].data};
  }

  // A weight's gradient dy·xᵀ against the slope of `loss` along two random directions.
  void expect_weight_gradient(Weight weight, const Matrix& dy, const Matrix& input,
                              const std::function<double(const WeightMatrices&)>& loss) const {
    const Matrix gradient = product(dy, transposed(input));
    const Loss of_weight = [&](const Matrix& w) {
      WeightMatrices changed = weights;
      changed[weight] = w;
      return loss(changed);
    };
    for (uint64_t seed : {10, 11}) {
      const Matrix direction = random_matrix(gradient.rows, gradient.columns, seed);
      const double expected = slope(of_weight, weights.at(weight), direction);
      const double largest = std::sqrt(inner_product(gradient, gradient));
      EXPECT_NEAR(inner_product(gradient, direction), expected, kTolerance * largest) << int(weight);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, GradientTest, testing::ValuesIn(kernel_cases()), CaseName());

TEST_P(GradientTest, BakedAttention) {
  const KernelRun forward(attention_forward(g), weights);
  Slots slots{{"x", x}, {"dx2", r}};
  run(attention_forward(g), weights, slots);
  run(sdpa_backward1(g, baked), weights, slots);
  run(sdpa_backward2(g, baked), weights, slots);
  through_head_norms(baked, slots);
  run(qkv_backward(g), weights, slots);
  const Matrix dx = through_norm(baked, attention_norm, x, slots.at("dx"));
  const Loss loss = [&](const Matrix& at) { return inner_product(forward({{"x", at}}).at("o"), r); };
  EXPECT_LT(relative_error(dx, numeric_gradient(loss, x)), kTolerance);
  const Derived derived(attention_forward(g), weights);
  EXPECT_LT(relative_error(dx, derived({{"x", x}}, {{"o", r}}).at("x")), kExact);
}

TEST_P(GradientTest, DynamicAttention) {
  const KernelRun sdpa(sdpa_forward(g), weights), wo_product(wo_forward(g), weights);
  Slots slots = dynamic_attention(x);
  Slots q_part = slots, kv_part = slots;
  run(q_backward(g), weights, q_part);
  run(kv_backward(g), weights, kv_part);
  const Matrix dx = sum(q_part.at("dx"), kv_part.at("dx"));
  const Loss loss = [&](const Matrix& at) { return inner_product(wo_product(sdpa({{"xn", at}})).at("o"), r); };
  EXPECT_LT(relative_error(dx, numeric_gradient(loss, x)), kTolerance);
  const Matrix da = Derived(wo_forward(g), weights)({{"a", slots.at("a")}}, {{"o", r}}).at("a");
  EXPECT_LT(relative_error(slots.at("da"), da), kExact);
  EXPECT_LT(relative_error(dx, Derived(sdpa_forward(g), weights)({{"xn", x}}, {{"a", da}}).at("xn")), kExact);
}

TEST_P(GradientTest, DynamicAttentionsWeights) {
  const KernelRun sdpa(sdpa_forward(g), weights), wo_product(wo_forward(g), weights);
  const Slots slots = dynamic_attention(x);
  const auto loss = [&](const WeightMatrices& w) {
    return inner_product(wo_product(sdpa({{"xn", x}}, w), w).at("o"), r);
  };
  expect_weight_gradient(wq, slots.at("dq"), x, loss);
  expect_weight_gradient(wk, slots.at("dk"), x, loss);
  expect_weight_gradient(wv, slots.at("dv"), x, loss);
  expect_weight_gradient(wo, r, slots.at("a"), loss);
}

TEST_P(GradientTest, BakedFeedForward) {
  const KernelRun forward(ffn_forward(g), weights);
  Slots slots = forward({{"x2", x}});
  slots["df"] = r;
  run(ffn_backward(g), weights, slots);
  const Matrix dx = through_norm(baked, ffn_norm, x, slots.at("dx"));
  const Loss loss = [&](const Matrix& at) { return inner_product(forward({{"x2", at}}).at("f"), r); };
  EXPECT_LT(relative_error(dx, numeric_gradient(loss, x)), kTolerance);
  EXPECT_LT(relative_error(dx, Derived(ffn_forward(g), weights)({{"x2", x}}, {{"f", r}}).at("x2")), kExact);
}

TEST_P(GradientTest, DynamicFeedForward) {
  const KernelRun forward(ffn_fused(g), weights);
  const Matrix x2 = random_matrix(c.dim, g.tokens(), 4);
  Slots slots = dynamic_ffn({{"x2n", x}, {"x2", x2}});
  run(ffn_backward_w13(g), weights, slots);
  const Loss by_norm = [&](const Matrix& at) {
    return inner_product(forward({{"x2n", at}, {"x2", x2}}).at("x_next"), r);
  };
  const Loss by_residual = [&](const Matrix& at) {
    return inner_product(forward({{"x2n", x}, {"x2", at}}).at("x_next"), r);
  };
  EXPECT_LT(relative_error(slots.at("dx"), numeric_gradient(by_norm, x)), kTolerance);
  EXPECT_LT(relative_error(r, numeric_gradient(by_residual, x2)), kTolerance);
  const Slots derived = Derived(ffn_fused(g), weights)({{"x2n", x}, {"x2", x2}}, {{"x_next", r}});
  EXPECT_LT(relative_error(slots.at("dx"), derived.at("x2n")), kExact);
  EXPECT_LT(relative_error(r, derived.at("x2")), kExact);
}

TEST_P(GradientTest, DynamicFeedForwardsWeights) {
  const KernelRun forward(ffn_fused(g), weights);
  const Slots inputs{{"x2n", x}, {"x2", r}};
  const Slots slots = dynamic_ffn(inputs);
  const auto loss = [&](const WeightMatrices& w) { return inner_product(forward(inputs, w).at("x_next"), r); };
  expect_weight_gradient(w1, slots.at("dh1"), x, loss);
  expect_weight_gradient(w3, slots.at("dh3"), x, loss);
  expect_weight_gradient(w2, slots.at("df"), slots.at("g"), loss);
}

TEST_P(GradientTest, Norms) {
  for (const Weight norm : {attention_norm, ffn_norm, final_norm}) {
    for (const WeightSource source : {baked, dynamic}) {
      const KernelRun forward(norm_forward(g, source, norm), weights);
      const Loss loss = [&](const Matrix& at) { return inner_product(forward({{"x", at}}).at("y"), r); };
      const Matrix dx = through_norm(source, norm, x, r);
      EXPECT_LT(relative_error(dx, numeric_gradient(loss, x)), kTolerance);
      const Derived derived(norm_forward(g, source, norm), weights);
      EXPECT_LT(relative_error(dx, derived({{"x", x}}, {{"y", r}}).at("x")), kExact);
    }
  }
}

// Where both sources have a kernel, they give the same numbers.
TEST_P(GradientTest, TheSourcesAgree) {
  EXPECT_LT(relative_error(through_norm(baked, ffn_norm, x, r), through_norm(dynamic, ffn_norm, x, r)), 1e-12);
  Slots slots = dynamic_attention(x);
  Slots by_constants = slots, by_surface = slots;
  run(sdpa_backward1(g, baked), weights, by_constants);
  run(sdpa_backward2(g, baked), weights, by_constants);
  run(sdpa_backward2(g, dynamic), weights, by_surface);
  for (const std::string name : {"dv", "p", "dp"}) {
    EXPECT_LT(relative_error(by_constants.at(name), slots.at(name)), 1e-12) << name;
  }
  for (const std::string name : {"dq", "dk"}) {
    EXPECT_LT(relative_error(by_constants.at(name), by_surface.at(name)), 1e-12) << name;
  }
  for (const WeightSource source : {baked, dynamic}) {
    Slots whole = slots;
    run(sdpa_backward(g, source), weights, whole);
    for (const std::string name : {"dq", "dk", "dv"}) {
      EXPECT_LT(relative_error(whole.at(name), by_constants.at(name)), 1e-12) << name;
    }
  }
  through_head_norms(baked, by_constants);
  EXPECT_LT(relative_error(by_constants.at("dq"), slots.at("dq")), 1e-12);
  EXPECT_LT(relative_error(by_constants.at("dk"), slots.at("dk")), 1e-12);
}

}  // namespace
}  // namespace anemone::model
