// Kernels through devices: weights baked and staged, activations in and out of slots and from call to call.
#include "model/kernel_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/kernel_testing.h"

namespace anemone::model {
namespace {

using enum WeightSource;
using testing::ElementsAreArray;

std::vector<float> floats(const Matrix& m) { return {m.data.begin(), m.data.end()}; }

Matrix read(const KernelCall& call, const Slot& slot) {
  std::vector<float> values(static_cast<size_t>(slot.rows * slot.columns));
  call.read(slot.name, values);
  return {slot.rows, slot.columns, {values.begin(), values.end()}};
}

// By element type, on the interpreter: with norms, grouped heads, a batch and no two dimensions alike.
class KernelCallTest : public testing::TestWithParam<mil::DType> {
 protected:
  KernelCallTest() {
    for (const auto& [weight, matrix] : weights) stored[weight] = floats(matrix);
    lookup = [this](Weight weight) { return std::span<const float>(stored.at(weight)); };
  }

  KernelCall make(const Kernel& kernel) {
    KernelCall call = KernelCall::create(*device, kernel, compile(*device, kernel, lookup).value()).value();
    call.stage(lookup);
    return call;
  }

  Matrix random(int64_t rows, uint64_t seed) const { return random_matrix(rows, g.tokens(), seed); }

  const Geometry g = kernel_cases(GetParam())[1];
  const Config& c = g.config;
  const WeightMatrices weights = random_weights(c, 1);
  // The device rounds results to the element type.
  const double tolerance = GetParam() == mil::DType::fp16 ? 4 * std::exp2(-10) : 1e-6;
  std::map<Weight, std::vector<float>> stored;
  WeightLookup lookup;
  std::unique_ptr<Device> device = open_device("ref", {Precision::fp16}).value();
};

INSTANTIATE_TEST_SUITE_P(All, KernelCallTest, testing::Values(mil::DType::fp16, mil::DType::fp32),
                         [](const auto& info) { return std::string(mil::to_string(info.param)); });

TEST_P(KernelCallTest, ComputesWithWeightsOfBothSources) {
  Slots slots{{"x", random(c.dim, 2)},       {"xn", random(c.dim, 3)},      {"dq", random(c.q_dim(), 4)},
              {"dk", random(c.kv_dim(), 5)}, {"dv", random(c.kv_dim(), 6)}, {"df", random(c.dim, 7)}};
  for (auto* kernel_of : {attention_forward, qkv_backward, sdpa_forward, kv_backward, ffn_backward_w2}) {
    const Kernel kernel = kernel_of(g).value();
    KernelCall call = make(kernel);
    for (const Slot& slot : kernel.inputs) call.write(slot.name, floats(slots.at(slot.name)));
    ASSERT_TRUE(call.run());
    const Slots expected = KernelRun(kernel, weights)(slots);
    for (const Slot& slot : kernel.outputs) {
      EXPECT_LT(relative_error(read(call, slot), expected.at(slot.name)), tolerance) << kernel.name << " " << slot.name;
    }
  }
}

TEST_P(KernelCallTest, ViewsWhatItReads) {
  const Kernel kernel = sdpa_forward(g).value();
  KernelCall call = make(kernel);
  call.write("xn", floats(random(c.dim, 2)));
  ASSERT_TRUE(call.run());
  Buffer<float> scratch;
  for (const Slot& slot : kernel.outputs) {
    EXPECT_THAT(call.view(slot.name, scratch), ElementsAreArray(floats(read(call, slot)))) << slot.name;
  }
}

TEST_P(KernelCallTest, TransfersSlotsThatStandTogether) {
  const Kernel forward = attention_forward(g).value(), backward = sdpa_backward1(g, baked).value();
  KernelCall from = make(forward), to = make(backward);
  Slots slots{{"x", random(c.dim, 2)}, {"dx2", random(c.dim, 3)}};
  from.write("x", floats(slots["x"]));
  ASSERT_TRUE(from.run());
  to.write("dx2", floats(slots["dx2"]));
  to.transfer("q", from, "q", "v");
  ASSERT_TRUE(to.run());
  for (const std::string name : {"q", "k", "v"}) slots[name] = read(from, forward.out(name));
  const Slots expected = KernelRun(backward, weights)(slots);
  for (const Slot& slot : backward.outputs) {
    EXPECT_LT(relative_error(read(to, slot), expected.at(slot.name)), tolerance) << slot.name;
  }
}

TEST_P(KernelCallTest, SharesTheSurfacesItIsGiven) {
  const Kernel kernel = norm_forward(g, dynamic, Weight::ffn_norm).value();
  KernelCall first = make(kernel);
  const auto program = compile(*device, kernel, lookup).value();
  KernelCall second = KernelCall::create(*device, kernel, program, first.input()).value();
  first.write("x", floats(random(c.dim, 2)));
  ASSERT_TRUE(first.run());
  ASSERT_TRUE(second.run());
  EXPECT_NE(first.output(), second.output());
  EXPECT_EQ(relative_error(read(second, kernel.outputs[0]), read(first, kernel.outputs[0])), 0);
}

TEST_P(KernelCallTest, TakesNewWeightsByAProgramOrByStaging) {
  const Matrix x = random(c.dim, 2);
  for (const WeightSource source : {baked, dynamic}) {
    const Kernel kernel = norm_forward(g, source, Weight::ffn_norm).value();
    KernelCall call = make(kernel);
    call.write("x", floats(x));
    call.release();
    std::vector<float>& norm = stored[Weight::ffn_norm];
    std::ranges::reverse(norm);
    ASSERT_TRUE(call.rebind(compile(*device, kernel, lookup).value()));
    call.stage(lookup);
    ASSERT_TRUE(call.run());
    WeightMatrices changed = weights;
    changed[Weight::ffn_norm].data.assign(norm.begin(), norm.end());
    const Matrix expected = KernelRun(kernel, changed)({{"x", x}}).at("y");
    EXPECT_LT(relative_error(read(call, kernel.outputs[0]), expected), tolerance);
  }
}

}  // namespace
}  // namespace anemone::model
