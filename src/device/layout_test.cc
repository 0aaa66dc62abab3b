#include "device/layout.h"

#include <gmock/gmock.h>

namespace anemone {
namespace {

using testing::ElementsAre;
using testing::Eq;

// The offsets of a view's elements in order, by plain nested counting.
std::vector<int64_t> offsets(const View& view) {
  std::vector<int64_t> result;
  const auto packed_steps = mil::packed_strides(view.shape);
  for (int64_t i = 0; i < view.count(); ++i) {
    int64_t at = view.offset;
    for (size_t d = 0; d < view.shape.size(); ++d) at += i / packed_steps[d] % view.shape[d] * view.strides[d];
    result.push_back(at);
  }
  return result;
}

TEST(Layout, ReshapeKeepsTheOrderOfElements) {
  const View x = packed(0, {2, 3, 4, 5});
  for (const View& view : {x, sliced(x, 0, 1, 1), sliced(x, 1, 1, 2), sliced(x, 3, 0, 3, 2), permuted(x, {0, 2, 1, 3}),
                           permuted(x, {3, 2, 1, 0})}) {
    for (const mil::Shape& shape : {mil::Shape{view.count()}, mil::Shape{1, view.count(), 1},
                                    mil::Shape{view.count() / 3, 3}, mil::Shape{view.count() / 4, 2, 1, 2}}) {
      if (mil::count(shape) != view.count()) continue;
      const auto result = reshaped(view, shape);
      EXPECT_EQ(result ? offsets(*result) : offsets(view), offsets(view));
    }
  }
}

TEST(Layout, ReshapeSucceedsWhereElementsAreEvenlySpaced) {
  const View x = packed(0, {1, 12, 1, 5});
  EXPECT_THAT(reshaped(x, {1, 3, 4, 5})->strides, ElementsAre(0, 20, 5, 1));
  EXPECT_TRUE(reshaped(sliced(x, 1, 2, 6), {2, 15}));
  EXPECT_TRUE(reshaped(sliced(x, 3, 0, 2), {3, 4, 2}));
  EXPECT_THAT(reshaped(sliced(x, 3, 0, 2), {24}), Eq(std::nullopt));
  EXPECT_THAT(reshaped(permuted(x, {0, 3, 2, 1}), {60}), Eq(std::nullopt));
}

TEST(Layout, NestsAsTheFirstViewAndMergesWhereAllAgree) {
  const View x = packed(0, {2, 3, 4});
  const View row = broadcast_to(packed(1, {4}), {2, 3, 4});
  const Loops loops = loops_over({&x, &row});
  EXPECT_THAT(loops.sizes, ElementsAre(6, 4));
  EXPECT_THAT(loops.strides, ElementsAre(ElementsAre(4, 1), ElementsAre(0, 1)));
  const View turned = permuted(x, {2, 0, 1});
  EXPECT_TRUE(loops_over({&turned}).contiguous(0));
  EXPECT_FALSE(is_packed(turned));
}

TEST(Layout, PacksInTheNestingOfAnother) {
  const View x = permuted(sliced(packed(0, {2, 6, 5}), 1, 0, 3), {0, 2, 1});  // [2, 5, 3], strides 30, 1, 5
  EXPECT_THAT(packed_like(1, x).strides, ElementsAre(15, 1, 5));
}

}  // namespace
}  // namespace anemone
