// Rules of pools, and what they refuse.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GivenArguments pooling(const Shape& x, const std::vector<int64_t>& kernel, GivenArguments more) {
  more.emplace_back("x", zeros(DType::fp16, x));
  more.emplace_back("kernel_sizes", Tensor::ints(kernel));
  const auto has_type = [](const auto& argument) { return argument.first == "pad_type"; };
  if (std::ranges::none_of(more, has_type)) more.emplace_back("pad_type", Tensor::text("valid"));
  return more;
}

GivenArguments ceiling(std::string_view pad_type, const std::vector<int64_t>& strides,
                       const std::vector<int64_t>& pad) {
  return {{"ceil_mode", Tensor::boolean(true)},
          {"pad_type", Tensor::text(pad_type)},
          {"strides", Tensor::ints(strides)},
          {"pad", Tensor::ints(pad)}};
}

TEST(Pool, ShapesAndParametersAreChecked) {
  const auto pool = [](const Shape& x, std::vector<int64_t> kernel, GivenArguments more) {
    return error("max_pool", pooling(x, std::move(kernel), std::move(more)));
  };
  EXPECT_EQ(pool({1, 2, 5}, {3}, {}), "");
  EXPECT_EQ(pool({1, 2}, {}, {}), "max_pool: x [1, 2] needs rank 3 to 5");
  EXPECT_EQ(pool({1, 2, 5}, {3, 3}, {}), "max_pool: kernel_sizes needs 1 numbers");
  EXPECT_EQ(pool({1, 2, 5}, {0}, {}), "max_pool: the kernel is empty");
  EXPECT_EQ(pool({1, 2, 5}, {6}, {}), "max_pool: the kernel is larger than the padded input");
  EXPECT_EQ(pool({1, 2, 5}, {3}, {{"strides", Tensor::ints({0})}}), "max_pool: strides and dilations must be positive");
  EXPECT_THAT(pool({1, 2, 5}, {3}, {{"pad_type", Tensor::text("full")}}), HasSubstr("pad_type is \"full\""));
  EXPECT_EQ(error("max_pool", {{"x", zeros(DType::fp16, {1, 2, 5})}, {"kernel_sizes", Tensor::ints({2})}}),
            "max_pool: parameter pad_type is missing");
  EXPECT_THAT(pool({1, 1, 1, 1}, {4000, 4000}, {{"pad_type", Tensor::text("same")}}), HasSubstr("is too large"));
}

TEST(Pool, CeilModeIsForOneOrTwoDimensionsWithEvenPadding) {
  EXPECT_EQ(error("avg_pool", pooling({1, 1, 4, 4, 4}, {2, 2, 2}, {{"ceil_mode", Tensor::boolean(true)}})),
            "avg_pool: ceil_mode takes 1 or 2 spatial dimensions, not 3");
  EXPECT_THAT(error("avg_pool", pooling({1, 1, 4}, {2}, ceiling("same", {1}, {0, 0}))),
              HasSubstr("does not go with pad_type same"));
  EXPECT_THAT(error("avg_pool", pooling({1, 1, 4}, {2}, ceiling("custom", {1}, {0, 1}))),
              HasSubstr("as much padding before as after"));
}

TEST(Pool, CeilModeLeavesOutAWindowOfPadding) {
  const auto places = [](int64_t size, int64_t kernel, int64_t stride, int64_t pad) {
    return shape("max_pool", pooling({1, 1, size}, {kernel}, ceiling("custom", {stride}, {pad, pad})))[2];
  };
  EXPECT_EQ(places(8, 3, 2, 0), 4);  // windows at 0 2 4, and at 6 over the end
  EXPECT_EQ(places(7, 3, 2, 0), 3);
  EXPECT_EQ(places(6, 2, 3, 1), 3);  // at −1 2 5
  EXPECT_EQ(places(5, 2, 3, 1), 2);  // not at 5, where no x is
}

TEST(Pool, L2TakesNoThreeDimensions) {
  EXPECT_EQ(error("l2_pool", pooling({1, 1, 4, 4}, {2, 2}, {})), "");
  EXPECT_EQ(error("l2_pool", pooling({1, 1, 4, 4, 4}, {2, 2, 2}, {})),
            "l2_pool: x [1, 1, 4, 4, 4] has 3 spatial dimensions, at most 2 are allowed");
}

TEST(Pool, WindowsOfPaddingAloneGiveWhatNothingGives) {
  const auto pool = [](std::string_view op, GivenArguments more) {
    more.emplace_back("pad", Tensor::ints({2, 0}));
    more.emplace_back("pad_type", Tensor::text("custom"));
    more.emplace_back("kernel_sizes", Tensor::ints({2}));
    more.emplace_back("x", Tensor::from_numbers({DType::fp32, {1, 1, 2}}, std::vector{3.0, 5.0}));
    return values(op, more);
  };
  EXPECT_THAT(pool("max_pool", {}), ElementsAre(-INFINITY, 3, 5));
  EXPECT_THAT(pool("avg_pool", {}), ElementsAre(0, 1.5, 4));
  EXPECT_THAT(pool("avg_pool", {{"exclude_padding_from_average", Tensor::boolean(true)}}), ElementsAre(0, 3, 4));
}

TEST(Pool, NanWinsTheMaximum) {
  const Tensor x = Tensor::from_numbers({DType::fp32, {1, 1, 3}}, std::vector<double>{1, NAN, 2});
  EXPECT_THAT(values("max_pool", {{"x", x}, {"kernel_sizes", Tensor::ints({3})}, {"pad_type", Tensor::text("valid")}}),
              ElementsAre(testing::IsNan()));
}

}  // namespace
}  // namespace anemone::mil
