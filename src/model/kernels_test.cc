// The forward kernels against plain loops, and what holds for attention whatever its weights.
#include "model/kernels.h"

#include <gtest/gtest.h>

#include "model/kernel_testing.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;

constexpr double kTolerance = 1e-6;  // constants of the programs (tables, scales, ε) are floats

// ---- The forward pass in plain loops over matrices [channels, tokens].

// Each column's blocks of as many channels as w has: x / √(mean x² + ε) · w.
Matrix normed(const Matrix& x, const Matrix& w, double eps) {
  Matrix y = x;
  for (int64_t t = 0; t < x.columns; ++t) {
    for (int64_t first = 0; first < x.rows; first += w.rows) {
      double squares = 0;
      for (int64_t i = 0; i < w.rows; ++i) squares += x(first + i, t) * x(first + i, t);
      const double rms = std::sqrt(squares / static_cast<double>(w.rows) + eps);
      for (int64_t i = 0; i < w.rows; ++i) y(first + i, t) = x(first + i, t) / rms * w(i, 0);
    }
  }
  return y;
}

// Each pair as a complex number, turned by the angle p·θ^(−2i/h).
Matrix turned(const Matrix& x, const Geometry& g) {
  const Config& c = g.config;
  if (c.rope == Rope::none) return x;
  const int64_t h = c.head_dim;
  Matrix y = x;
  for (int64_t t = 0; t < x.columns; ++t) {
    for (int64_t pair = 0; pair < x.rows / 2; ++pair) {
      const int64_t i = pair % (h / 2), base = pair / (h / 2) * h;
      const int64_t a = base + (c.rope == Rope::half ? i : 2 * i);
      const int64_t b = c.rope == Rope::half ? a + h / 2 : a + 1;
      const double angle = double(t % g.seq) * std::pow(c.rope_theta, -2.0 * double(i) / double(h));
      y(a, t) = x(a, t) * std::cos(angle) - x(b, t) * std::sin(angle);
      y(b, t) = x(a, t) * std::sin(angle) + x(b, t) * std::cos(angle);
    }
  }
  return y;
}

// The weights of one query over the keys up to its own, for `channels` [first, first + h) of q and [kv, kv + h) of k.
std::vector<double> attention_of(const Matrix& q, const Matrix& k, const Geometry& g, int64_t head, int64_t token) {
  const int64_t h = g.config.head_dim, kv_head = head / g.config.group(), start = token / g.seq * g.seq;
  std::vector<double> p;
  double total = 0;
  for (int64_t key = start; key <= token; ++key) {
    double score = 0;
    for (int64_t d = 0; d < h; ++d) score += q(head * h + d, token) * k(kv_head * h + d, key);
    p.push_back(std::exp(score / std::sqrt(double(h))));
    total += p.back();
  }
  for (double& x : p) x /= total;
  return p;
}

Matrix attended(const Matrix& q, const Matrix& k, const Matrix& v, const Geometry& g) {
  const int64_t h = g.config.head_dim;
  Matrix a = Matrix::zeros(q.rows, q.columns);
  for (int64_t head = 0; head < g.config.heads; ++head) {
    for (int64_t token = 0; token < g.tokens(); ++token) {
      const std::vector<double> p = attention_of(q, k, g, head, token);
      const int64_t start = token / g.seq * g.seq;
      for (int64_t d = 0; d < h; ++d) {
        for (size_t key = 0; key < p.size(); ++key) {
          a(head * h + d, token) += p[key] * v(head / g.config.group() * h + d, start + int64_t(key));
        }
      }
    }
  }
  return a;
}

Matrix gated(const Matrix& h1, const Matrix& h3) {
  Matrix gate = h1;
  for (size_t i = 0; i < gate.data.size(); ++i) gate.data[i] *= h3.data[i] / (1 + std::exp(-h1.data[i]));
  return gate;
}

// x + α·f
Matrix added(Matrix x, double alpha, const Matrix& f) {
  for (size_t i = 0; i < x.data.size(); ++i) x.data[i] += alpha * f.data[i];
  return x;
}

Slots plain_attention(const Matrix& xn, const WeightMatrices& w, const Geometry& g) {
  const Config& c = g.config;
  Slots s{{"xn", xn}, {"v", product(w.at(wv), xn)}};
  Matrix q = product(w.at(wq), xn), k = product(w.at(wk), xn);
  if (c.qk_norm) {
    s["q_raw"] = q;
    s["k_raw"] = k;
    q = normed(q, w.at(q_norm), c.norm_eps);
    k = normed(k, w.at(k_norm), c.norm_eps);
  }
  s["q"] = turned(q, g);
  s["k"] = turned(k, g);
  s["a"] = attended(s["q"], s["k"], s["v"], g);
  return s;
}

