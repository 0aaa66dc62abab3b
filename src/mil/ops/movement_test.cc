// Rules of ops that move data.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Transpose, PermNamesEachAxisOnce) {
  const Tensor x = zeros(DType::fp16, {2, 3});
  EXPECT_EQ(error("transpose", {{"x", x}, {"perm", Tensor::ints({0})}}), "transpose: perm needs 2 axes");
  EXPECT_EQ(error("transpose", {{"x", x}, {"perm", Tensor::ints({1, -1})}}), "transpose: axis 1 stands twice in perm");
  EXPECT_THAT(values("transpose", {{"x", Tensor::scalar(DType::fp16, 3)}, {"perm", Tensor::ints({})}}), ElementsAre(3));
}

TEST(Pad, ModesAndAmountsAreChecked) {
  const auto pad = [](const std::vector<int64_t>& pad, std::string_view mode) {
    return error("pad", {{"x", zeros(DType::fp16, {2, 3})}, {"pad", Tensor::ints(pad)}, {"mode", Tensor::text(mode)}});
  };
  EXPECT_EQ(pad({1, 1, 2, 2}, "reflect"), "");
  EXPECT_EQ(pad({0, 3}, "reflect"), "pad: reflect takes at most 2 of a dimension 3, not 3");
  EXPECT_EQ(pad({0, 3}, "replicate"), "");
  EXPECT_EQ(pad({0, -1}, "constant"), "pad: pad [0, -1] must not be negative");
  EXPECT_EQ(pad({1}, "constant"), "pad: pad needs a pair of numbers for each of at most 2 dimensions");
  EXPECT_EQ(pad({0, 0, 0, 0, 0, 0}, "constant"), "pad: pad needs a pair of numbers for each of at most 2 dimensions");
  EXPECT_EQ(pad({0, 0}, "wrap"), "pad: mode is \"wrap\", expected constant, reflect or replicate");
}

TEST(ReverseSequence, LengthsAreCheckedOrTakenForTheNearest) {
  const auto reverse = [](const std::vector<double>& lengths, int64_t batch) {
    return GivenArguments{{"x", Tensor::from_numbers({DType::fp32, {3, 2}}, std::vector<double>{1, 2, 3, 4, 5, 6})},
                          {"lengths", row(DType::int32, lengths)},
                          {"batch_axis", Tensor::integer(batch)}};
  };
  EXPECT_THAT(values("reverse_sequence", reverse({-7, 2147483647}, 1)), ElementsAre(1, 6, 3, 4, 5, 2));
  EXPECT_EQ(error("reverse_sequence", reverse({1, 1, 1}, 1)), "reverse_sequence: lengths is [3], expected [2]");
  EXPECT_EQ(error("reverse_sequence", reverse({1, 1, 1}, 0)), "reverse_sequence: seq_axis and batch_axis are both 0");
}

TEST(SlidingWindows, FitIntoTheirDimension) {
  const auto windows = [](int64_t size, int64_t stride) {
    return error("sliding_windows", {{"x", zeros(DType::fp16, {4})},
                                     {"axis", Tensor::integer(0)},
                                     {"size", Tensor::integer(size)},
                                     {"stride", Tensor::integer(stride)}});
  };
  EXPECT_EQ(windows(4, 9), "");
  EXPECT_EQ(windows(5, 1), "sliding_windows: no windows of size 5 and stride 1 in a dimension 4");
  EXPECT_THAT(windows(0, 1), HasSubstr("no windows of size 0"));
  EXPECT_THAT(windows(2, 0), HasSubstr("stride 0"));
}

TEST(BandPart, NothingOutsideTheBandRemains) {
  const Tensor x = Tensor::from_numbers({DType::fp32, {2, 2}}, std::vector<double>{1, NAN, INFINITY, 2});
  EXPECT_THAT(values("band_part", {{"x", x}, {"upper", Tensor::integer(0)}}), ElementsAre(1, 0, INFINITY, 2));
}

TEST(BandPart, TakesMatrices) {
  EXPECT_EQ(error("band_part", {{"x", row(DType::fp16, {1})}}), "band_part: x [1] needs rank 2 or more");
}

TEST(Space, BlocksFillTheTensor) {
  const auto space = [](std::string_view op, const Shape& x, std::string_view parameter, const Tensor& block) {
    return error(op, {{"x", zeros(DType::fp16, x)}, {std::string(parameter), block}});
  };
  const Tensor two = Tensor::integer(2);
  EXPECT_EQ(space("depth_to_space", {1, 8, 1, 1}, "block_size", two), "");
  EXPECT_EQ(space("depth_to_space", {1, 6, 1, 1}, "block_size", two),
            "depth_to_space: channels of x [1, 6, 1, 1] are no blocks of 2 × 2");
  EXPECT_EQ(space("space_to_depth", {1, 6, 4, 3}, "block_size", two),
            "space_to_depth: blocks of 2 × 2 do not fill x [1, 6, 4, 3]");
  EXPECT_EQ(space("pixel_shuffle", {6, 4, 3}, "upscale_factor", two), "pixel_shuffle: x [6, 4, 3] needs rank 4");
  EXPECT_EQ(space("pixel_shuffle", {1, 6, 4, 3}, "upscale_factor", Tensor::integer(0)),
            "pixel_shuffle: upscale_factor [0] is out of range");
  EXPECT_EQ(space("pixel_unshuffle", {1, 6, 4, 3}, "downscale_factor", Tensor::scalar(DType::uint32, 4294967295.0)),
            "pixel_unshuffle: downscale_factor [4294967295] is out of range");
  EXPECT_EQ(space("pixel_shuffle", {1, 6, 4, 3}, "upscale_factor", Tensor::ints({1, 1})),
            "pixel_shuffle: upscale_factor needs 1 numbers");
}

TEST(Space, MarginsAreChecked) {
  const auto batch = [](std::string_view op, std::string_view parameter, const std::vector<double>& margin) {
    return error(op, {{"x", zeros(DType::fp16, {4, 1, 2, 2})},
                      {"block_shape", Tensor::ints({2, 2})},
                      {std::string(parameter), Tensor::from_numbers({DType::int32, {2, 2}}, margin)}});
  };
  EXPECT_EQ(batch("batch_to_space", "crops", {1, 2, 0, 3}), "");
  EXPECT_EQ(batch("batch_to_space", "crops", {1, 3, 0, 0}), "batch_to_space: nothing is left");
  EXPECT_EQ(batch("space_to_batch", "paddings", {0, 1, 0, 0}),
            "space_to_batch: blocks of 2 × 2 do not fill x [4, 1, 2, 2]");
  EXPECT_EQ(batch("space_to_batch", "paddings", {-1, 1, 0, 0}), "space_to_batch: paddings must not be negative");
}

}  // namespace
}  // namespace anemone::mil
