#include "device/sim/explain.h"

#include <gmock/gmock.h>

#include "mil/builder.h"
#include "mil/inference.h"
#include "mil/parser.h"

namespace anemone::sim {
namespace {

using mil::DType;
using mil::Tensor;
using testing::Contains;
using testing::HasSubstr;

Tensor halves(const mil::Shape& shape, const std::vector<double>& values) {
  return Tensor::from_numbers({DType::fp16, shape}, values);
}

// y = Σ w·x over two channels.
mil::Function dot(double w0, double w1) {
  mil::Builder b;
  const mil::Value x = b.input("x", {DType::fp16, {1, 2, 1, 1}});
  b.output("y", mil::conv(x, b.constant(halves({1, 2, 1, 1}, {w0, w1}), "w")));
  return *b.finish();
}

std::vector<Departure> explained(const mil::Function& function, const std::vector<Tensor>& inputs,
                                 mil::Chip chip = mil::Chip::m4) {
  auto departures = explain(function, {}, {chip}, inputs);
  EXPECT_TRUE(departures) << departures.error().message;
  return departures ? *std::move(departures) : std::vector<Departure>();
}

TEST(Explain, NamesAnOverflow) {
  const auto d = explained(dot(1, 1), {halves({1, 2, 1, 1}, {20000, 20000})});
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].engine, INFINITY);
  EXPECT_EQ(d[0].ieee, 40000);
  EXPECT_THAT(d[0].causes, Contains(HasSubstr("overflow: 1 of 1 sums")));
  EXPECT_EQ(first_responsible(d)->value, "y");
}

TEST(Explain, NamesDroppedProducts) {
  const auto d = explained(dot(0x1p-14, 0x1p-14), {halves({1, 2, 1, 1}, {0.125, 0.125})});
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].engine, 0);
  EXPECT_EQ(d[0].ieee, 0x1p-16);
  EXPECT_THAT(d[0].causes, Contains(HasSubstr("dropped products: 2 of 2")));
}

TEST(Explain, NamesFactorsReadAsNumbers) {
  const auto d = explained(dot(0x1p-12, 0), {halves({1, 2, 1, 1}, {INFINITY, 0})});
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].engine, 16);
  EXPECT_THAT(d[0].causes, Contains(HasSubstr("factors read as numbers: 1")));
}

TEST(Explain, TellsRoundingFromMore) {
  mil::Builder b;
  b.output("y", b.input("x", {DType::fp16, {2}}) + 1.0);
  const auto d = explained(*b.finish(), {halves({2}, {2048, 5})});
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].elements, 1);
  EXPECT_EQ(d[0].engine, 2050);
  EXPECT_EQ(d[0].ieee, 2048);
  EXPECT_EQ(first_responsible(d), nullptr);
}

TEST(Explain, FindsNothingWhereThereIsNothing) {
  EXPECT_TRUE(explained(dot(0.5, 2), {halves({1, 2, 1, 1}, {3, 4})}).empty());
}

// An operation answers for itself: what follows an overflow has infinities on both sides.
TEST(Explain, NamesTheFirstResponsible) {
  mil::Builder b;
  const mil::Value x = b.input("x", {DType::fp16, {1, 2, 1, 1}});
  const mil::Value sum = mil::conv(x, b.constant(halves({1, 2, 1, 1}, {1, 1}), "w"));
  b.output("y", mil::tanh(mil::relu(sum)));
  const auto d = explained(*b.finish(), {halves({1, 2, 1, 1}, {20000, 20000})});
  ASSERT_FALSE(d.empty());
  EXPECT_EQ(first_responsible(d)->op, "conv");
  EXPECT_THAT(d[0].choices, testing::Not(Contains(Choice::run_time_products)));
}

TEST(Explain, PassesOverStates) {
  mil::Builder b;
  const mil::Value state = b.input("s", {.dtype = DType::fp16, .shape = {2}, .state = true});
  const mil::Value sum = b.apply("read_state", {{"input", state}}) + 1.0;
  b.apply_all("write_state", {{"input", state}, {"data", sum}});
  b.output("y", sum * 2.0);
  const auto d = explained(*b.finish(), {halves({2}, {2048, 7})});
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].op, "add");
}

// With the causal mask of two queries and keys, the first query should see the first key alone.
constexpr std::string_view kMasked = R"(program(1.3)
{
  func main<ios18>(tensor<fp16, [1, 1, 2, 2]> q, tensor<fp16, [1, 1, 2, 2]> v) {
    tensor<fp16, [2, 2]> m = const()[name = string("m"), val = tensor<fp16, [2, 2]>([[0, -30000], [0, 0]])];
    tensor<fp16, [1, 1, 2, 2]> y = scaled_dot_product_attention(query = q, key = q, value = v, attn_mask = m)[name = string("y")];
  } -> (y);
}
)";

TEST(Explain, NamesAMaskThatIsIgnored) {
  auto program = mil::parse(kMasked, "text");
  ASSERT_TRUE(program) << program.error().message;
  ASSERT_TRUE(mil::check(program->functions[0]));
  const auto d =
      explained(program->functions[0], {halves({1, 1, 2, 2}, {1, 0.3, 0.2, 0.9}), halves({1, 1, 2, 2}, {1, 2, 3, 4})});
  ASSERT_FALSE(d.empty());
  EXPECT_EQ(d[0].written, "scaled_dot_product_attention");
  EXPECT_THAT(d[0].causes, Contains(HasSubstr("ignores its mask")));
  EXPECT_THAT(d[0].choices, Contains(Choice::attention_mask));
}

// The parts that the engine composes softmax of go by its name and place in the text.
TEST(Explain, NamesWhatTheTextHas) {
  auto program = mil::parse(
      "program(1.3)\n{\n  func main<ios18>(tensor<fp16, [1, 8]> x) {\n"
      "    tensor<fp16, [1, 8]> r = relu(x = x)[name = string(\"r\")];\n"
      "    tensor<fp16, [1, 8]> s = softmax(axis = int32(-1), x = r)[name = string(\"s\")];\n  } -> (s);\n}\n",
      "text");
  ASSERT_TRUE(program) << program.error().message;
  ASSERT_TRUE(mil::check(program->functions[0]));
  const auto d = explained(program->functions[0], {halves({1, 8}, {0.1, 0.7, 4, 3.1, 0.33, 1.9, 2.2, 0.05})});
  const Departure* first = first_responsible(d);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->op, "exp");
  EXPECT_EQ(first->written, "softmax");
  EXPECT_EQ(first->value, "s");
  EXPECT_EQ(first->location.line, 5);
  EXPECT_THAT(first->causes, Contains(HasSubstr("table error")));
}

}  // namespace
}  // namespace anemone::sim
