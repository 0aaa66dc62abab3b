#include "base/gemm.h"

#include <dnnl.h>

#include "base/check.h"

namespace anemone {

void gemm(const Gemm& g, const float* a, const float* b, float* c) {
  const char ta = g.trans_a == Transpose::yes ? 'T' : 'N';
  const char tb = g.trans_b == Transpose::yes ? 'T' : 'N';
  const dnnl_status_t status = dnnl_sgemm(ta, tb, g.m, g.n, g.k, g.alpha, a, g.lda, b, g.ldb, g.beta, c, g.ldc);
  CHECK(status == dnnl_success);
}

}  // namespace anemone
