#include "mil/tensor.h"

#include <gmock/gmock.h>

#include <cmath>

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

std::vector<int> bytes_of(const Tensor& tensor) {
  std::vector<int> bytes;
  for (std::byte byte : tensor.bytes()) bytes.push_back(std::to_integer<int>(byte));
  return bytes;
}

Tensor row(DType dtype, const std::vector<double>& values) {
  return Tensor::from_numbers({dtype, {static_cast<int64_t>(values.size())}}, values);
}

std::vector<double> round_trip(DType dtype, const std::vector<double>& values) { return row(dtype, values).numbers(); }

TEST(Tensor, PacksElementsBelowAByteFromTheLowBitUp) {
  EXPECT_THAT(bytes_of(row(DType::uint4, {1, 2, 15})), ElementsAre(0x21, 0x0F));
  EXPECT_THAT(bytes_of(row(DType::int4, {-1, 7, -8})), ElementsAre(0x7F, 0x08));
  EXPECT_THAT(bytes_of(row(DType::uint1, {1, 0, 0, 1, 0, 0, 0, 0, 1})), ElementsAre(0x09, 0x01));
  EXPECT_THAT(bytes_of(row(DType::uint2, {3, 0, 1, 2})), ElementsAre(0x93));
  EXPECT_THAT(bytes_of(row(DType::uint3, {1, 2, 7})), ElementsAre(0xD1, 0x01));  // 111'010'001 straddles
  EXPECT_THAT(bytes_of(row(DType::uint6, {33, 63})), ElementsAre(0xE1, 0x0F));
}

