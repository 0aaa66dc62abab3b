// Rules of casts and of ops that leave data in its order.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Cast, ToIntegersTruncatesAndSaturates) {
  const Tensor x = row(DType::fp32, {-1.9, 1.9, 300, -300, 1e20, -INFINITY, NAN});
  const auto cast = [&](std::string_view to) { return values("cast", {{"x", x}, {"dtype", Tensor::text(to)}}); };
  EXPECT_THAT(cast("int8"), ElementsAre(-1, 1, 127, -128, 127, -128, 0));
  EXPECT_THAT(cast("uint8"), ElementsAre(0, 1, 255, 0, 255, 0, 0));
  EXPECT_THAT(cast("int16"), ElementsAre(-1, 1, 300, -300, 32767, -32768, 0));
  EXPECT_THAT(cast("uint16"), ElementsAre(0, 1, 300, 0, 65535, 0, 0));
  EXPECT_THAT(cast("int32"), ElementsAre(-1, 1, 300, -300, 2147483647, -2147483648.0, 0));
  EXPECT_THAT(cast("bool"), ElementsAre(1, 1, 1, 1, 1, 1, 1));
}

TEST(Cast, ToAHalfRoundsOnce) {
  EXPECT_THAT(values("cast", {{"x", row(DType::fp32, {2049, 1e6})}, {"dtype", Tensor::text("fp16")}}),
              ElementsAre(2048, INFINITY));
}

TEST(Cast, OtherTypesAreRefused) {
  for (const char* to : {"fp64", "int64", "bf16", "uint32", "uint64", "int4", "string", "float", ""}) {
    EXPECT_THAT(error("cast", {{"x", row(DType::fp16, {1})}, {"dtype", Tensor::text(to)}}), HasSubstr("expected fp16"))
        << to;
  }
}

TEST(Cast, NarrowIntegersCameWithIos17) {
  const GivenArguments narrow{{"x", row(DType::fp16, {1})}, {"dtype", Tensor::text("int8")}};
  EXPECT_EQ(Call("cast", narrow, "ios17").type().dtype, DType::int8);
  EXPECT_EQ(Call("cast", narrow, "ios16").error(), "cast: dtype is \"int8\", expected fp16, fp32, int32 or bool");
}

TEST(Reshape, WhatDoesNotFitIsRefused) {
  const auto to = [](const std::vector<int64_t>& shape) {
    return error("reshape", {{"x", zeros(DType::fp16, {2, 3})}, {"shape", Tensor::ints(shape)}});
  };
  EXPECT_EQ(to({3, 2}), "");
  EXPECT_EQ(to({4, -1}), "reshape: [2, 3] does not fit [4, -1]");
  EXPECT_EQ(to({5}), "reshape: [2, 3] does not fit [5]");
  EXPECT_EQ(to({7, -1}), "reshape: [2, 3] does not fit [7, -1]");
  EXPECT_THAT(to({-1, -1}), HasSubstr("has a dimension -1"));
  EXPECT_THAT(to({-2, 3}), HasSubstr("has a dimension -2"));
  EXPECT_THAT(to({1 << 30, 1 << 30, 1 << 30, -1}), HasSubstr("does not fit"));
}

TEST(Reshape, ZerosCopyFromTheRight) {
  EXPECT_EQ(shape("reshape", {{"x", zeros(DType::fp16, {2, 50})}, {"shape", Tensor::ints({1, 0, -1, 0})}}),
            (Shape{1, 1, 2, 50}));
  EXPECT_EQ(shape("reshape", {{"x", zeros(DType::fp16, {2, 3, 5})}, {"shape", Tensor::ints({-1, 0})}}), (Shape{6, 5}));
}

TEST(Reshape, BeforeIos17ZerosCopyTheirOwnDimension) {
  const auto to = [](const std::vector<int64_t>& shape) {
    return Call("reshape", {{"x", zeros(DType::fp16, {2, 3, 5})}, {"shape", Tensor::ints(shape)}}, "ios16");
  };
  EXPECT_EQ(to({0, -1, 5}).type().shape, (Shape{2, 3, 5}));
  EXPECT_EQ(to({0, 5, -1}).type().shape, (Shape{2, 5, 3}));
  EXPECT_EQ(to({-1, 0}).error(), "reshape: a 0 in shape [-1, 0] needs as many dimensions as x [2, 3, 5] has");
}

