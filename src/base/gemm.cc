#include "base/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "base/check.h"
#include "base/parallel.h"

namespace anemone {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// rows × columns of op(stored), whose rows stand `ld` elements apart before op.
memory::desc layout(int64_t rows, int64_t columns, Transpose trans, int64_t ld, memory::data_type type) {
  const memory::dims strides = trans == Transpose::yes ? memory::dims{1, ld} : memory::dims{ld, 1};
  return {{rows, columns}, type, strides};
}

// oneDNN plans for as many threads as OpenMP would start.
class OneThread {
 public:
  explicit OneThread(bool wanted) : before_(thread_count()) {
    if (wanted) set_thread_count(1);
  }
  ~OneThread() { set_thread_count(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

dnnl::matmul::primitive_desc describe(const ProductPlan& plan) {
  const Gemm& g = plan.gemm;
  const memory::desc a = layout(g.m, g.k, g.trans_a, g.lda, memory::data_type::bf16);
  const memory::desc b = layout(g.k, g.n, g.trans_b, g.ldb, memory::data_type::bf16);
  const memory::desc c = layout(g.m, g.n, Transpose::no, g.ldc, memory::data_type::f32);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (g.beta != 0) {
    dnnl::post_ops sum;
    sum.append_sum(1);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, engine()};
#endif
}

// oneDNN's sets of instructions include one another, as their bits do.
bool has_isa(dnnl_cpu_isa_t isa) {
  const auto needed = static_cast<unsigned>(isa), there = static_cast<unsigned>(dnnl_get_effective_cpu_isa());
  return (there & needed) == needed;
}

}  // namespace

void gemm(const Gemm& g, const float* a, const float* b, float* c) {
  const char ta = g.trans_a == Transpose::yes ? 'T' : 'N';
  const char tb = g.trans_b == Transpose::yes ? 'T' : 'N';
  const dnnl_status_t status = dnnl_sgemm(ta, tb, g.m, g.n, g.k, g.alpha, a, g.lda, b, g.ldb, g.beta, c, g.ldc);
  CHECK(status == dnnl_success);
}

bool multiplies_bfloat16() { return has_isa(dnnl_cpu_isa_avx512_core_bf16); }
bool packs_factors() { return has_isa(dnnl_cpu_isa_avx512_core); }

// The primitive, and for each thread that runs it oneDNN's view of the operands with memory to work in.
struct Product::Primitive {
  Primitive(const ProductPlan& plan, int runners) : description(describe(plan)), multiply(description) {
    for (int i = 0; i < runners; ++i) threads.emplace_back(description);
  }

  struct Thread {
    explicit Thread(const dnnl::matmul::primitive_desc& of)
        : stream(engine()),
          scratch(of.scratchpad_desc().get_size()),
          a(of.src_desc(), engine(), nullptr),
          b(of.weights_desc(), engine(), nullptr),
          c(of.dst_desc(), engine(), nullptr),
          scratchpad(of.scratchpad_desc(), engine(), scratch.data()),
          arguments{{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}, {DNNL_ARG_SCRATCHPAD, scratchpad}} {}
    dnnl::stream stream;
    Buffer<std::byte> scratch;
    memory a, b, c, scratchpad;
    std::unordered_map<int, memory> arguments;
  };

  dnnl::matmul::primitive_desc description;
  dnnl::matmul multiply;
  std::vector<Thread> threads;
};

Product::Product(const ProductPlan& plan) : plan_(plan) {
  CHECK(plan.gemm.alpha == 1 && (plan.gemm.beta == 0 || plan.gemm.beta == 1));
  if (plan.factors == Factor::fp32) return;
  const int runners = plan.on_one_thread ? thread_count() : 1;
  const OneThread scope(plan.on_one_thread);
  primitive_ = std::make_unique<Primitive>(plan, runners);
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;

void Product::run(const void* a, const void* b, float* c) const {
  if (!primitive_) return gemm(plan_.gemm, static_cast<const float*>(a), static_cast<const float*>(b), c);
  const size_t thread = plan_.on_one_thread ? static_cast<size_t>(omp_get_thread_num()) : 0;
  CHECK(thread < primitive_->threads.size());
  Primitive::Thread& mine = primitive_->threads[thread];
  mine.a.set_data_handle(const_cast<void*>(a));
  mine.b.set_data_handle(const_cast<void*>(b));
  mine.c.set_data_handle(c);
  primitive_->multiply.execute(mine.stream, mine.arguments);
}

}  // namespace anemone
