// softmax(scale·q·kᵀ + mask)·v and its backward pass (kernels/attention.h), where the mask is none or causal.
#include "device/cpu/kernels/attention.h"

#include <algorithm>

#include "device/cpu/lowering.h"
#include "device/cpu/patterns/pattern.h"

namespace anemone::cpu {
namespace {

using mil::Operation;
using mil::ValueId;

// What is added to a score so that its exponential vanishes. Scores that come near it in size are past all meaning: the
// kernel takes it for −∞.
constexpr double kMasked = -1e4;

// Keys or values: heads [N, G, S, h], each of which `group` heads of queries read.
struct Shared {
  ValueId heads = -1;
  int64_t group = 1;
};

// softmax(scale·q·kᵀ + mask)
struct Probabilities {
  ValueId q, k, p;
  Shared keys;
  double scale = 1;
  bool causal = false;
  std::vector<const Operation*> covers;
};

struct Factors {
  ValueId x, y;
};
// x·y, transposed as told.
std::optional<Factors> match_product(const Graph& graph, const Operation* matmul, bool x_transposed,
                                     bool y_transposed) {
  if (matmul == nullptr || matmul->op->name != "matmul") return {};
  if (graph.flag(*matmul, "transpose_x") != x_transposed || graph.flag(*matmul, "transpose_y") != y_transposed)
    return {};
  const Factors factors{operand(*matmul, "x"), operand(*matmul, "y")};
  const mil::Shape &x = graph.shape(factors.x), &y = graph.shape(factors.y);
  const bool heads = x.size() == 4 && y.size() == 4 && x[0] == y[0] && x[1] == y[1];
  return heads ? std::optional(factors) : std::nullopt;
}

// [N, G·n, S, h] from [N, G, S, h] by repeating each head n times: reshape(concat({rows, …, rows}, 3)), with rows = x
// as [N, 1, G, S·h].
Shared match_shared(const Graph& graph, ValueId id, std::vector<const Operation*>& covers) {
  const Operation* whole = graph.producer(id, "reshape");
  const Operation* concat = whole == nullptr ? nullptr : graph.producer(operand(*whole, "x"), "concat");
  if (concat == nullptr || graph.flag(*concat, "interleave")) return {id};
  const std::vector<ValueId>& parts = concat->argument("values")->values;
  const Operation* rows = graph.producer(parts[0], "reshape");
  const auto same = [&](ValueId part) { return part == parts[0]; };
  const double axis = graph.number(operand(*concat, "axis")).value_or(0);
  const bool along_last = (axis < 0 ? axis + 4 : axis) == 3;
  if (rows == nullptr || !std::ranges::all_of(parts, same) || !along_last) return {id};
  const Shared shared{operand(*rows, "x"), std::ssize(parts)};
  const mil::Shape &x = graph.shape(shared.heads), &all = graph.shape(id);
  const bool fits = x.size() == 4 && all == mil::Shape{x[0], x[1] * shared.group, x[2], x[3]} &&
                    graph.shape(parts[0]) == mil::Shape{x[0], 1, x[1], x[2] * x[3]};
  if (!fits) return {id};
  covers.insert(covers.end(), {whole, concat, rows});
  return shared;
}

// A binary op's operand beside one that `is` something.
template <class Is>
std::optional<ValueId> beside(const Operation* operation, const Is& is) {
  if (operation == nullptr) return {};
  const ValueId x = operand(*operation, "x"), y = operand(*operation, "y");
  if (is(y)) return x;
  return is(x) ? std::optional(y) : std::nullopt;
}

// [1, 1, S, S]: 0 where key ≤ query, else at most kMasked.
bool is_causal(const mil::Tensor& mask) {
  const mil::Shape& shape = mask.type().shape;
  const size_t rank = shape.size();
  if (!mil::is_float(mask.type().dtype) || rank < 2 || mask.type().count() != shape[rank - 1] * shape[rank - 2])
    return false;
  const int64_t keys = shape[rank - 1];
  if (shape[rank - 2] != keys) return false;
  const std::vector<double> values = mask.numbers();
  for (int64_t i = 0; i < std::ssize(values); ++i) {
    const bool seen = i % keys <= i / keys;
    if (seen ? values[size_t(i)] != 0 : values[size_t(i)] > kMasked) return false;
  }
  return true;
}

// Peels x + mask, then scale·x, from what the softmax takes.
ValueId peel(const Graph& graph, ValueId x, Probabilities& found) {
  const Operation* add = graph.producer(x, "add");
  const auto masked = beside(add, [&](ValueId id) {
    const mil::Tensor* mask = graph.constant(id);
    return mask != nullptr && is_causal(*mask);
  });
  if (masked) {
    found.causal = true;
    found.covers.push_back(add);
    x = *masked;
  }
  const Operation* mul = graph.producer(x, "mul");
  const auto scaled = beside(mul, [&](ValueId id) {
    const auto number = graph.number(id);
    if (number && *number > 0) found.scale = *number;
    return number && *number > 0;
  });
  if (scaled) found.covers.push_back(mul);
  return scaled.value_or(x);
}

std::optional<Probabilities> match_probabilities(const Graph& graph, ValueId p) {
  const Operation* softmax = graph.producer(p, "softmax");
  if (softmax == nullptr) return {};
  const auto axis = graph.number(operand(*softmax, "axis"));
  if (axis != -1 && axis != double(graph.shape(p).size()) - 1) return {};
  Probabilities found{.q = -1, .k = -1, .p = p, .keys = {}, .covers = {softmax}};
  const ValueId scores = peel(graph, operand(*softmax, "x"), found);
  const Operation* product = graph.producer(scores, "matmul");
  const auto factors = match_product(graph, product, false, true);
  if (!factors || graph.shape(scores) != graph.shape(p)) return {};
  found.covers.push_back(product);
  found.q = factors->x;
  found.k = factors->y;
  found.keys = match_shared(graph, found.k, found.covers);
  return found;
}

template <class T>
HeadsOf<T> heads_at(const Pointers& p, const View& view, int64_t group) {
  HeadsOf<T> heads{p.at(view), {}, group};
  std::ranges::copy(view.strides, heads.strides.begin());
  return heads;
}
ConstHeads heads(const Pointers& p, const View& view, int64_t group = 1) {
  return heads_at<const float>(p, view, group);
}
Heads mutable_heads(const Pointers& p, const View& view) { return heads_at<float>(p, view, 1); }

AttentionShape shape_of(const Lowering& l, const Probabilities& p, bool backward) {
  const mil::Shape &q = l.shape(p.q), &k = l.shape(p.k);
  return {.batch = q[0],
          .heads = q[1],
          .queries = q[2],
          .keys = k[2],
          .depth = q[3],
          .scale = float(p.scale),
          .causal = p.causal,
          .rounding = l.rounding(p.p),
          .factors = l.factors(),
          .backward = backward};
}

void lower_attention(Lowering& l, const Probabilities& p, const Shared& values, ValueId result) {
  const auto attention = std::make_shared<const Attention>(shape_of(l, p, false));
  const View q = l.read(p.q), k = l.read(p.keys.heads), v = l.read(values.heads), o = l.target_like(result, q);
  const View scratch = l.temporary({attention->scratch_floats()});
  l.emit({q, k, v, o, scratch}, [=, kn = p.keys.group, vn = values.group](const Pointers& at) {
    attention->forward(heads(at, q), heads(at, k, kn), heads(at, v, vn), mutable_heads(at, o), at.at(scratch));
  });
  l.define(result, o);
}

// The backward pass from the gradient d_o by P·v.
struct Backward {
  Probabilities p;
  Shared values;
  ValueId d_o;
  ValueId dq, dk, dv;
};

void lower_backward(Lowering& l, const Backward& b) {
  const auto attention = std::make_shared<const Attention>(shape_of(l, b.p, true));
  const View q = l.read(b.p.q), k = l.read(b.p.keys.heads), v = l.read(b.values.heads), d_o = l.read(b.d_o);
  const View dq = l.target_like(b.dq, q), dk = l.target_like(b.dk, q), dv = l.target_like(b.dv, q);
  const View scratch = l.temporary({attention->scratch_floats()});
  l.emit({q, k, v, d_o, dq, dk, dv, scratch}, [=, kn = b.p.keys.group, vn = b.values.group](const Pointers& at) {
    attention->backward(heads(at, q), heads(at, k, kn), heads(at, v, vn), heads(at, d_o),
                        {mutable_heads(at, dq), mutable_heads(at, dk), mutable_heads(at, dv)}, at.at(scratch));
  });
  l.define(b.dq, dq);
  l.define(b.dk, dk);
  l.define(b.dv, dv);
}

// Σ p·dp along the keys.
bool is_row_sum(const Graph& graph, ValueId id, ValueId p, ValueId dp, std::vector<const Operation*>& covers) {
  const Operation* sum = graph.producer(id, "reduce_sum");
  if (sum == nullptr || !graph.flag(*sum, "keep_dims")) return false;
  const std::vector<int64_t> axes = graph.integers(*sum, "axes");
  if (axes != std::vector<int64_t>{-1} && axes != std::vector<int64_t>{3}) return false;
  const Operation* product = graph.producer(operand(*sum, "x"), "mul");
  if (beside(product, [&](ValueId x) { return x == p; }) != dp) return false;
  covers.insert(covers.end(), {sum, product});
  return true;
}

// dS = scale·(P∘(dP − rowsum(P∘dP))); gives P and dP.
struct ScoreGradient {
  ValueId p, dp;
  double scale;
};
std::optional<ScoreGradient> match_score_gradient(const Graph& graph, ValueId ds,
                                                  std::vector<const Operation*>& covers) {
  const Operation* scaled = graph.producer(ds, "mul");
  double scale = 1;
  const auto inner = beside(scaled, [&](ValueId id) {
    const auto number = graph.number(id);
    scale = number.value_or(1);
    return number.has_value();
  });
  const Operation* product = inner ? graph.producer(*inner, "mul") : scaled;
  if (product == nullptr) return {};
  if (inner) covers.push_back(scaled);
  covers.push_back(product);
  for (const auto& [p, difference] : {std::pair{operand(*product, "x"), operand(*product, "y")},
                                      std::pair{operand(*product, "y"), operand(*product, "x")}}) {
    const Operation* sub = graph.producer(difference, "sub");
    if (sub == nullptr || graph.producer(p, "softmax") == nullptr) continue;
    const ValueId dp = operand(*sub, "x");
    if (!is_row_sum(graph, operand(*sub, "y"), p, dp, covers)) continue;
    covers.push_back(sub);
    return ScoreGradient{p, dp, inner ? scale : 1};
  }
  return {};
}

// The user of `x` that multiplies it, or its transpose, with something.
const Operation* product_of(const Graph& graph, ValueId x, bool transposed) {
  for (const Operation* user : graph.users(x)) {
    const auto factors = match_product(graph, user, transposed, false);
    if (factors && factors->x == x) return user;
  }
  return nullptr;
}

}  // namespace

std::optional<Pattern> match_attention(const Graph& graph, const Operation& operation) {
  const auto factors = match_product(graph, &operation, false, false);
  if (!factors) return {};
  const auto p = match_probabilities(graph, factors->x);
  if (!p) return {};
  const ValueId v = factors->y, result = operation.results[0];
  if (graph.shape(v)[3] != graph.shape(p->q)[3]) return {};
  Pattern pattern{.covers = p->covers, .results = {result}, .lower = {}};
  pattern.covers.push_back(&operation);
  const Shared values = match_shared(graph, v, pattern.covers);
  pattern.lower = [p = *p, values, result](Lowering& l) { lower_attention(l, p, values, result); };
  return pattern;
}

// At either product of dS, whichever comes last.
std::optional<Pattern> match_attention_backward(const Graph& graph, const Operation& operation) {
  if (operation.op->name != "matmul") return {};
  const ValueId ds = operand(operation, "x");
  Pattern pattern;
  const auto gradient = match_score_gradient(graph, ds, pattern.covers);
  if (!gradient) return {};
  const Operation *dq = product_of(graph, ds, false), *dk = product_of(graph, ds, true);
  const Operation *dv = product_of(graph, gradient->p, true), *dp = graph.producer(gradient->dp, "matmul");
  const auto d_scores = match_product(graph, dp, false, true);
  const auto p = match_probabilities(graph, gradient->p);
  if (dq == nullptr || dk == nullptr || dv == nullptr || !d_scores || !p) return {};
  const Backward backward{.p = *p,
                          .values = match_shared(graph, d_scores->y, pattern.covers),
                          .d_o = d_scores->x,
                          .dq = dq->results[0],
                          .dk = dk->results[0],
                          .dv = dv->results[0]};
  const bool fits = operand(*dq, "y") == p->k && operand(*dk, "y") == p->q && operand(*dv, "y") == backward.d_o &&
                    gradient->scale == p->scale && graph.shape(d_scores->y) == graph.shape(p->k);
  if (!fits || &operation != std::max({dq, dk, dv})) return {};
  pattern.covers.insert(pattern.covers.end(), p->covers.begin(), p->covers.end());
  pattern.covers.insert(pattern.covers.end(), {dq, dk, dv, dp});
  pattern.results = {backward.dq, backward.dk, backward.dv};
  pattern.lower = [backward](Lowering& l) { lower_backward(l, backward); };
  return pattern;
}

}  // namespace anemone::cpu