Slots plain_ffn(const Matrix& x2n, const WeightMatrices& w) {
  Slots s{{"h1", product(w.at(w1), x2n)}, {"h3", product(w.at(w3), x2n)}};
  s["g"] = gated(s["h1"], s["h3"]);
  s["f"] = product(w.at(w2), s["g"]);
  return s;
}

// ---- Tests over all configurations

class KernelsTest : public testing::TestWithParam<Geometry> {
 protected:
  const Geometry& g = GetParam();
  const Config& c = g.config;
  const WeightMatrices weights = random_weights(c, 1);
  const Matrix x = random_matrix(c.dim, g.tokens(), 2, 2);

  Slots run_on(Result<Kernel> kernel, const Slots& inputs) const {
    return KernelRun(std::move(kernel), weights)(inputs);
  }

  static void expect_equal(const Slots& actual, const Slots& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [name, values] : actual) {
      ASSERT_TRUE(expected.contains(name)) << name;
      EXPECT_LT(relative_error(values, expected.at(name)), kTolerance) << name;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, KernelsTest, testing::ValuesIn(kernel_cases()), CaseName());

TEST_P(KernelsTest, BakedAttention) {
  const Matrix xn = normed(x, weights.at(attention_norm), c.norm_eps);
  Slots expected = plain_attention(xn, weights, g);
  expected["o"] = product(weights.at(wo), expected["a"]);
  expect_equal(run_on(attention_forward(g), {{"x", x}}), expected);
}

TEST_P(KernelsTest, DynamicAttention) {
  const Slots expected = plain_attention(x, weights, g);
  expect_equal(run_on(sdpa_forward(g), {{"xn", x}}), expected);
  const Matrix& a = expected.at("a");
  expect_equal(run_on(wo_forward(g), {{"a", a}}), {{"o", product(weights.at(wo), a)}});
}

TEST_P(KernelsTest, BakedFeedForward) {
  const Matrix x2n = normed(x, weights.at(ffn_norm), c.norm_eps);
  Slots expected = plain_ffn(x2n, weights);
  expected["x2n"] = x2n;
  expect_equal(run_on(ffn_forward(g), {{"x2", x}}), expected);
}

TEST_P(KernelsTest, FusedFeedForward) {
  const Matrix x2 = random_matrix(c.dim, g.tokens(), 3);
  Slots expected = plain_ffn(x, weights);
  expected["x_next"] = added(x2, c.residual_scale, expected["f"]);
  expected.erase("f");
  expect_equal(run_on(ffn_fused(g), {{"x2n", x}, {"x2", x2}}), expected);
}

TEST_P(KernelsTest, Norms) {
  for (const Weight norm : {attention_norm, ffn_norm, final_norm}) {
    const Slots expected{{"y", normed(x, weights.at(norm), c.norm_eps)}};
    expect_equal(run_on(norm_forward(g, baked, norm), {{"x", x}}), expected);
    expect_equal(run_on(norm_forward(g, dynamic, norm), {{"x", x}}), expected);
  }
}

TEST_P(KernelsTest, Head) {
  const Matrix logits = product(weights.at(Weight::classifier), x);
  expect_equal(run_on(model::classifier(g, baked), {{"x", x}}), {{"logits", logits}});
  expect_equal(run_on(model::classifier(g, dynamic), {{"x", x}}), {{"logits", logits}});
  Matrix p = logits;
  for (int64_t t = 0; t < p.columns; ++t) {
    double total = 0;
    for (int64_t v = 0; v < p.rows; ++v) total += std::exp(logits(v, t));
    for (int64_t v = 0; v < p.rows; ++v) p(v, t) = std::exp(logits(v, t)) / total;
  }
  expect_equal(run_on(vocabulary_softmax(g), {{"logits", logits}}), {{"p", p}});
}

// The scores as sdpa_backward1 lays them out: row head·S + query, column n·S + key; future keys weigh nothing.
TEST_P(KernelsTest, AttentionWeightsForTheBackwardPass) {
  Slots slots = plain_attention(x, weights, g);
  slots["da"] = random_matrix(c.q_dim(), g.tokens(), 4);
  const Matrix p = run_on(sdpa_backward1(g, dynamic), slots).at("p");
  Matrix expected = Matrix::zeros(c.heads * g.seq, g.tokens());
  for (int64_t head = 0; head < c.heads; ++head) {
    for (int64_t token = 0; token < g.tokens(); ++token) {
      const std::vector<double> row = attention_of(slots["q"], slots["k"], g, head, token);
      for (size_t key = 0; key < row.size(); ++key) {
        expected(head * g.seq + token % g.seq, token / g.seq * g.seq + int64_t(key)) = row[key];
      }
    }
  }
  EXPECT_LT(relative_error(p, expected), kTolerance);
}

// Whether any of the channels [rows) in columns [columns) differs.
bool moved(const Matrix& before, const Matrix& after, Range rows, Range columns) {
  for (int64_t i = rows.first; i < rows.second; ++i) {
    for (int64_t j = columns.first; j < columns.second; ++j) {
      if (before(i, j) != after(i, j)) return true;
    }
  }
  return false;
}

TEST_P(KernelsTest, NoTokenSeesALaterOneOrAnotherSequence) {
  const KernelRun kernel(attention_forward(g), weights);
  const Matrix before = kernel({{"x", x}}).at("o");
  for (int64_t token = 0; token < g.tokens(); ++token) {
    Matrix changed = x;
    changed(0, token) += 0.5;
    const Matrix after = kernel({{"x", changed}}).at("o");
    const int64_t end = (token / g.seq + 1) * g.seq;
    EXPECT_FALSE(moved(before, after, {0, c.dim}, {0, token})) << token;
    EXPECT_FALSE(moved(before, after, {0, c.dim}, {end, g.tokens()})) << token;
    for (int64_t later = token; later < end; ++later) {
      EXPECT_TRUE(moved(before, after, {0, c.dim}, {later, later + 1})) << token << " unseen by " << later;
    }
  }
}

// A change of key head i moves exactly the query heads of its group: of a through wk and wv, of dq through k.
TEST_P(KernelsTest, QueryHeadsReadTheKeyAndValueHeadOfTheirGroup) {
  const KernelRun forward(sdpa_forward(g), weights), backward(sdpa_backward2(g, dynamic), weights);
  Slots slots = forward({{"xn", x}});
  slots["da"] = random_matrix(c.q_dim(), g.tokens(), 4);
  run(sdpa_backward1(g, dynamic), weights, slots);
  const Matrix a = slots.at("a"), dq = backward(slots).at("dq");
  for (int64_t i = 0; i < c.kv_heads; ++i) {
    Slots other = slots;
    WeightMatrices changed = weights;
    for (int64_t d = i * c.head_dim; d < (i + 1) * c.head_dim; ++d) {
      other["k"](d, 0) += 0.5;
      changed[wv](d, 0) += 0.5;
    }
    const Matrix other_a = forward(slots, changed).at("a"), other_dq = backward(other).at("dq");
    for (int64_t j = 0; j < c.heads; ++j) {
      const Range channels{j * c.head_dim, (j + 1) * c.head_dim};
      const bool reads = j / c.group() == i;
      EXPECT_EQ(moved(a, other_a, channels, {0, g.tokens()}), reads) << j << " reads " << i;
      EXPECT_EQ(moved(dq, other_dq, channels, {0, g.tokens()}), reads) << j << " reads " << i;
    }
  }
}

// Sequence n of a batch comes out as it would alone, of every kernel through which tokens meet.
TEST_P(KernelsTest, ABatchIsItsSequences) {
  Geometry one = g;
  one.batch = 1;
  Slots slots{{"x", x}};
  run(attention_forward(g), weights, slots);
  slots["dx2"] = random_matrix(c.dim, g.tokens(), 4);
  run(sdpa_backward1(g, baked), weights, slots);
  run(sdpa_backward2(g, baked), weights, slots);
  for (int64_t n = 0; n < g.batch; ++n) {
    const Range columns{n * g.seq, (n + 1) * g.seq};
    Slots alone{{"x", columns_of(x, columns)}};
    run(attention_forward(one), weights, alone);
    alone["dx2"] = columns_of(slots["dx2"], columns);
    run(sdpa_backward1(one, baked), weights, alone);
    run(sdpa_backward2(one, baked), weights, alone);
    for (const auto& [name, values] : alone) {
      EXPECT_LT(relative_error(columns_of(slots.at(name), columns), values), 1e-12) << name << " of " << n;
    }
  }
}

}  // namespace
}  // namespace anemone::model
