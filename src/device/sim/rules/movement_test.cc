// Movement keeps patterns, whatever they stand for; what is not moved, such as an index, is read as a number.
#include "device/sim/program_testing.h"

namespace anemone::sim {
namespace {

using mil::Chip;
using mil::concat;
using mil::DType;
using mil::Shape;
using mil::Tensor;
using mil::Value;

// NaNs with payloads, −0, both infinities and subnormals among others.
Halves odd_patterns() {
  Halves patterns{{0x7E01}, {0xFE55}, {0x7C01}, {0x8000}, {0x7C00}, {0xFC00}, {0x0001}, {0x83FF}, {0x7FFF}, {0xFFFF}};
  while (patterns.size() < 24) patterns.push_back({uint16_t(0x3C00 + patterns.size())});
  return patterns;
}

template <class Write>
Halves moved(const Shape& shape, const Write& write) {
  Draft d;
  d.builder.output("y", write(d, d.input("x", shape)));
  return patterns_of(run(Chip::m4, d, {of_patterns(shape, odd_patterns())})[0]);
}

Halves picked(const std::vector<size_t>& places) {
  Halves picked;
  for (size_t place : places) picked.push_back(odd_patterns()[place]);
  return picked;
}

// Of the elements of [4, 6], those of the result.
TEST(SimMovement, KeepsPatterns) {
  const Shape shape{4, 6};
  std::vector<size_t> all(24), turned;
  for (size_t i = 0; i < 24; ++i) all[i] = i, turned.push_back(i % 4 * 6 + i / 4);
  EXPECT_EQ(moved(shape, [](Draft&, Value x) { return reshape(x, {2, 12}); }), picked(all));
  EXPECT_EQ(moved(shape, [](Draft&, Value x) { return transpose(x, {1, 0}); }), picked(turned));
  EXPECT_EQ(moved(shape, [](Draft&, Value x) { return reshape(transpose(x, {1, 0}), {24}); }), picked(turned));
  EXPECT_EQ(moved(shape, [](Draft&, Value x) { return slice(x, 1, 2, 2); }), picked({2, 3, 8, 9, 14, 15, 20, 21}));
  EXPECT_EQ(moved(shape,
                  [](Draft&, Value x) {
                    return concat({slice(x, 0, 1, 1), slice(x, 0, 0, 1)}, 1);
                  }),
            picked({6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(moved(shape,
                  [](Draft& d, Value x) {
                    const Value row = slice(x, 0, 0, 1);
                    return d.builder.apply("tile", {{"x", row}, {"reps", Tensor::ints({2, 1})}});
                  }),
            picked({0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(moved(shape,
                  [](Draft& d, Value x) {
                    return d.builder.apply(
                        "gather", {{"x", x}, {"indices", Tensor::ints({3, 0, -4})}, {"axis", Tensor::integer(0)}});
                  }),
            picked({18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(moved(shape,
                  [](Draft& d, Value x) {
                    return d.builder.apply("reverse", {{"x", slice(x, 0, 0, 1)}, {"axes", Tensor::ints({1})}});
                  }),
            picked({5, 4, 3, 2, 1, 0}));
}

TEST(SimMovement, PadsWithItsValue) {
  const auto padded = [](double value) {
    return moved({4, 6}, [=](Draft&, Value x) { return mil::pad(slice(x, 0, 0, 1), {1, 0, 0, 2}, value); });
  };
  Halves expected(8, half_away(0.5));
  for (size_t i = 0; i < 6; ++i) expected.push_back(odd_patterns()[i]);
  expected.insert(expected.end(), 2, half_away(0.5));
  EXPECT_EQ(padded(0.5), expected);
  EXPECT_EQ(padded(-10000)[0], half_away(-10000));
}

TEST(SimMovement, PadsByReflection) {
  const Halves y = moved({4, 6}, [](Draft& d, Value x) {
    return d.builder.apply("pad", {{"x", slice(x, 0, 0, 1)},
                                   {"pad", Tensor::ints({0, 0, 2, 1})},
                                   {"mode", Tensor::text("reflect")},
                                   {"constant_val", Tensor::scalar(DType::fp16, 0)}});
  });
  EXPECT_EQ(y, picked({2, 1, 0, 1, 2, 3, 4, 5, 4}));
}

// A constant that is moved keeps its patterns too.
TEST(SimMovement, KeepsPatternsOfConstants) {
  Draft d;
  const Value w = d.weight("w", of_patterns({2, 12}, odd_patterns()));
  d.builder.output("y", concat({d.input("x", {2, 1}), w}, 1));
  const Halves y = patterns_of(run(Chip::m4, d, {halves({2, 1}, {1, 2})})[0]);
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(y[1 + i], odd_patterns()[i]) << i;
}

TEST(SimMovement, ReadsIndicesAsNumbers) {
  Draft d;
  const Value x = d.input("x", {4, 6}), i = d.builder.input("i", {DType::uint8, {3}});
  d.builder.output("y", d.builder.apply("gather", {{"x", x}, {"indices", i}, {"axis", Tensor::integer(1)}}));
  const Tensor indices = Tensor::from_numbers({DType::uint8, {3}}, std::vector<double>{5, 0, 1});
  EXPECT_EQ(patterns_of(run(Chip::m4, d, {of_patterns({4, 6}, odd_patterns()), indices})[0]),
            picked({5, 0, 1, 11, 6, 7, 17, 12, 13, 23, 18, 19}));
}

}  // namespace
}  // namespace anemone::sim
