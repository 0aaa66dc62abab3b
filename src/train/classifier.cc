#include "train/classifier.h"

#include <algorithm>

#include "base/matrix.h"
#include "base/parallel.h"

namespace anemone::train {
namespace {

// Rows of a block: 256·D of bfloat16, 256·T of logits, what a product repacks is repaid and the second-level cache
// holds most of it. Parts begin at whole vectors of rows.
constexpr int64_t kBlockRows = 256;
constexpr int64_t kRowUnit = 32;
constexpr int64_t kGrain = 1 << 14;  // elements worth a thread

Product on_one_thread(Factor factors, const Gemm& gemm) {
  return Product({.gemm = gemm, .factors = factors, .on_one_thread = true});
}

}  // namespace

Classifier::Classifier(const ClassifierOptions& options)
    : options_(options),
      entropy_(options.tokens, thread_count()),
      table_(options.precision),
      xn_(options.precision),
      transposed_(options.precision),
      xn_transposed_(options.backward ? elements(options.tokens) : 0),
      logits_(options.keeps_logits ? static_cast<size_t>(options.vocab * options.tokens) : 0) {
  const int64_t parts = thread_count();
  for (int64_t part = 0; part < parts; ++part) cut(part, parts);
}

void Classifier::cut(int64_t part, int64_t parts) {
  const int64_t units = (options_.vocab + kRowUnit - 1) / kRowUnit;
  const int64_t begin = units * part / parts * kRowUnit;
  const int64_t end = std::min(options_.vocab, units * (part + 1) / parts * kRowUnit);
  Part& of = parts_.emplace_back();
  for (int64_t row = begin; row < end; row += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, end - row);
    of.blocks.push_back({row, rows, planned(rows)});
  }
  of.scratch = Buffer<float>(static_cast<size_t>(kBlockRows * options_.tokens));
  of.dlogits = Operand(options_.precision);
  if (options_.backward) of.d_xn = Buffer<float>(elements(options_.tokens));
}

size_t Classifier::planned(int64_t rows) {
  const auto found = std::ranges::find(products_, rows, &Products::rows);
  if (found != products_.end()) return static_cast<size_t>(found - products_.begin());
  const int64_t D = options_.dim, T = options_.tokens;
  const Factor factors = factors_at(options_.precision);
  Products& of = products_.emplace_back(
      Products{rows, on_one_thread(factors, {.m = rows, .n = T, .k = D, .lda = D, .ldb = T, .ldc = T}), std::nullopt});
  if (options_.backward) {
    const Gemm d_table{.m = rows, .n = D, .k = T, .lda = T, .ldb = D, .ldc = D};
    Gemm added = d_table;
    added.beta = 1;
    const Gemm d_xn{.trans_a = Transpose::yes, .m = T, .n = D, .k = rows, .lda = T, .ldb = D, .ldc = D, .beta = 1};
    of.gradients =
        Gradients{on_one_thread(factors, d_table), on_one_thread(factors, added), on_one_thread(factors, d_xn)};
  }
  return products_.size() - 1;
}

// Calls body(part's index, block), each part on one thread.
template <class Body>
void Classifier::each_block(const Body& body) {
  parallel_for(std::ssize(parts_), 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      for (const Block& block : parts_[static_cast<size_t>(p)].blocks) body(p, block);
    }
  });
}

double Classifier::loss(std::span<const float> xn, std::span<const int32_t> targets) {
  xn_.assign(xn);
  entropy_.begin(targets);
  each_block([&](int64_t part, const Block& block) {
    float* logits = options_.keeps_logits ? logits_of(block) : parts_[static_cast<size_t>(part)].scratch.data();
    products_[block.products].logits.run(table_.data(elements(block.row)), xn_.data(), logits);
    entropy_.fold(part, logits, block.row, block.rows);
  });
  return entropy_.total();
}

double Classifier::loss(std::span<const int32_t> targets) {
  entropy_.begin(targets);
  each_block([&](int64_t part, const Block& block) { entropy_.fold(part, logits_of(block), block.row, block.rows); });
  return entropy_.total();
}

void Classifier::backward(std::span<const float> xn, float scale, Into into, std::span<float> d_table,
                          std::span<float> dxn) {
  const auto slope = [&](const Block& block, float* dlogits) {
    entropy_.gradient(logits_of(block), block.row, block.rows, scale, dlogits);
  };
  backward(xn, slope, into, d_table, dxn);
}

void Classifier::backward_from_probabilities(std::span<const float> xn, std::span<const int32_t> targets, float scale,
                                             Into into, std::span<float> d_table, std::span<float> dxn) {
  const auto slope = [&](const Block& block, float* dlogits) {
    train::scale(logits_of(block), scale, block.rows * options_.tokens, dlogits);
    subtract_at_targets(targets, block.row, block.rows, scale, dlogits);
  };
  backward(xn, slope, into, d_table, dxn);
}

void Classifier::backward(std::span<const float> xn, const Slope& slope, Into into, std::span<float> d_table,
                          std::span<float> dxn) {
  transpose({xn.data(), options_.dim, options_.tokens, options_.tokens}, xn_transposed_.data(), options_.dim);
  transposed_.assign(xn_transposed_.span());
  for (Part& part : parts_) std::ranges::fill(part.d_xn, 0.0f);
  each_block([&](int64_t p, const Block& block) {
    Part& part = parts_[static_cast<size_t>(p)];
    float* dlogits = d_table.empty() ? logits_of(block) : part.scratch.data();
    slope(block, dlogits);
    multiply(part, block, dlogits, into, d_table);
  });
  collect(dxn);
}

void Classifier::multiply(Part& part, const Block& block, const float* dlogits, Into into, std::span<float> d_table) {
  const Gradients& gradients = *products_[block.products].gradients;
  part.dlogits.assign({dlogits, static_cast<size_t>(block.rows * options_.tokens)});
  if (!d_table.empty()) {
    const Product& product = into == Into::add ? gradients.add : gradients.assign;
    product.run(part.dlogits.data(), transposed_.data(), d_table.data() + elements(block.row));
  }
  gradients.d_xn.run(part.dlogits.data(), table_.data(elements(block.row)), part.d_xn.data());
}

// The parts' sums, in their order, as [D, T].
void Classifier::collect(std::span<float> dxn) {
  float* sum = parts_.front().d_xn.data();
  parallel_for(std::ssize(dxn), kGrain, [&](int64_t begin, int64_t end) {
    for (size_t p = 1; p < parts_.size(); ++p) {
      const float* more = parts_[p].d_xn.data();
      for (int64_t i = begin; i < end; ++i) sum[i] += more[i];
    }
  });
  transpose({sum, options_.tokens, options_.dim, options_.dim}, dxn.data(), options_.tokens);
}

}  // namespace anemone::train
