#include "bench/step_products.h"

#include <algorithm>
#include <tuple>

namespace anemone::bench {
namespace {

using Weights = StepProduct::Weights;

auto key(const StepProduct& p) {
  const Gemm& g = p.gemm;
  return std::make_tuple(g.m, g.n, g.k, g.trans_a, g.trans_b, g.lda, g.ldb, g.ldc);
}

class Products {
 public:
  void add(StepProduct product) {
    const auto same = std::ranges::find_if(all_, [&](const StepProduct& p) { return key(p) == key(product); });
    same == all_.end() ? all_.push_back(std::move(product)) : void(same->times += product.times);
  }
  // y = W·x, dx = Wᵀ·dy, dW = dy·xᵀ with W [out, in].
  void add_linear(const std::string& name, int64_t out, int64_t in, int64_t tokens, int64_t times) {
    add({.name = name,
         .gemm = {.m = out, .n = tokens, .k = in, .lda = in, .ldb = tokens, .ldc = tokens},
         .times = times,
         .weights = Weights::left});
    add({.name = name + " dx",
         .gemm = {.trans_a = Transpose::yes, .m = in, .n = tokens, .k = out, .lda = in, .ldb = tokens, .ldc = tokens},
         .times = times,
         .weights = Weights::left});
    add({.name = name + " dW",
         .gemm = {.trans_b = Transpose::yes, .m = out, .n = in, .k = tokens, .lda = tokens, .ldb = tokens, .ldc = in},
         .times = times,
         .weights = Weights::result});
  }
  // Of one head, its queries [first, first + rows) or keys: q, k, v, a [h, tokens]; scores [queries, keys].
  void add_attention(const model::Config& c, int64_t batch, int64_t seq, int64_t first, int64_t rows) {
    const int64_t h = c.head_dim, tokens = batch * seq, keys = first + rows, queries = seq - first;
    const auto add_pair = [&](const Gemm& gemm) {
      add({.name = "attention",
           .gemm = gemm,
           .times = 2 * c.layers * batch * c.heads,
           .at_once = batch * c.heads,
           .columns = seq});
    };
    // qᵀ·k and dP = daᵀ·v
    add_pair({.trans_a = Transpose::yes, .m = rows, .n = keys, .k = h, .lda = tokens, .ldb = tokens, .ldc = seq});
    // a = v·Pᵀ and dq = k·dSᵀ
    add_pair({.trans_b = Transpose::yes, .m = h, .n = rows, .k = keys, .lda = tokens, .ldb = seq, .ldc = tokens});
    // dv = da·P and dk = q·dS
    add_pair({.m = h, .n = rows, .k = queries, .lda = tokens, .ldb = seq, .ldc = tokens});
  }
  std::vector<StepProduct> take() { return std::move(all_); }

 private:
  std::vector<StepProduct> all_;
};

}  // namespace

std::vector<StepProduct> step_products(const model::Config& c, int64_t batch, int64_t seq) {
  const int64_t tokens = batch * seq;
  Products products;
  for (const int64_t out : {c.q_dim(), c.kv_dim(), c.kv_dim()}) {
    products.add_linear("linear", out, c.dim, tokens, c.layers);
  }
  products.add_linear("linear", c.dim, c.q_dim(), tokens, c.layers);
  products.add_linear("linear", c.hidden, c.dim, tokens, 2 * c.layers);
  products.add_linear("linear", c.dim, c.hidden, tokens, c.layers);
  products.add_linear("classifier", c.vocab, c.dim, tokens, 1);
  for (int64_t first = 0; first < seq; first += kAttentionBlock) {
    products.add_attention(c, batch, seq, first, std::min(kAttentionBlock, seq - first));
  }
  return products.take();
}

}  // namespace anemone::bench
