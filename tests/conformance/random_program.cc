#include "random_program.h"

#include <array>

namespace anemone::conformance {
namespace {

using mil::concat;
using mil::Shape;
using mil::Tensor;
using mil::Value;

// Grows a program op by op; values stay of order one, so that errors do.
class Grower {
 public:
  Grower(Draft& draft, Integers integers) : draft_(draft) {
    for (int i = 0; i < 2; ++i) {
      const Shape shape{1, size(), size(), size()};
      pool_.push_back(draft.input(fmt::format("x{}", i), shape));
      if (integers == Integers::at_run_time) {
        integers_.push_back(draft.builder.input(fmt::format("i{}", i), {mil::DType::int32, shape}));
      }
    }
    indices_ = integers == Integers::at_run_time ? draft.builder.input("indices", {mil::DType::int32, {size()}})
                                                 : draft.builder.constant(Tensor::ints({0, 0, -1}));
  }

  void grow() {
    const Value x = pick();
    switch (below(20)) {
      case 0:
        return keep(draft_.op(kUnary[below(kUnary.size())], x));
      case 1:
        return keep(draft_.op(kBinary[below(kBinary.size())], {{"x", x}, {"y", partner(x)}}));
      case 2:
        return keep(transpose(x, shuffled()));
      case 3:
        return keep(reshape(x, regrouped(x.shape())));
      case 4:
        return keep(cut(x));
      case 5:
        return keep(softmax(x, axis()));
      case 6:
        return keep(draft_.op("tanh", sum(x, axis())));
      case 7:
        return keep(draft_.op("tanh", below(2) == 0 ? matmul_nt(x, x * 0.5) : matmul_tn(x, x * 0.5)));
      case 8:
        return keep(conv(x, draft_.weight({size(), x.dim(1), 1, 1}, 0.3)));
      case 9:
        return keep_wider(x);
      case 10: {  // a minimum, which does not jump where rounding turns the comparison
        const Value y = partner(x);
        return keep(mil::select(mil::less(x, y), x, y));
      }
      case 11:
        return keep(draft_.op("gather", {{"x", x}, {"indices", indices_}, {"axis", Tensor::integer(axis())}}));
      case 12:
        return keep_integers();
      case 13:
        return keep(draft_.op(
            "tanh", draft_.op(kReductions[below(kReductions.size())],
                              {{"x", x}, {"axes", Tensor::ints({axis()})}, {"keep_dims", Tensor::boolean(true)}})));
      case 14:
        return keep(mil::pad(x, {int64_t(below(3)), int64_t(below(2)), int64_t(below(2)), 1}, 0.5));
      case 15:
        return keep_halves(x);
      case 16:  // an epsilon of one, so that equal elements do not blow up what rounding left of them
        return keep(draft_.op(
            "layer_norm", {{"x", x}, {"axes", Tensor::ints({axis()})}, {"epsilon", Tensor::scalar(draft_.dtype, 1)}}));
      case 17:
        return keep(draft_.op("reverse", {{"x", x}, {"axes", Tensor::ints({axis()})}}));
      case 18:
        return keep(draft_.op("tile", {{"x", x}, {"reps", Tensor::ints({1, 1 + int64_t(below(2)), 1, 2})}}));
      default:
        return keep(draft_.op("tanh", draft_.op("cumsum", {{"x", x}, {"axis", Tensor::integer(axis())}})));
    }
  }

  void finish() {
    for (int i = 0; i < 3; ++i) draft_.output(fmt::format("y{}", i), pool_[pool_.size() - 1 - below(pool_.size() / 2)]);
  }

 private:
  static constexpr std::array<const char*, 11> kUnary{"tanh", "sigmoid", "relu",     "abs",      "silu", "erf",
                                                      "sin",  "gelu",    "softplus", "softsign", "cos"};
  static constexpr std::array<const char*, 4> kBinary{"add", "sub", "maximum", "minimum"};
  static constexpr std::array<const char*, 4> kReductions{"reduce_max", "reduce_min", "reduce_mean",
                                                          "reduce_log_sum_exp"};

  uint64_t below(uint64_t bound) { return draft_.random.below(bound); }
  int64_t size() { return int64_t(1 + below(9)); }
  int64_t axis() { return int64_t(below(8)) - 4; }
  Value pick() { return pool_[below(pool_.size())]; }
  void keep(Value value) {
    if (mil::count(value.shape()) < 20000) pool_.push_back(value);
  }

  void keep_wider(Value x) {
    const Value part = cut(x);
    keep(concat({x, part, sigmoid(x)}, axis_of_cut_));
  }
  // Integers stay small: what is kept of them is exact in every float.
  void keep_integers() {
    if (integers_.empty()) return;
    Value& i = integers_[below(2)];
    const Value two = draft_.builder.constant(Tensor::integer(2));
    i = mil::select(mil::less(i, two), i + two, i - two);
    keep(cast(draft_.op("maximum", {{"x", i}, {"y", two * i}}), draft_.dtype) * 0.125);
  }
  void keep_halves(Value x) {
    const size_t d = below(4);
    const int64_t first = x.dim(d) / 2;
    if (first == 0) return;
    for (Value part : draft_.builder.apply_all("split", {{"x", x},
                                                         {"axis", Tensor::integer(int64_t(d))},
                                                         {"split_sizes", Tensor::ints({first, x.dim(d) - first})}})) {
      keep(part);
    }
  }
  // A value that broadcasts with x: one of its shape, or x summed along an axis.
  Value partner(Value x) {
    const Value other = pick();
    return other.shape() == x.shape() ? other : draft_.op("tanh", sum(x, axis()));
  }
  std::vector<int64_t> shuffled() {
    std::vector<int64_t> perm{0, 1, 2, 3};
    for (size_t i = 3; i > 0; --i) std::swap(perm[i], perm[below(i + 1)]);
    return perm;
  }
  // Two neighbouring dimensions become one, and a dimension of 1 comes in elsewhere.
  Shape regrouped(Shape shape) {
    const size_t d = below(3);
    shape[d] *= shape[d + 1];
    shape.erase(shape.begin() + int64_t(d) + 1);
    shape.insert(shape.begin() + int64_t(below(4)), 1);
    return shape;
  }
  Value cut(Value x) {
    const size_t d = below(4);
    axis_of_cut_ = int64_t(d);
    const int64_t length = 1 + int64_t(below(uint64_t(x.dim(d))));
    return slice(x, d, int64_t(below(uint64_t(x.dim(d) - length + 1))), length);
  }

  Draft& draft_;
  std::vector<Value> pool_, integers_;
  Value indices_;
  int64_t axis_of_cut_ = 0;
};

}  // namespace

Result<mil::Function> random_program(Draft& draft, Integers integers) {
  Grower grower(draft, integers);
  for (int i = 0; i < 16; ++i) grower.grow();
  grower.finish();
  return draft.builder.finish();
}

}  // namespace anemone::conformance
