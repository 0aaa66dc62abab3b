#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/cpu/kernels/attention.cc"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set
//
#include <omp.h>

#include <algorithm>
#include <optional>

#include "base/parallel.h"
#include "device/cpu/kernels/attention.h"
#include "device/cpu/kernels/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace anemone::cpu::HWY_NAMESPACE {

// A row of which `count` elements matter and `room` ≥ count are ours: as long as there is room, the last vector is
// whole.
template <class T>
struct Row {
  const Floats d{};
  T* x;
  size_t count, room;

  // Elements from i on; `beyond` stands for those past the count.
  HWY_INLINE Vector load(size_t i, float beyond) const {
    const size_t left = count - i, lanes = hn::Lanes(d);
    if (left >= lanes) return hn::LoadU(d, x + i);
    const Vector there = i + lanes <= room ? hn::LoadU(d, x + i) : LoadFirst(d, x + i, left);
    return hn::IfThenElse(hn::FirstN(d, left), there, hn::Set(d, beyond));
  }
  HWY_INLINE void store(size_t i, Vector v) const {
    if (i + hn::Lanes(d) <= room) return hn::StoreU(v, d, x + i);
    StoreFirst(d, v, x + i, room - i);
  }
};

void Scale(float* x, size_t count, float scale) {
  const Floats d;
  const Row<float> row{.x = x, .count = count, .room = count};
  for (size_t i = 0; i < count; i += hn::Lanes(d)) row.store(i, hn::Mul(hn::Set(d, scale), row.load(i, 0)));
}

// x ← softmax(scale·x), scale > 0. Where there is room, the last vector's rest becomes 0.
void SoftmaxRow(float* x, size_t count, size_t room, float scale) {
  const Floats d;
  const Row<float> row{.x = x, .count = count, .room = room};
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  Vector top = hn::Set(d, kNone);  // of what is no NaN: one makes the sum NaN, and so all
  for (size_t i = 0; i < count; i += hn::Lanes(d)) top = hn::Max(top, row.load(i, kNone));
  const Vector shift = hn::MaxOfLanes(d, top), factor = hn::Set(d, scale);
  Vector sums = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Vector e = ExpOf(d, hn::Mul(factor, hn::Sub(row.load(i, kNone), shift)));
    row.store(i, e);
    sums = hn::Add(sums, e);
  }
  const Vector inverse = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sums));
  for (size_t i = 0; i < count; i += hn::Lanes(d)) row.store(i, hn::Mul(inverse, row.load(i, 0)));
}

// d ← scale·p·(d − Σ p·d), of as many elements. Where there is room, the last vector's rest becomes 0.
void SoftmaxRowBackward(const float* p, float* dp, size_t count, size_t room, float scale) {
  const Floats d;
  const Row<const float> ps{.x = p, .count = count, .room = room};
  const Row<float> ds{.x = dp, .count = count, .room = room};
  Vector sums = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) sums = hn::MulAdd(ps.load(i, 0), ds.load(i, 0), sums);
  const Vector mean = hn::SumOfLanes(d, sums), factor = hn::Set(d, scale);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    ds.store(i, hn::Mul(factor, hn::Mul(ps.load(i, 0), hn::Sub(ds.load(i, 0), mean))));
  }
}

}  // namespace anemone::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace anemone::cpu {

HWY_EXPORT(Scale);
HWY_EXPORT(SoftmaxRow);
HWY_EXPORT(SoftmaxRowBackward);

namespace {

constexpr int64_t kBlockQueries = 64;  // of a block, at least …
constexpr int64_t kMostBlocks = 8;     // … for each block has products of its own

int64_t block_queries(const AttentionShape& s) {
  if (!s.causal) return std::min(s.queries, kBlockQueries);
  return std::max(kBlockQueries, (s.queries / kMostBlocks + 63) / 64 * 64);
}

// The first `seen` of a row's elements; the rest may be written. As each op's result would be rounded on its own.
void softmax_row(std::span<float> x, int64_t seen, float scale, Rounding rounding) {
  const std::span<float> row = x.first(size_t(seen));
  if (rounding == Rounding::none) return HWY_DYNAMIC_DISPATCH(SoftmaxRow)(x.data(), row.size(), x.size(), scale);
  round_to(rounding, row);
  HWY_DYNAMIC_DISPATCH(Scale)(x.data(), row.size(), scale);
  round_to(rounding, row);
  HWY_DYNAMIC_DISPATCH(SoftmaxRow)(x.data(), row.size(), x.size(), 1);
  round_to(rounding, row);
}

void softmax_row_backward(std::span<const float> p, float* dp, int64_t seen, float scale, Rounding rounding) {
  const std::span<float> row(dp, size_t(seen));
  round_to(rounding, row);
  const float at_once = rounding == Rounding::none ? scale : 1;
  HWY_DYNAMIC_DISPATCH(SoftmaxRowBackward)(p.data(), dp, row.size(), p.size(), at_once);
  if (rounding == Rounding::none) return;
  round_to(rounding, row);
  HWY_DYNAMIC_DISPATCH(Scale)(dp, row.size(), scale);
  round_to(rounding, row);
}

// Cuts memory into pieces that begin at cache lines; without memory it only counts.
class Cutter {
 public:
  explicit Cutter(float* memory) : memory_(memory) {}
  float* floats(int64_t count) {
    float* piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (count + 15) / 16 * 16;
    return piece;
  }
  int64_t used() const { return used_; }

