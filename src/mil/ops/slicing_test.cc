// Rules of slices, and slices at run time.
#include <gmock/gmock.h>

#include "mil/gradient.h"
#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SliceBySize, StaysWithinItsInput) {
  const auto slice = [](const std::vector<int64_t>& begin, const std::vector<int64_t>& size) {
    return error("slice_by_size",
                 {{"x", zeros(DType::fp16, {4, 5})}, {"begin", Tensor::ints(begin)}, {"size", Tensor::ints(size)}});
  };
  EXPECT_EQ(slice({-4, 0}, {4, -1}), "");
  EXPECT_EQ(slice({0, 1}, {4, 5}), "slice_by_size: begin [0, 1] and size [4, 5] leave [4, 5]");
  EXPECT_THAT(slice({-5, 0}, {1, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({4, 0}, {-1, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({0, 0}, {0, 1}), HasSubstr("leave"));
  EXPECT_THAT(slice({0, 0}, {-2, 1}), HasSubstr("leave"));
  EXPECT_EQ(slice({0}, {4, 5}), "slice_by_size: begin and size need 2 numbers");
}

// A slice that begins where a value known at run time says.
std::vector<double> slice_at(double begin, const Shape& size) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {5}}), at = b.input("at", {DType::int32, {1}});
  b.output("y", b.apply("slice_by_size", {{"x", x}, {"begin", at}, {"size", Tensor::ints(size)}}));
  const auto function = b.finish();
  if (!function) return {};
  return (*Interpreter::create(*function, {}, Rounding::declared))
      .run({{{DType::fp32, {5}}, {0, 1, 2, 3, 4}}, {{DType::int32, {1}}, {begin}}})[0]
      .data;
}

TEST(SliceBySize, BeginsAtRunTimeWithinItsInput) {
  EXPECT_THAT(slice_at(2, {2}), ElementsAre(2, 3));
  EXPECT_THAT(slice_at(-2, {2}), ElementsAre(3, 4));
  EXPECT_THAT(slice_at(4, {2}), ElementsAre(3, 4));
  EXPECT_THAT(slice_at(2147483647, {2}), ElementsAre(3, 4));
  EXPECT_THAT(slice_at(-2147483648.0, {2}), ElementsAre(0, 1));
  EXPECT_THAT(slice_at(0, {6}), ElementsAre());
}

TEST(SliceBySize, ASizeToTheEndNeedsAConstantBegin) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {5}}), at = b.input("at", {DType::int32, {1}});
  b.apply("slice_by_size", {{"x", x}, {"begin", at}, {"size", Tensor::ints({-1})}});
  EXPECT_EQ(b.finish().error().message, "slice_by_size: a size of -1 needs a constant begin");
}

Tensor bools(const std::vector<double>& values) { return row(DType::boolean, values); }

TEST(SliceByIndex, ParametersAreChecked) {
  const auto slice = [](GivenArguments more) {
    more.emplace_back("x", zeros(DType::fp16, {3, 4}));
    more.emplace_back("end", Tensor::ints({2, 2}));
    return error("slice_by_index", more);
  };
  const Tensor begin = Tensor::ints({0, 0});
  EXPECT_EQ(slice({{"begin", begin}}), "");
  EXPECT_EQ(slice({{"begin", Tensor::ints({0})}}), "slice_by_index: begin needs 2 numbers");
  EXPECT_EQ(slice({{"begin", begin}, {"end_mask", bools({1})}}), "slice_by_index: end_mask needs 2 numbers");
  EXPECT_EQ(slice({{"begin", begin}, {"stride", Tensor::ints({1, 0})}}), "slice_by_index: stride must not be 0");
  EXPECT_EQ(slice({{"begin", Tensor::ints({0, 4})}, {"squeeze_mask", bools({0, 1})}}),
            "slice_by_index: begin is outside of axis 1, whose size is 4");
  EXPECT_THAT(slice({{"begin", Tensor::ints({-4, 0})}, {"squeeze_mask", bools({1, 0})}}),
              HasSubstr("outside of axis 0"));
  EXPECT_EQ(slice({{"begin", begin}, {"stride", Tensor::ints({1, -2147483648})}}), "");
}

// A row of a table by an index known at run time: its size is, the other dimension is whole.
TEST(SliceByIndex, TakesElementsAtRunTime) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {2, 3}}), at = b.input("at", {DType::int32, {2}});
  const auto masks = [](double squeeze) {
    return Builder::Arguments{
        {"begin_mask", bools({0, 1})}, {"end_mask", bools({0, 1})}, {"squeeze_mask", bools({squeeze, 0})}};
  };
  Builder::Arguments arguments = masks(1);
  arguments.insert(arguments.end(), {{"x", x}, {"begin", at}, {"end", at}});
  b.output("y", b.apply("slice_by_index", arguments));
  const auto function = b.finish();
  ASSERT_TRUE(function) << function.error().message;
  const Interpreter interpreter = *Interpreter::create(*function, {}, Rounding::declared);
  const auto row_at = [&](double i) {
    return interpreter.run({{{DType::fp32, {2, 3}}, {0, 1, 2, 3, 4, 5}}, {{DType::int32, {2}}, {i, 0}}})[0].data;
  };
  EXPECT_THAT(row_at(1), ElementsAre(3, 4, 5));
  EXPECT_THAT(row_at(-2), ElementsAre(0, 1, 2));
  EXPECT_THAT(row_at(99), ElementsAre(3, 4, 5));
  EXPECT_THAT(row_at(-99), ElementsAre(0, 1, 2));

  Builder c;
  arguments = masks(0);
  arguments.insert(arguments.end(), {{"x", c.input("x", {DType::fp32, {2, 3}})},
                                     {"begin", c.input("at", {DType::int32, {2}})},
                                     {"end", Tensor::ints({2, 0})}});
  c.apply("slice_by_index", arguments);
  EXPECT_THAT(c.finish().error().message, HasSubstr("the size of axis 0 depends on begin and end"));
}

