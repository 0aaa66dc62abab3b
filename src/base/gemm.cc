#include "base/gemm.h"

#include <dnnl.h>
#include <fmt/format.h>
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

using Description = dnnl::matmul::primitive_desc;

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Description describe(const memory::desc& a, const memory::desc& b, const memory::desc& c,
                     const dnnl::primitive_attr& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, engine()};
#endif
}

Description describe(const ProductPlan& plan) {
  const Gemm& g = plan.gemm;
  const memory::data_type c = plan.result == Factor::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  dnnl::primitive_attr attributes = user_scratchpad();
  if (g.beta != 0) {
    dnnl::post_ops sum;
    sum.append_sum(1);
    attributes.set_post_ops(sum);
  }
  return describe(layout(g.m, g.k, g.trans_a, g.lda, memory::data_type::bf16),
                  layout(g.k, g.n, g.trans_b, g.ldb, memory::data_type::bf16),
                  layout(g.m, g.n, Transpose::no, g.ldc, c), attributes);
}

Description describe(const BytePlan& plan) {
  const memory::data_type a = plan.a_is_signed ? memory::data_type::s8 : memory::data_type::u8;
  const memory::desc b({plan.k, plan.n}, memory::data_type::s8, memory::format_tag::any);
  return describe(layout(plan.m, plan.k, Transpose::no, plan.k, a), b,
                  layout(plan.m, plan.n, Transpose::no, plan.n, memory::data_type::s32), user_scratchpad());
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

std::string product_library() {
  const dnnl_version_t& version = *dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version.major, version.minor, version.patch);
}

bool multiplies_bfloat16() { return has_isa(dnnl_cpu_isa_avx512_core_bf16); }
bool packs_factors() { return has_isa(dnnl_cpu_isa_avx512_core); }

bool multiplies_bytes() { return has_isa(dnnl_cpu_isa_avx512_core_vnni); }

// For each of `runners` threads oneDNN's view of the operands with memory to work in.
class MatmulPrimitive {
 public:
  MatmulPrimitive(const Description& description, int runners) : description_(description), multiply_(description) {
    for (int i = 0; i < runners; ++i) threads_.emplace_back(description);
  }

  const Description& description() const { return description_; }
  void run(size_t thread, const void* a, const void* b, void* c) {
    CHECK(thread < threads_.size());
    Thread& mine = threads_[thread];
    mine.a.set_data_handle(const_cast<void*>(a));
    mine.b.set_data_handle(const_cast<void*>(b));
    mine.c.set_data_handle(c);
    multiply_.execute(mine.stream, mine.arguments);
  }

 private:
  struct Thread {
    explicit Thread(const Description& of)
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

  Description description_;
  dnnl::matmul multiply_;
  std::vector<Thread> threads_;
};

Product::Product(const ProductPlan& plan) : plan_(plan) {
  CHECK(plan.gemm.alpha == 1 && (plan.gemm.beta == 0 || plan.gemm.beta == 1));
  CHECK(plan.result == Factor::fp32 || (plan.factors == Factor::bf16 && plan.gemm.beta == 0));
  if (plan.factors == Factor::fp32) return;
  const int runners = plan.on_one_thread ? thread_count() : 1;
  const OneThread scope(plan.on_one_thread);
  primitive_ = std::make_unique<MatmulPrimitive>(describe(plan), runners);
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;

void Product::run(const void* a, const void* b, void* c) const {
  if (!primitive_) {
    return gemm(plan_.gemm, static_cast<const float*>(a), static_cast<const float*>(b), static_cast<float*>(c));
  }
  primitive_->run(plan_.on_one_thread ? size_t(omp_get_thread_num()) : 0, a, b, c);
}

ByteProduct::ByteProduct(const BytePlan& plan) : plan_(plan) {
  const int runners = thread_count();
  const OneThread scope(true);
  primitive_ = std::make_unique<MatmulPrimitive>(describe(plan), runners);
}

Buffer<std::byte> ByteProduct::pack(const int8_t* b_columns) const {
  const memory::desc order = primitive_->description().weights_desc();
  Buffer<std::byte> packed(order.get_size());
  memory from(layout(plan_.k, plan_.n, Transpose::yes, plan_.k, memory::data_type::s8), engine(),
              const_cast<int8_t*>(b_columns));
  memory to(order, engine(), packed.data());
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  return packed;
}

ByteProduct::~ByteProduct() = default;
ByteProduct::ByteProduct(ByteProduct&&) noexcept = default;
ByteProduct& ByteProduct::operator=(ByteProduct&&) noexcept = default;

void ByteProduct::run(const void* a, const Buffer<std::byte>& packed, int32_t* c) const {
  primitive_->run(static_cast<size_t>(omp_get_thread_num()), a, packed.data(), c);
}

}  // namespace anemone