 private:
  float* memory_;
  int64_t used_ = 0;
};

// A factor of products: floats, or bfloat16s made from them.
class Operand {
 public:
  Operand(Cutter& memory, int64_t count, Factor factors) : words_(memory.floats(count)) {
    if (factors == Factor::bf16) halves_ = reinterpret_cast<BFloat16*>(memory.floats((count + 1) / 2));
  }

  float* words() const { return words_; }
  // Elements [begin, end) of the words are final.
  void settle(int64_t begin, int64_t end) const {
    if (halves_ != nullptr) to_bfloat16({words_ + begin, size_t(end - begin)}, halves_ + begin);
  }
  const void* data(int64_t offset = 0) const {
    if (halves_ != nullptr) return halves_ + offset;
    return words_ + offset;
  }
  // From a head's [rows, depth] to [depth, rows].
  void pack(const ConstHeads& heads, const float* from, int64_t rows, int64_t depth) const {
    for (int64_t d = 0; d < depth; ++d) pack_column(from + d * heads.strides[3], heads.strides[2], rows, d * rows);
  }

 private:
  void pack_column(const float* from, int64_t stride, int64_t rows, int64_t at) const {
    if (stride == 1 && halves_ != nullptr) return to_bfloat16({from, size_t(rows)}, halves_ + at);
    for (int64_t r = 0; r < rows; ++r) words_[at + r] = from[r * stride];
    settle(at, at + rows);
  }

  float* words_;
  BFloat16* halves_ = nullptr;
};

// From [depth, rows] to a head's [rows, depth].
void unpack(float* from, const Heads& heads, float* to, int64_t rows, int64_t depth, Rounding rounding) {
  round_to(rounding, {from, size_t(rows * depth)});
  for (int64_t d = 0; d < depth; ++d) {
    const float* row = from + d * rows;
    float* column = to + d * heads.strides[3];
    if (heads.strides[2] == 1) {
      std::copy_n(row, rows, column);
    } else {
      for (int64_t r = 0; r < rows; ++r) column[r * heads.strides[2]] = row[r];
    }
  }
}

}  // namespace

// A block of queries, and the keys that one of them sees.
struct Attention::Block {
  int64_t first, queries, keys;
  Product scores;                 // [queries, keys] = qᵀ·k
  Product gathered;               // [h, queries] = (v or k)·(P or dS)ᵀ: o, dq
  std::optional<Product> spread;  // [h, keys] += (do or q)·(P or dS): dv, dk

  Block(const AttentionShape& s, int64_t first_query, int64_t query_count)
      : first(first_query),
        queries(query_count),
        keys(s.causal ? std::min(s.keys, first + queries) : s.keys),
        scores(plan(s, {.trans_a = Transpose::yes,
                        .m = queries,
                        .n = keys,
                        .k = s.depth,
                        .lda = s.queries,
                        .ldb = s.keys,
                        .ldc = s.keys})),
        gathered(plan(s, {.trans_b = Transpose::yes,
                          .m = s.depth,
                          .n = queries,
                          .k = keys,
                          .lda = s.keys,
                          .ldb = s.keys,
                          .ldc = s.queries})) {
    if (!s.backward) return;
    const bool is_last = first + queries == s.queries;  // the first to be run, which sees all keys
    spread.emplace(plan(s, {.m = s.depth,
                            .n = keys,
                            .k = queries,
                            .lda = s.queries,
                            .ldb = s.keys,
                            .ldc = s.keys,
                            .beta = is_last ? 0.0f : 1.0f}));
  }
  static ProductPlan plan(const AttentionShape& s, const Gemm& gemm) { return {gemm, s.factors, true}; }

  // How many keys the block's query i sees.
  int64_t seen(const AttentionShape& s, int64_t i) const { return s.causal ? std::min(s.keys, first + i + 1) : s.keys; }
};

// What a thread works in.
struct Attention::Work {
  Operand q, k, v, d_o;  // [h, S] and [h, K] of a head
  Operand p, ds;         // [queries, K] of a block
  float *o, *dk, *dv;    // [h, S], [h, K]; o is dq as well

