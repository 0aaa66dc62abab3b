// Every kernel of the model on every device and precision against the interpreter in double precision, with the
// operands of a pass through a layer.
#include <gtest/gtest.h>

#include "compare.h"
#include "model/kernel_testing.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;

struct Target {
  std::string device;
  Precision precision;

  // Full floats in fp32 programs, the narrower precisions in the fp16 programs they are for.
  mil::DType dtype() const { return precision == Precision::fp32 ? mil::DType::fp32 : mil::DType::fp16; }
  std::string name() const { return device + "_" + std::string(to_string(precision)); }
};

// How far an output may be off, as a part of its largest element: epsilons of what the precision rounds to. A kernel
// chains up to four matrix products with norms and a softmax between them, each of which adds a rounding; the powers
// and exponentials of fp32 add some more.
double tolerance(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return 16 * std::exp2(-23);
    case Precision::fp16:
      return 4 * std::exp2(-10);
    case Precision::bf16:
      return 4 * std::exp2(-7);
  }
  return 0;
}

std::vector<Target> targets() {
  std::vector<Target> targets;
  for (const std::string& device : conformance::devices_under_test()) {
    for (const Precision precision : {Precision::fp32, Precision::fp16, Precision::bf16}) {
      if (open_device(device, {precision})) targets.push_back({device, precision});
    }
  }
  return targets;
}

std::vector<Geometry> geometries() {
  std::vector<Geometry> all = kernel_cases();
  Geometry larger = all[1];
  larger.config.name = "larger_half_norms_batch2";
  larger.config.dim = 64;
  larger.config.hidden = 176;
  larger.config.head_dim = 24;
  larger.config.vocab = 300;
  larger.seq = 33;
  all.push_back(larger);
  return all;
}

struct KernelCase {
  Kernel kernel;
  Slots slots;
};

// The operands of all kernels of a layer, by name.
Slots training_slots(const Geometry& g, const WeightMatrices& weights) {
  const Config& c = g.config;
  const Matrix gradient = random_matrix(c.dim, g.tokens(), 5, 1.0 / 16);
  Slots slots{{"x", random_matrix(c.dim, g.tokens(), 2)},
              {"x2", random_matrix(c.dim, g.tokens(), 3)},
              {"df", gradient},
              {"dy", gradient},
              {"dx2", gradient}};
  run(attention_forward(g), weights, slots);
  run(ffn_forward(g), weights, slots);
  run(model::classifier(g, baked), weights, slots);
  run(wo_backward(g), weights, slots);
  run(sdpa_backward1(g, baked), weights, slots);
  run(sdpa_backward2(g, baked), weights, slots);
  run(ffn_backward(g), weights, slots);
  return slots;
}

std::vector<KernelCase> all_kernels(const Geometry& g, const WeightMatrices& weights) {
  const Slots slots = training_slots(g, weights);
  std::vector<KernelCase> cases;
  const auto add = [&](Result<Kernel> kernel, const Slots& operands) {
    cases.push_back({std::move(kernel).value(), operands});
  };
  for (auto* make : {attention_forward, ffn_forward, ffn_backward, qkv_backward, sdpa_forward, wo_forward, ffn_fused,
                     ffn_backward_w2, ffn_backward_w13, wo_backward, q_backward, kv_backward, vocabulary_softmax}) {
    add(make(g), slots);
  }
  for (const WeightSource source : {baked, dynamic}) {
    add(sdpa_backward1(g, source), slots);
    add(sdpa_backward2(g, source), slots);
    add(norm_forward(g, source, final_norm), slots);
    add(norm_backward(g, source, attention_norm), slots);
    add(model::classifier(g, source), slots);
    if (!g.config.qk_norm) continue;
    add(head_norm_backward(g, source, q_norm), {{"dy", slots.at("dq")}, {"x", slots.at("q_raw")}});
    add(head_norm_backward(g, source, k_norm), {{"dy", slots.at("dk")}, {"x", slots.at("k_raw")}});
  }
  return cases;
}

Result<mil::Array> run_on(Device& device, const Kernel& kernel, const mil::Weights& constants,
                          const mil::Array& input) {
  const auto program = TRY(device.compile(kernel.function, constants));
  const auto x = TRY(device.allocate(kernel.input.bytes())), y = TRY(device.allocate(kernel.output.bytes()));
  const auto request = TRY(program->bind({x.get()}, {y.get()}));
  {
    const mil::Tensor packed = mil::to_tensor(input);
    const Map map = x->map(Access::write);
    std::ranges::copy(packed.bytes(), map.bytes().begin());
  }
  TRY(request->run());
  const Map map = y->map(Access::read);
  return mil::to_array(mil::Tensor::view(kernel.output, map.bytes().first(kernel.output.bytes())));
}

class KernelConformanceTest : public testing::TestWithParam<std::tuple<Target, Geometry>> {};

TEST_P(KernelConformanceTest, MatchesTheInterpreter) {
  auto [target, g] = GetParam();
  g.dtype = target.dtype();
  const auto device = open_device(target.device, {target.precision}).value();
  const WeightMatrices weights = random_weights(g.config, 1);
  for (const auto& [kernel, slots] : all_kernels(g, weights)) {
    SCOPED_TRACE(kernel.name + (kernel.source == baked ? ", baked" : ", dynamic"));
    const mil::Array input = mil::to_array(mil::to_tensor(pack(kernel, slots, weights)));  // as the surface holds it
    const mil::Weights constants = constants_of(kernel, weights);
    const Result<mil::Array> actual = run_on(*device, kernel, constants, input);
    ASSERT_TRUE(actual) << actual.error().message;
    const auto interpreter = mil::Interpreter::create(kernel.function, constants, mil::Rounding::none).value();
    const Slots expected = unpack(kernel, interpreter.run(std::vector{input})[0]);
    for (const auto& [name, values] : unpack(kernel, *actual)) {
      EXPECT_LT(relative_error(values, expected.at(name)), tolerance(target.precision)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelConformanceTest,
                         testing::Combine(testing::ValuesIn(targets()), testing::ValuesIn(geometries())),
                         [](const auto& info) {
                           return std::get<0>(info.param).name() + "_" + std::get<1>(info.param).config.name;
                         });

}  // namespace
}  // namespace anemone::model