TEST(SliceUpdate, TheUpdateFitsTheSlice) {
  const auto update = [](const Shape& shape) {
    return error("slice_update", {{"x", zeros(DType::fp16, {3, 4})},
                                  {"update", zeros(DType::fp16, shape)},
                                  {"begin", Tensor::ints({0, 1})},
                                  {"end", Tensor::ints({2, 4})}});
  };
  EXPECT_EQ(update({2, 3}), "");
  EXPECT_EQ(update({2, 4}), "slice_update: update is [2, 4], but the slice of x [3, 4] is [2, 3]");
  EXPECT_THAT(update({2}), HasSubstr("update is [2]"));
  EXPECT_THAT(update({2, 3, 1}), HasSubstr("update is [2, 3, 1]"));
}

// A cache that is written where a position known at run time says: y = x with update at [at, at + 2).
Result<Function> cache_program(const Shape& update) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {5}}), u = b.input("u", {DType::fp32, update});
  const Value at = b.input("at", {DType::int32, {1}});
  const Value end = b.apply("add", {{"x", at}, {"y", Tensor::ints({2})}});
  b.output("y", b.apply("slice_update", {{"x", x}, {"update", u}, {"begin", at}, {"end", end}}));
  return b.finish();
}

TEST(SliceUpdate, WritesAtRunTimeWithinItsInput) {
  const Function cache = *cache_program({2});
  const Interpreter interpreter = *Interpreter::create(cache, {}, Rounding::declared);
  const auto written = [&](double at) {
    return interpreter
        .run({{{DType::fp32, {5}}, {0, 1, 2, 3, 4}}, {{DType::fp32, {2}}, {8, 9}}, {{DType::int32, {1}}, {at}}})[0]
        .data;
  };
  EXPECT_THAT(written(1), ElementsAre(0, 8, 9, 3, 4));
  EXPECT_THAT(written(7), ElementsAre(0, 1, 2, 8, 9));
  EXPECT_THAT(written(-70), ElementsAre(8, 9, 2, 3, 4));
  EXPECT_EQ(cache_program({6}).error().message, "slice_update: update is [6], but the slice of x [5] is [?]");
}

TEST(SliceUpdate, ItsGradientFollowsToRunTimePositions) {
  const auto backward = gradient(*cache_program({2}));
  ASSERT_TRUE(backward) << backward.error().message;
  const auto d = (*Interpreter::create(*backward, {}, Rounding::none))
                     .run({{{DType::fp32, {5}}, {0, 0, 0, 0, 0}},
                           {{DType::fp32, {2}}, {0, 0}},
                           {{DType::int32, {1}}, {2}},
                           {{DType::fp32, {5}}, {1, 2, 3, 4, 5}}});
  EXPECT_THAT(d[0].data, ElementsAre(1, 2, 0, 0, 5));
  EXPECT_THAT(d[1].data, ElementsAre(3, 4));
}

TEST(SliceBySize, ItsGradientFollowsToRunTimePositions) {
  Builder b;
  const Value x = b.input("x", {DType::fp32, {5}}), at = b.input("at", {DType::int32, {1}});
  b.output("y", b.apply("slice_by_size", {{"x", x}, {"begin", at}, {"size", Tensor::ints({2})}}));
  const auto backward = gradient(*b.finish());
  ASSERT_TRUE(backward) << backward.error().message;
  const auto d =
      (*Interpreter::create(*backward, {}, Rounding::none))
          .run({{{DType::fp32, {5}}, {0, 0, 0, 0, 0}}, {{DType::int32, {1}}, {2}}, {{DType::fp32, {2}}, {7, 8}}});
  EXPECT_THAT(d[0].data, ElementsAre(0, 0, 7, 8, 0));
}

TEST(Crop, LeavesSomething) {
  const auto crop = [](const Shape& x, const std::vector<int64_t>& height) {
    return error(
        "crop",
        {{"x", zeros(DType::fp16, x)}, {"crop_height", Tensor::ints(height)}, {"crop_width", Tensor::ints({0, 0})}});
  };
  EXPECT_EQ(crop({3, 4}, {1, 1}), "");
  EXPECT_EQ(crop({3, 4}, {1, 2}), "crop: crop_height [1, 2] leaves nothing of 3");
  EXPECT_EQ(crop({3, 4}, {-1, 1}), "crop: crop_height [-1, 1] leaves nothing of 3");
  EXPECT_EQ(crop({3, 4}, {1}), "crop: crop_height needs 2 numbers");
  EXPECT_EQ(crop({3}, {0, 0}), "crop: x [3] needs rank 2 or more");
}

}  // namespace
}  // namespace anemone::mil