  Work(const AttentionShape& s, Cutter& memory)
      : q(memory, s.depth * s.queries, s.factors),
        k(memory, s.depth * s.keys, s.factors),
        v(memory, s.depth * s.keys, s.factors),
        d_o(memory, s.backward ? s.depth * s.queries : 0, s.factors),
        p(memory, block_queries(s) * s.keys, s.factors),
        ds(memory, s.backward ? block_queries(s) * s.keys : 0, s.factors),
        o(memory.floats(s.depth * s.queries)),
        dk(memory.floats(s.backward ? s.depth * s.keys : 0)),
        dv(memory.floats(s.backward ? s.depth * s.keys : 0)) {}
};

Attention::Attention(const AttentionShape& shape) : shape_(shape) {
  const int64_t step = block_queries(shape);
  for (int64_t first = 0; first < shape.queries; first += step) {
    blocks_.emplace_back(shape, first, std::min(step, shape.queries - first));
  }
  Cutter count(nullptr);
  Work(shape, count);
  work_floats_ = count.used();
}

Attention::~Attention() = default;

int64_t Attention::scratch_floats() const { return work_floats_ * thread_count(); }

Attention::Work Attention::work_of_thread(float* scratch) const {
  Cutter memory(scratch + omp_get_thread_num() * work_floats_);
  return Work(shape_, memory);
}

// The rows of P that belong to a block, 0 beyond what each query sees.
void Attention::probabilities(const Block& block, const Work& work) const {
  block.scores.run(work.q.data(block.first), work.k.data(), work.p.words());
  for (int64_t i = 0; i < block.queries; ++i) {
    float* row = work.p.words() + i * shape_.keys;
    const int64_t seen = block.seen(shape_, i);
    softmax_row({row, size_t(block.keys)}, seen, shape_.scale, shape_.rounding);
    std::fill(row + seen, row + block.keys, 0.0f);
    work.p.settle(i * shape_.keys, i * shape_.keys + block.keys);
  }
}

void Attention::forward_head(const Work& work) const {
  for (const Block& block : blocks_) {
    probabilities(block, work);
    block.gathered.run(work.v.data(), work.p.data(), work.o + block.first);
  }
}

void Attention::score_gradients(const Block& block, const Work& work) const {
  block.scores.run(work.d_o.data(block.first), work.v.data(), work.ds.words());
  for (int64_t i = 0; i < block.queries; ++i) {
    const float* p = work.p.words() + i * shape_.keys;
    float* row = work.ds.words() + i * shape_.keys;
    const int64_t seen = block.seen(shape_, i);
    softmax_row_backward({p, size_t(block.keys)}, row, seen, shape_.scale, shape_.rounding);
    std::fill(row + seen, row + block.keys, 0.0f);
    work.ds.settle(i * shape_.keys, i * shape_.keys + block.keys);
  }
}

// From the last block on, whose keys are all.
void Attention::backward_head(const Work& work) const {
  for (size_t b = blocks_.size(); b-- > 0;) {
    const Block& block = blocks_[b];
    probabilities(block, work);
    score_gradients(block, work);
    block.spread->run(work.d_o.data(block.first), work.p.data(), work.dv);
    block.spread->run(work.q.data(block.first), work.ds.data(), work.dk);
    block.gathered.run(work.k.data(), work.ds.data(), work.o + block.first);
  }
}

// Calls visit(work, n, head) for each head with q, k and v packed.
template <class Visit>
void Attention::for_each_head(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, float* scratch,
                              const Visit& visit) const {
  const AttentionShape& s = shape_;
  parallel_for(s.batch * s.heads, 1, [&](int64_t begin, int64_t end) {
    const Work work = work_of_thread(scratch);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / s.heads, head = i % s.heads;
      work.q.pack(q, q.at(n, head), s.queries, s.depth);
      work.k.pack(k, k.at(n, head), s.keys, s.depth);
      work.v.pack(v, v.at(n, head), s.keys, s.depth);
      visit(work, n, head);
    }
  });
}

void Attention::forward(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, const Heads& o,
                        float* scratch) const {
  const AttentionShape& s = shape_;
  for_each_head(q, k, v, scratch, [&](const Work& work, int64_t n, int64_t head) {
    forward_head(work);
    unpack(work.o, o, o.at(n, head), s.queries, s.depth, s.rounding);
  });
}

void Attention::backward(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, const ConstHeads& d_o,
                         const Gradients& to, float* scratch) const {
  const AttentionShape& s = shape_;
  for_each_head(q, k, v, scratch, [&](const Work& work, int64_t n, int64_t head) {
    work.d_o.pack(d_o, d_o.at(n, head), s.queries, s.depth);
    backward_head(work);
    unpack(work.o, to.dq, to.dq.at(n, head), s.queries, s.depth, s.rounding);
    unpack(work.dk, to.dk, to.dk.at(n, head), s.keys, s.depth, s.rounding);
    unpack(work.dv, to.dv, to.dv.at(n, head), s.keys, s.depth, s.rounding);
  });
}

}  // namespace anemone::cpu
#endif
