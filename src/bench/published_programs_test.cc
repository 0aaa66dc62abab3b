#include "bench/published_programs.h"

#include <gtest/gtest.h>

#include "device/sim/time/layers.h"

namespace anemone::bench {
namespace {

using sim::Layer;
using sim::PublishedProgram;

std::vector<Layer> layers_of(const PublishedProgram& program) {
  return sim::layers_of(programs_of(program).value().at(0).function);
}

// The layers of an op, in order.
std::vector<Layer> only(std::string_view op, const std::vector<Layer>& layers) {
  std::vector<Layer> found;
  for (const Layer& layer : layers) {
    if (layer.op == op) found.push_back(layer);
  }
  return found;
}

int64_t times(const std::vector<RepeatedProgram>& programs) {
  int64_t sum = 0;
  for (const RepeatedProgram& program : programs) sum += program.times;
  return sum;
}

TEST(PublishedPrograms, AreInt8FromTheSecondConvolutionOn) {
  const auto layers = only(
      "conv",
      layers_of(
          {.kind = "convolutions", .depth = 3, .channels = 64, .outputs = 64, .width = 32, .int8 = true, .bits = 8}));
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_FALSE(layers[0].int8);  // its input is fp16
  EXPECT_TRUE(layers[1].int8);
  EXPECT_TRUE(layers[2].int8);
  EXPECT_NEAR(static_cast<double>(layers[1].weight_bytes), 64 * 64, 8);  // and scale and zero point
}

TEST(PublishedPrograms, StreamLowBitWeightsAsTheyAreStored) {
  for (int64_t bits : {2, 3, 4, 6}) {
    const auto layers =
        only("conv", layers_of({.kind = "convolutions", .channels = 2048, .outputs = 2048, .width = 32, .bits = bits}));
    EXPECT_EQ(layers[0].weight_bytes, 2048 * 2048 * bits / 8 + (int64_t{2} << bits)) << bits;  // and the palette
    EXPECT_FALSE(layers[0].int8);
  }
}

TEST(PublishedPrograms, ShareOneBlobWhereTheyDid) {
  PublishedProgram chain{.kind = "convolutions", .depth = 4, .channels = 32, .outputs = 32, .width = 64, .fp32 = true};
  const auto bytes = [&] {
    int64_t sum = 0;
    for (const Layer& layer : layers_of(chain)) sum += layer.weight_bytes;
    return sum;
  };
  EXPECT_EQ(bytes(), 4 * 32 * 32 * 2);
  chain.shared_weights = true;
  EXPECT_EQ(bytes(), 32 * 32 * 2);
}

TEST(PublishedPrograms, MultiplyInTiles) {
  const auto layers = layers_of({.kind = "product", .rows = 1024, .inner = 1024, .columns = 512});
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].macs, 1024.0 * 1024 * 512);
  EXPECT_EQ(layers[0].tiles, 2);  // 2 MiB of activations
  EXPECT_EQ(layers[0].weight_bytes, 1024 * 512 * 2);
  EXPECT_TRUE(layers[0].pointwise);
}

TEST(PublishedPrograms, Know3x3Convolutions) {
  const auto layers = layers_of(
      {.kind = "convolutions", .channels = 16, .outputs = 32, .height = 8, .width = 8, .kernel = 3, .batch = 2});
  EXPECT_EQ(layers[0].macs, 2.0 * 8 * 8 * 32 * 16 * 9);
  EXPECT_EQ(layers[0].core_weight_bytes, 2 * 16 * 9 * 2);
  EXPECT_TRUE(layers[0].width3);
  EXPECT_FALSE(layers[0].pointwise);
}

// The seed compiles 72 programs for Stories110M, and ten for its dynamic pipeline.
TEST(PublishedPrograms, AreThoseOfTraining) {
  EXPECT_EQ(times(programs_of({.kind = "training", .pipeline = "static"}).value()), 72);
  EXPECT_EQ(times(programs_of({.kind = "training", .pipeline = "dynamic"}).value()), 10);
  EXPECT_EQ(times(programs_of({.kind = "training", .pipeline = "static", .pass = "forward"}).value()), 24);
  EXPECT_TRUE(programs_of({}).value().empty());
}

}  // namespace
}  // namespace anemone::bench