TEST(Reshape, KeepsTensorsWithoutElements) {
  const auto to = [](const Shape& from, const std::vector<int64_t>& shape) {
    Builder b;
    const Value y = b.apply("reshape", {{"x", zeros(DType::int32, from)}, {"shape", Tensor::ints(shape)}});
    const Shape result = y.shape();
    b.output("y", y);
    const auto function = b.finish();
    return function ? to_string(result) : function.error().message;
  };
  EXPECT_EQ(to({0}, {-1}), "[0]");
  EXPECT_EQ(to({0}, {0}), "[0]");
  EXPECT_EQ(to({0}, {3, 0}), "[3, 0]");
  EXPECT_EQ(to({2, 0}, {5, -1}), "[5, 0]");
  EXPECT_EQ(to({2, 0}, {-1, 0}), "reshape: [2, 0] does not fit [-1, 0]");
  EXPECT_EQ(to({0}, {2, 1}), "reshape: [0] does not fit [2, 1]");
}

TEST(ReshapeLike, ReferencesAreCheckedWithTheirRanges) {
  const auto like = [](int64_t end, std::vector<Tensor> masks) {
    return error("reshape_like", {{"x", zeros(DType::fp16, {6})},
                                  {"ref_tensors", std::vector{zeros(DType::int32, {2, 3, 4})}},
                                  {"begins", std::vector{Tensor::integer(0)}},
                                  {"ends", std::vector{Tensor::integer(end)}},
                                  {"end_masks", std::move(masks)}});
  };
  EXPECT_EQ(like(-1, {Tensor::boolean(false)}), "");
  EXPECT_EQ(like(9, {Tensor::boolean(false)}), "reshape_like: [6] does not fit [2, 3, 4]");
  EXPECT_EQ(like(-9, {Tensor::boolean(false)}), "reshape_like: [6] does not fit []");
  EXPECT_EQ(like(-1, {Tensor::boolean(true)}), "reshape_like: [6] does not fit [2, 3, 4]");
  EXPECT_EQ(like(-1, {Tensor::boolean(false), Tensor::boolean(false)}),
            "reshape_like: begins, ends and end_masks need 1 values, one for each of ref_tensors");
  EXPECT_THAT(like(-1, {zeros(DType::boolean, {0})}), HasSubstr("parameter end_masks"));
}

TEST(Dimensions, AxesAreNamedOnceAndInRange) {
  const Tensor x = zeros(DType::fp16, {1, 2});
  EXPECT_EQ(error("expand_dims", {{"x", x}, {"axes", Tensor::ints({0, -4})}}),
            "expand_dims: axis 0 stands twice in axes");
  EXPECT_EQ(error("expand_dims", {{"x", x}, {"axes", Tensor::ints({3})}}),
            "expand_dims: axis 3 is out of range for rank 3");
  EXPECT_EQ(error("squeeze", {{"x", x}, {"axes", Tensor::ints({2})}}), "squeeze: axis 2 is out of range for rank 2");
  EXPECT_EQ(error("flatten2d", {{"x", x}, {"axis", Tensor::integer(3)}}),
            "flatten2d: axis 3 is out of range for rank 2");
  EXPECT_EQ(shape("squeeze", {{"x", x}, {"axes", Tensor::ints({0, 1})}}), (Shape{2}));
}

// shape → slice → concat → reshape, all worked out while the program is written.
TEST(Dimensions, ShapeArithmeticFolds) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {2, 3, 4}});
  const Value dims = b.apply("shape", {{"x", x}});
  const Value first = slice(dims, 0, 0, 1), empty = b.constant(Tensor::ints({}));
  const Value to = concat({empty, first, b.constant(Tensor::ints({-1}))}, 0);
  EXPECT_EQ(b.apply("reshape", {{"x", x}, {"shape", to}}).shape(), (Shape{2, 12}));
}

TEST(Dimensions, EmptyConstantsOfHugeShapeAreRefused) {
  Builder b;
  const Shape huge{0, 2147483647, 2147483647, 2147483647};
  b.apply("expand_dims", {{"x", Tensor::own({DType::int32, huge}, {})}, {"axes", Tensor::ints({0})}});
  EXPECT_THAT(b.finish().error().message, HasSubstr("is too large"));
}

}  // namespace
}  // namespace anemone::mil
