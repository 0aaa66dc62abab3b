// Rules of ops that join tensors or cut them into parts.
#include <gmock/gmock.h>

#include "mil/op_testing.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Concat, ValuesAgreeOutsideTheAxis) {
  const auto join = [](const Shape& a, const Shape& b, bool interleave) {
    return error("concat", {{"values", std::vector{zeros(DType::fp16, a), zeros(DType::fp16, b)}},
                            {"axis", Tensor::integer(1)},
                            {"interleave", Tensor::boolean(interleave)}});
  };
  EXPECT_EQ(join({2, 3}, {2, 1}, false), "");
  EXPECT_EQ(join({2, 3}, {1, 3}, false), "concat: [2, 3] and [1, 3] differ outside axis 1");
  EXPECT_EQ(join({2, 3}, {2, 3, 1}, false), "concat: the values differ in rank");
  EXPECT_EQ(join({2, 3}, {2, 1}, true), "concat: interleave needs equal shapes");
}

TEST(Concat, KeepsWhatIsNoNumberOfArithmetic) {
  const std::vector pair{row(DType::boolean, {1}), row(DType::boolean, {0})};
  EXPECT_THAT(values("concat", {{"values", pair}, {"axis", Tensor::integer(0)}}), ElementsAre(1, 0));
}

TEST(Concat, TakesConstantsWithoutElements) {
  Builder b;
  const Value empty = b.constant(Tensor::ints({})), one = b.constant(Tensor::ints({4}));
  b.output("y", concat({empty, one, empty}, 0));
  b.output("z", concat({empty, empty}, 0));
  const Interpreter interpreter = *Interpreter::create(*b.finish(), {}, Rounding::declared);
  const std::vector<Array> outputs = interpreter.run({});
  EXPECT_THAT(outputs[0].data, ElementsAre(4));
  EXPECT_THAT(outputs[1].data, ElementsAre());
}

TEST(Split, PartsMakeUpTheDimension) {
  const auto split = [](GivenArguments more) {
    more.emplace_back("x", zeros(DType::fp16, {2, 6}));
    more.emplace_back("axis", Tensor::integer(1));
    return error("split", more);
  };
  EXPECT_EQ(split({{"num_splits", Tensor::integer(3)}}), "");
  EXPECT_EQ(split({{"num_splits", Tensor::integer(4)}}), "split: 4 does not split 6 evenly");
  EXPECT_EQ(split({{"num_splits", Tensor::integer(0)}}), "split: 0 does not split 6 evenly");
  EXPECT_EQ(split({{"split_sizes", Tensor::ints({4, 3})}}), "split: split_sizes [4, 3] do not make up the dimension 6");
  EXPECT_EQ(split({{"split_sizes", Tensor::ints({7, -1})}}),
            "split: split_sizes [7, -1] do not make up the dimension 6");
  EXPECT_EQ(split({}), "split: give it num_splits or split_sizes");
}

TEST(Split, BillionsOfPartsAreRefused) {
  Builder b;
  const Value x = b.input("x", {DType::fp16, {2147483647}});
  b.apply("split", {{"x", x}, {"num_splits", Tensor::integer(2147483647)}, {"axis", Tensor::integer(0)}});
  EXPECT_THAT(b.finish().error().message, HasSubstr("does not split"));
}

TEST(Stack, ValuesAgreeInShape) {
  const std::vector pair{zeros(DType::fp16, {2}), zeros(DType::fp16, {3})};
  EXPECT_EQ(error("stack", {{"values", pair}, {"axis", Tensor::integer(0)}}),
            "stack: the values differ in shape, [2] and [3]");
  EXPECT_EQ(error("stack", {{"values", std::vector{pair[0]}}, {"axis", Tensor::integer(2)}}),
            "stack: axis 2 is out of range for rank 2");
}

TEST(Tile, RepetitionsArePositive) {
  const auto tile = [](const std::vector<int64_t>& reps) {
    return error("tile", {{"x", zeros(DType::fp16, {2, 3})}, {"reps", Tensor::ints(reps)}});
  };
  EXPECT_EQ(tile({1, 2}), "");
  EXPECT_EQ(tile({0, 2}), "tile: reps [0, 2] must be positive");
  EXPECT_EQ(tile({2}), "tile: reps needs 2 numbers");
  EXPECT_THAT(tile({2147483647, 2147483647}), HasSubstr("dimension out of range"));
}

}  // namespace
}  // namespace anemone::mil
