// Matrix products: linear, matmul, einsum, attention.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "mil/gradient.h"
#include "mil/ops/elementwise.h"
#include "mil/ops/families.h"

namespace anemone::mil {
namespace {

// ---- matmul: [.., m, k] · [.., k, n] with transposes; leading dimensions broadcast; rank 1 is a row or a column.

struct Product {
  Shape batch, x_batch, y_batch;
  int64_t m, n, k;
};

Result<Product> product_of(const OpCall& c) {
  Shape x = c.type("x").shape, y = c.type("y").shape;
  const bool tx = c.flag("transpose_x"), ty = c.flag("transpose_y");
  if (x.empty() || y.empty() || (tx && x.size() == 1) || (ty && y.size() == 1)) {
    return fail("matmul: operands need rank 1 or more, transposed ones rank 2");
  }
  if (x.size() == 1) x.insert(x.begin(), 1);
  if (y.size() == 1) y.push_back(1);
  const int64_t rows = x[x.size() - 2], columns = x.back(), y_rows = y[y.size() - 2], y_columns = y.back();
  Product p{{},
            {x.begin(), x.end() - 2},
            {y.begin(), y.end() - 2},
            tx ? columns : rows,
            ty ? y_rows : y_columns,
            tx ? rows : columns};
  if (p.k != (ty ? y_columns : y_rows)) {
    return fail("matmul: {} and {} do not share their contracted dimension", to_string(c.type("x").shape),
                to_string(c.type("y").shape));
  }
  p.batch = TRY(broadcast("matmul", p.x_batch, p.y_batch));
  return p;
}

// Element types differ where one operand alone is a constant, from iOS 17; the result is like the other.
Result<std::vector<TensorType>> infer_matmul(const OpCall& c) {
  const Product p = TRY(product_of(c));
  const OpCall::Operand &x = c.operands("x")[0], &y = c.operands("y")[0];
  if (x.type.dtype != y.type.dtype && x.fixed == y.fixed) {
    return fail("matmul: parameter y is {}, but x is {}; they may differ only where one is a constant",
                to_string(y.type), to_string(x.type));
  }
  Shape out = p.batch;
  if (c.rank("x") > 1) out.push_back(p.m);
  if (c.rank("y") > 1) out.push_back(p.n);
  return {{{x.fixed ? y.type.dtype : x.type.dtype, out}}};
}

// The index of batch `b` of `out` within the broadcast `in`.
int64_t batch_index(int64_t b, const Shape& out, const Shape& in) {
  int64_t index = 0, stride = 1;
  for (size_t i = 0; i < in.size(); ++i) {  // from the innermost
    const int64_t size = in[in.size() - 1 - i];
    const int64_t extent = out[out.size() - 1 - i];
    if (size != 1) index += b % extent * stride;
    b /= extent;
    stride *= size;
  }
  return index;
}

// Calls use(times) with the product of two numbers of x's element type.
template <class Use>
void with_product(const OpCall& c, const Use& use) {
  if (is_float(c.type("x").dtype)) return use(std::multiplies<double>());
  use([](double x, double y) { return int32_product(x, y); });
}

template <class Times>
void multiply(const OpCall& c, const Times& times, Array& result) {
  const Product p = *product_of(c);
  const bool tx = c.flag("transpose_x"), ty = c.flag("transpose_y");
  for (int64_t b = 0, n = count(p.batch); b < n; ++b) {
    const double* x = c.array("x").data.data() + batch_index(b, p.batch, p.x_batch) * p.m * p.k;
    const double* y = c.array("y").data.data() + batch_index(b, p.batch, p.y_batch) * p.k * p.n;
    double* out = result.data.data() + b * p.m * p.n;
    for (int64_t i = 0; i < p.m; ++i) {
      std::fill_n(out + i * p.n, p.n, 0.0);
      for (int64_t k = 0; k < p.k; ++k) {
        const double xik = tx ? x[k * p.m + i] : x[i * p.k + k];
        for (int64_t j = 0; j < p.n; ++j) {
          out[i * p.n + j] += times(xik, ty ? y[j * p.k + k] : y[k * p.n + j]);
        }
      }
    }
  }
}

void evaluate_matmul(const OpCall& c, std::span<Array> results) {
  with_product(c, [&](const auto& times) { multiply(c, times, results[0]); });
}

// z = x · y. As matrices: dx = dz · yᵀ and dy = xᵀ · dz; each transposed where its operand is. An operand of rank 1
// is a row, as the transposed y too.
void matmul_backward(GradientUse& use) {
  Value x = use["x"], y = use["y"], dz = use.d();
  bool tx = use.call.flag("transpose_x"), ty = use.call.flag("transpose_y");
  Shape shape = dz.shape();
  if (x.shape().size() == 1) {
    x = reshape(x, {1, x.dim(0)});
    shape.insert(shape.end() - (use.call.rank("y") == 1 ? 0 : 1), 1);
  }
  if (y.shape().size() == 1) {
    y = reshape(y, {1, y.dim(0)});
    ty = true;
    shape.push_back(1);
  }
  if (shape != dz.shape()) dz = reshape(dz, shape);
  if (use.wants("x")) use.add("x", tx ? matmul(y, dz, ty, true) : matmul(dz, y, false, !ty));
  if (use.wants("y")) use.add("y", ty ? matmul(dz, x, true, tx) : matmul(x, dz, !tx, false));
}

OpDef matmul_op(char x, char y, int since) {
  return {.name = "matmul",
          .params = {Param::operand("x", kNumbers, x), Param::operand("y", kNumbers, y),
                     Param::setting("transpose_x", kBool, Tensor::boolean(false)),
                     Param::setting("transpose_y", kBool, Tensor::boolean(false))},
          .infer = infer_matmul,
          .evaluate = evaluate_matmul,
          .gradient = matmul_backward,
          .since = since,
          .formula = "z[.., i, j] = Σ x[.., i, k] · y[.., k, j]"};
}

// ---- linear: x [.., Di], weight [Do, Di], bias [Do] → x · weightᵀ + bias, [.., Do]

Result<std::vector<TensorType>> infer_linear(const OpCall& c) {
  Shape shape = c.shape("x");
  const Shape& weight = c.shape("weight");
  if (shape.empty() || weight.size() != 2 || shape.back() != weight[1]) {
    return fail("linear: x {} does not end with the columns of weight {}", to_string(shape), to_string(weight));
  }
  if (is_float(c.type("x").dtype) != is_float(c.type("weight").dtype)) {
    return fail("linear: x is {} and weight {}: both are floats or none is", to_string(c.type("x")),
                to_string(c.type("weight")));
  }
  if (c.has("bias") && c.shape("bias") != Shape{weight[0]}) {
    return fail("linear: bias is {}, expected [{}]", to_string(c.shape("bias")), weight[0]);
  }
  shape.back() = weight[0];
  return {{{c.type("x").dtype, shape}}};
}

template <class Times>
void multiply_rows(const OpCall& c, const Times& times, Array& result) {
  const int64_t rows = c.shape("weight")[0], columns = c.shape("weight")[1];
  const double* weight = c.array("weight").data.data();
  std::vector<double>& out = result.data;
  for (int64_t at = 0; at < int64_t(out.size()); ++at) {
    const int64_t row = at % rows;
    const double* x = c.array("x").data.data() + at / rows * columns;
    double total = c.has("bias") ? c.array("bias").data[size_t(row)] : 0;
    for (int64_t i = 0; i < columns; ++i) total += times(x[i], weight[row * columns + i]);
    out[size_t(at)] = total;
  }
}

void evaluate_linear(const OpCall& c, std::span<Array> results) {
  with_product(c, [&](const auto& times) { multiply_rows(c, times, results[0]); });
}

std::vector<Value> compose_linear(OpUse& use) {
  const Value product = matmul_nt(use["x"], use["weight"]);
  return {use.has("bias") ? product + cast(use["bias"], product.dtype()) : product};
}

OpDef linear_op(char x, char weight, int since) {
  return {.name = "linear",
          .params = {Param::operand("x", kNumbers, x), Param::weight("weight", kNumbers, weight),
                     Param::weight("bias", kNumbers, weight).maybe()},
          .infer = infer_linear,
          .evaluate = evaluate_linear,
          .compose = compose_linear,
          .since = since,
          .formula = "x · weightᵀ + bias"};
}

// ---- einsum: a [n, c, h, w] · b [n, w, h, u] → [n, c, h, u], with or without n; n and h broadcast

// Letters in order of their first appearance: "nchw,nwhu->nchu" is "abcd,adce->abce".
std::string renamed(std::string_view equation) {
  std::string seen, text;
  for (const char letter : equation) {
    const bool is_index = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (is_index && seen.find(letter) == std::string::npos) seen += letter;
    text += is_index ? static_cast<char>('a' + seen.find(letter)) : letter;
  }
  return text;
}

// The shapes of a, b and the result, n being 1 where the equation has none.
using EinsumShapes = std::array<Shape, 3>;

Result<EinsumShapes> einsum_shapes(const OpCall& c) {
  const auto values = c.operands("values");
  if (values.size() != 2) return fail("einsum: values needs two tensors, not {}", values.size());
  const std::string equation = renamed(c.text("equation"));
  if (equation != "abcd,adce->abce" && equation != "abc,cbd->abd") {
    return fail("einsum: equation \"{}\" is not one of nchw,nwhu->nchu and chw,whr->chr", c.text("equation"));
  }
  Shape a = values[0].type.shape, b = values[1].type.shape;
  const size_t rank = equation.find(',');
  if (a.size() != rank || b.size() != rank) {
    return fail("einsum: {} and {} do not have the rank of \"{}\"", to_string(a), to_string(b), c.text("equation"));
  }
  if (rank == 3) a.insert(a.begin(), 1), b.insert(b.begin(), 1);
  if (a[3] != b[1]) return fail("einsum: {} and {} do not share w", to_string(a), to_string(b));
  const Shape both = TRY(broadcast("einsum", {a[0], a[2]}, {b[0], b[2]}));
  return EinsumShapes{a, b, {both[0], a[1], both[1], b[3]}};
}

Result<std::vector<TensorType>> infer_einsum(const OpCall& c) {
  Shape shape = TRY(einsum_shapes(c))[2];
  const TensorType& a = c.type("values");
  if (a.shape.size() == 3) shape.erase(shape.begin());
  return {{{a.dtype, shape}}};
}

void evaluate_einsum(const OpCall& c, std::span<Array> results) {
  const auto [a, b, out] = *einsum_shapes(c);
  const std::vector<double>& x = c.operands("values")[0].array->data;
  const std::vector<double>& y = c.operands("values")[1].array->data;
  for (int64_t at = 0; at < count(out); ++at) {
    const int64_t u = at % out[3], h = at / out[3] % out[2], row = at / out[3] / out[2] % out[1];
    const int64_t n = at / out[3] / out[2] / out[1];
    const int64_t an = a[0] == 1 ? 0 : n, ah = a[2] == 1 ? 0 : h, bn = b[0] == 1 ? 0 : n, bh = b[2] == 1 ? 0 : h;
    double total = 0;
    for (int64_t w = 0; w < a[3]; ++w) {
      total +=
          x[size_t(((an * a[1] + row) * a[2] + ah) * a[3] + w)] * y[size_t(((bn * b[1] + w) * b[2] + bh) * b[3] + u)];
    }
    results[0].data[size_t(at)] = total;
  }
}

// A product of matrices, h being a dimension of the batch.
std::vector<Value> compose_einsum(OpUse& use) {
  const std::vector<Value>& values = use.all("values");
  const auto perm = values[0].shape().size() == 4 ? std::vector<int64_t>{0, 2, 1, 3} : std::vector<int64_t>{1, 0, 2};
  return {transpose(matmul(transpose(values[0], perm), transpose(values[1], perm)), perm)};
}

OpDef einsum_op() {
  return {.name = "einsum",
          .params = {Param::operand("values", kFloats, 'T').several(), Param::setting("equation", kString)},
          .infer = infer_einsum,
          .evaluate = evaluate_einsum,
          .compose = compose_einsum,
          .formula = "nchw,nwhu->nchu or chw,whr->chr"};
}

// ---- scaled_dot_product_attention: query [.., L, E], key [.., S, E], value [.., S, V] → [.., L, V]

Result<std::vector<TensorType>> infer_attention(const OpCall& c) {
  const std::string_view op = "scaled_dot_product_attention";
  Shape query = c.shape("query");
  const Shape &key = c.shape("key"), &value = c.shape("value");
  const size_t rank = query.size();
  if (rank < 3 || key.size() != rank || value.size() != rank) {
    return fail("{}: query {}, key {} and value {} must have one rank, 3 or more", op, to_string(query), to_string(key),
                to_string(value));
  }
  const bool batches =
      std::equal(query.begin(), query.end() - 2, key.begin()) && std::equal(key.begin(), key.end() - 1, value.begin());
  if (!batches || query[rank - 1] != key[rank - 1]) {
    return fail("{}: query {}, key {} and value {} do not go together", op, to_string(query), to_string(key),
                to_string(value));
  }
  if (c.has("attn_mask")) {
    const TensorType& mask = c.type("attn_mask");
    Shape scores = query;
    scores.back() = key[rank - 2];
    if (mask.dtype != DType::boolean && mask.dtype != c.type("query").dtype) {
      return fail("{}: attn_mask is {}, expected bool or the element type of query", op, to_string(mask));
    }
    if (TRY(broadcast(op, mask.shape, scores)) != scores) {
      return fail("{}: attn_mask {} does not broadcast to {}", op, to_string(mask.shape), to_string(scores));
    }
  }
  query.back() = value.back();
  return {{{c.type("query").dtype, query}}};
}

// Scores to weights that sum to 1, in place.
void evaluate_softmax(std::vector<double>& scores) {
  double largest = -INFINITY, total = 0;
  for (const double score : scores) largest = larger(largest, score);
  for (double& score : scores) total += score = std::exp(score - largest);
  for (double& score : scores) score /= total;
}

void evaluate_attention(const OpCall& c, std::span<Array> results) {
  const Shape &query = c.shape("query"), &value = c.shape("value");
  const auto e = query.back(), v = value.back(), s = value[value.size() - 2], l = query[query.size() - 2];
  Shape score_shape = query;
  score_shape.back() = s;
  std::vector<double> scores(static_cast<size_t>(s));
  std::vector<double>& out = results[0].data;
  for (int64_t row = 0, rows = count({query.begin(), query.end() - 1}); row < rows; ++row) {
    const double* q = c.array("query").data.data() + row * e;
    const double* k = c.array("key").data.data() + row / l * s * e;
    const double* values = c.array("value").data.data() + row / l * s * v;
    for (int64_t j = 0; j < s; ++j) {
      double& score = scores[size_t(j)] = 0;
      for (int64_t i = 0; i < e; ++i) score += q[i] * k[j * e + i];
      score /= std::sqrt(double(e));
      if (!c.has("attn_mask")) continue;
      const Array& mask = c.array("attn_mask");
      const double m = mask.data[size_t(batch_index(row * s + j, score_shape, mask.type.shape))];
      score = mask.type.dtype != DType::boolean ? score + m : m != 0 ? score : -INFINITY;
    }
    evaluate_softmax(scores);
    for (int64_t j = 0; j < s; ++j) {
      for (int64_t i = 0; i < v; ++i) out[size_t(row * v + i)] += scores[size_t(j)] * values[j * v + i];
    }
  }
}

std::vector<Value> compose_attention(OpUse& use) {
  const double scale = 1 / std::sqrt(double(use.call.shape("query").back()));
  Value scores = matmul_nt(use["query"] * scale, use["key"]);
  if (use.has("attn_mask")) {
    const Value mask = use["attn_mask"];
    const Tensor never = Tensor::scalar(scores.dtype(), -INFINITY);
    scores = mask.dtype() == DType::boolean ? use.b.apply("select", {{"cond", mask}, {"a", scores}, {"b", never}})
                                            : scores + mask;
  }
  return {matmul(softmax(scores, -1), use["value"])};
}

OpDef attention_op() {
  return {.name = "scaled_dot_product_attention",
          .params = {Param::operand("query", kFloats, 'T'), Param::operand("key", kFloats, 'T'),
                     Param::operand("value", kFloats, 'T'), Param::operand("attn_mask", kFloats | kBool).maybe()},
          .infer = infer_attention,
          .evaluate = evaluate_attention,
          .compose = compose_attention,
          .since = 18,
          .formula = "softmax(query · keyᵀ / √E + attn_mask) · value; a false in the mask counts as −∞"};
}

}  // namespace

std::vector<OpDef> product_ops() {
  return {
      linear_op('T', 'T', 15), linear_op('T', 'U', 17), matmul_op('T', 'T', 15), matmul_op('T', 'U', 17), einsum_op(),
      attention_op()};
}

}  // namespace anemone::mil
