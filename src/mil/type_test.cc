#include "mil/type.h"

#include <gmock/gmock.h>

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DType, EveryNameOfTheGrammarIsKnownAndPrintsAsItself) {
  for (std::string_view name :
       {"fp16",  "fp32",  "fp64",  "bf16",  "bool",  "string", "int4",  "int8",   "int16",  "int32",
        "int64", "uint1", "uint2", "uint3", "uint4", "uint6",  "uint8", "uint16", "uint32", "uint64"}) {
    const auto dtype = parse_dtype(name);
    ASSERT_TRUE(dtype) << name;
    EXPECT_EQ(to_string(*dtype), name);
  }
  EXPECT_FALSE(parse_dtype("fp8"));
  EXPECT_FALSE(parse_dtype(""));
}

TEST(DType, BitsFollowFromTheName) {
  EXPECT_EQ(bits(DType::boolean), 8u);
  EXPECT_EQ(bits(DType::bf16), 16u);
  EXPECT_EQ(bits(DType::fp64), 64u);
  EXPECT_EQ(bits(DType::uint3), 3u);
  EXPECT_EQ(bits(DType::int4), 4u);
}

TEST(DType, KindsAreToldApart) {
  EXPECT_TRUE(is_float(DType::bf16));
  EXPECT_FALSE(is_float(DType::int32));
  EXPECT_TRUE(is_signed_integer(DType::int4));
  EXPECT_TRUE(is_signed_integer(DType::int64));
  EXPECT_FALSE(is_signed_integer(DType::uint1));
  EXPECT_FALSE(is_signed_integer(DType::fp32));
  EXPECT_FALSE(is_signed_integer(DType::boolean));
}

TEST(TensorType, PrintsAsMilWritesIt) {
  EXPECT_EQ(to_string(TensorType{DType::fp16, {1, 768, 1, 256}}), "tensor<fp16, [1, 768, 1, 256]>");
  EXPECT_EQ(to_string(TensorType{DType::int32, {kUnknown, 2}}), "tensor<int32, [?, 2]>");
  EXPECT_EQ(to_string(TensorType{DType::boolean, {}}), "bool");
}

TEST(TensorType, CountsElementsAndPackedBytes) {
  EXPECT_EQ((TensorType{DType::fp32, {}}.bytes()), 4u);
  EXPECT_EQ((TensorType{DType::fp16, {3, 5}}.bytes()), 30u);
  EXPECT_EQ((TensorType{DType::uint3, {3}}.bytes()), 2u);  // 9 bits
  EXPECT_EQ((TensorType{DType::uint1, {8}}.bytes()), 1u);
  EXPECT_EQ((TensorType{DType::fp16, {4, 0}}.count()), 0);
}

TEST(TensorType, CheckedBytesRefusesWhatCannotBe) {
  EXPECT_EQ(*checked_bytes({DType::int4, {7}}), 4u);
  EXPECT_EQ(*checked_bytes({DType::fp32, {0, 3}}), 0u);
  EXPECT_THAT(checked_bytes({DType::fp16, {kUnknown}}).error().message, HasSubstr("out of range"));
  EXPECT_THAT(checked_bytes({DType::fp16, {int64_t{1} << 31}}).error().message, HasSubstr("out of range"));
  const int64_t large = 1 << 30;
  EXPECT_THAT(checked_bytes({DType::fp16, {large, large, large, large}}).error().message, HasSubstr("too large"));
  EXPECT_EQ(*checked_bytes({DType::fp64, {1 << 24, 1 << 24}}), size_t{1} << 51);
  EXPECT_FALSE(checked_bytes({DType::uint1, {1 << 24, (1 << 24) + 1}}));
}

TEST(Shape, PackedStridesEndInOne) {
  EXPECT_THAT(packed_strides({2, 3, 5}), ElementsAre(15, 5, 1));
  EXPECT_THAT(packed_strides({}), IsEmpty());
}

}  // namespace
}  // namespace anemone::mil