TEST(Tensor, WholeBytesAreLittleEndian) {
  EXPECT_THAT(bytes_of(row(DType::int16, {-2})), ElementsAre(0xFE, 0xFF));
  EXPECT_THAT(bytes_of(row(DType::uint32, {0x01020304})), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(bytes_of(row(DType::fp16, {1.5})), ElementsAre(0x00, 0x3E));
  EXPECT_THAT(bytes_of(row(DType::bf16, {1.5})), ElementsAre(0xC0, 0x3F));
  EXPECT_THAT(bytes_of(row(DType::fp32, {-2})), ElementsAre(0, 0, 0, 0xC0));
  EXPECT_THAT(bytes_of(row(DType::fp64, {1})), ElementsAre(0, 0, 0, 0, 0, 0, 0xF0, 0x3F));
  EXPECT_THAT(bytes_of(row(DType::boolean, {0, -3})), ElementsAre(0, 1));
}

struct Range {
  DType dtype;
  double low, high;
};

TEST(Tensor, IntegersHoldTheirRangeAndSaturateBeyond) {
  for (const Range& r : std::vector<Range>{{DType::int4, -8, 7},
                                           {DType::int8, -128, 127},
                                           {DType::int16, -32768, 32767},
                                           {DType::int32, -2147483648.0, 2147483647.0},
                                           {DType::uint1, 0, 1},
                                           {DType::uint2, 0, 3},
                                           {DType::uint3, 0, 7},
                                           {DType::uint4, 0, 15},
                                           {DType::uint6, 0, 63},
                                           {DType::uint8, 0, 255},
                                           {DType::uint16, 0, 65535},
                                           {DType::uint32, 0, 4294967295.0}}) {
    EXPECT_THAT(round_trip(r.dtype, {r.low, r.high, r.low - 1, r.high + 1, -INFINITY, INFINITY, NAN, 0.99, -0.99}),
                ElementsAre(r.low, r.high, r.low, r.high, r.low, r.high, 0, 0, 0))
        << to_string(r.dtype);
  }
}

TEST(Tensor, WideIntegersSaturateAtTheirEnds) {
  EXPECT_THAT(bytes_of(row(DType::int64, {1e300})), ElementsAre(255, 255, 255, 255, 255, 255, 255, 127));
  EXPECT_THAT(bytes_of(row(DType::int64, {-1e300})), ElementsAre(0, 0, 0, 0, 0, 0, 0, 128));
  EXPECT_THAT(bytes_of(row(DType::uint64, {0x1p64})), ElementsAreArray(std::vector<int>(8, 255)));
  EXPECT_THAT(round_trip(DType::int64, {-3, 0x1p62}), ElementsAre(-3, 0x1p62));
}

TEST(Tensor, FloatsRoundOnceToNearestEven) {
  EXPECT_THAT(round_trip(DType::fp16, {2049, 2051, 1 + 0x1p-11 + 0x1p-40, 65520, 0x1p-25, -0x1.8p-25}),
              ElementsAre(2048, 2052, 1 + 0x1p-10, INFINITY, 0, -0x1p-24));
  EXPECT_THAT(round_trip(DType::fp32, {1 + 0x1p-24, 1 + 0x1.8p-24, 1e300}), ElementsAre(1, 1 + 0x1p-23, INFINITY));
  EXPECT_THAT(round_trip(DType::bf16, {1 + 0x1p-8, 1 + 0x1.8p-8, -INFINITY}), ElementsAre(1, 1 + 0x1p-7, -INFINITY));
  EXPECT_TRUE(std::isnan(round_trip(DType::fp16, {NAN})[0]));
  EXPECT_TRUE(std::isnan(round_trip(DType::bf16, {NAN})[0]));
}

TEST(Tensor, BFloat16DoesNotRoundTwice) {
  // Just above and below a tie of bfloat16, by less than a float can tell.
  EXPECT_THAT(round_trip(DType::bf16, {1 + 0x1p-8 + 0x1p-40, 1 + 0x1.8p-7 - 0x1p-40}),
              ElementsAre(1 + 0x1p-7, 1 + 0x1p-7));
  EXPECT_THAT(round_trip(DType::bf16, {-1 - 0x1p-8 - 0x1p-40}), ElementsAre(-1 - 0x1p-7));
}

TEST(Tensor, AnyNonZeroByteIsTrue) {
  const Tensor odd = Tensor::own({DType::boolean, {2}}, {std::byte{0}, std::byte{0x80}});
  EXPECT_THAT(odd.numbers(), ElementsAre(0, 1));
}

TEST(Tensor, ScalarsTextsAndLists) {
  EXPECT_EQ(Tensor::text("valid").characters(), "valid");
  EXPECT_EQ(Tensor::text("").type(), (TensorType{DType::string, {}}));
  EXPECT_THAT(Tensor::ints({3, -1}).integers(), ElementsAre(3, -1));
  EXPECT_EQ(Tensor::ints({}).type(), (TensorType{DType::int32, {0}}));
  EXPECT_EQ(Tensor::integer(7).type(), (TensorType{DType::int32, {}}));
  EXPECT_EQ(Tensor::boolean(true).number(0), 1);
}

TEST(Tensor, EqualityIsOfTypeAndBytes) {
  EXPECT_EQ(row(DType::fp16, {1, 2}), row(DType::fp16, {1, 2}));
  EXPECT_NE(row(DType::fp16, {1, 2}), row(DType::fp16, {1, 3}));
  EXPECT_NE(row(DType::uint8, {1}), row(DType::int8, {1}));
  EXPECT_NE(Tensor::scalar(DType::fp32, 1), row(DType::fp32, {1}));
  EXPECT_NE(Tensor::scalar(DType::fp32, 0.0), Tensor::scalar(DType::fp32, -0.0));
  EXPECT_EQ(Tensor::scalar(DType::fp32, NAN), Tensor::scalar(DType::fp32, NAN));
}

TEST(Tensor, AViewKeepsItsOwnerAlive) {
  auto owner = std::make_shared<std::vector<std::byte>>(4, std::byte{1});
  const std::weak_ptr<void> watch = owner;
  {
    const Tensor view = Tensor::view({DType::uint8, {4}}, *owner, owner);
    const Tensor copy = view;
    owner.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_THAT(copy.numbers(), ElementsAre(1, 1, 1, 1));
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, OfFloatsIsTheirRoundedTranspose) {
  std::vector<float> floats(35);
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = std::sin(float(i)) * 1000;
  for (const DType dtype : {DType::fp32, DType::fp16, DType::bf16}) {
    std::vector<double> plain(floats.begin(), floats.end()), turned(35);
    for (size_t r = 0; r < 5; ++r) {
      for (size_t c = 0; c < 7; ++c) turned[c * 5 + r] = floats[r * 7 + c];
    }
    EXPECT_EQ(Tensor::of_floats({dtype, {5, 7}}, {floats.data(), 5, 7}), Tensor::from_numbers({dtype, {5, 7}}, plain));
    EXPECT_EQ(Tensor::of_floats({dtype, {7, 5, 1}}, {floats.data(), 5, 7, true}),
              Tensor::from_numbers({dtype, {7, 5, 1}}, turned));
  }
}

}  // namespace
}  // namespace anemone::mil
