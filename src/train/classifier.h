// The classifier and its loss on the host, by blocks of the vocabulary: what a block of logits is needed for happens
// while it is in the cache, each thread at blocks of its own.
//
//   Classifier classifier({.vocab = V, .dim = D, .tokens = T, .precision = precision});
//   classifier.stage(table);                                   // E [V, D]
//   double loss = classifier.loss(xn, targets);                // Σ −ln p; xn [D, T]
//   classifier.backward(xn, scale, Into::assign, dE, dxn);     // of scale times that
//
// The same thread count gives the same bits.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "train/cross_entropy.h"
#include "train/host_ops.h"
#include "train/operand.h"

namespace anemone::train {

struct ClassifierOptions {
  int64_t vocab = 0, dim = 0, tokens = 0;
  Precision precision = Precision::fp32;
  bool backward = true;      // else loss() alone
  bool keeps_logits = true;  // what backward() needs, and logits that a device computes
};

class Classifier {
 public:
  explicit Classifier(const ClassifierOptions& options);

  // The table stays where it is; rows of it that change are told, from any thread.
  void stage(std::span<const float> table) { table_.assign(table); }
  void update(int64_t first_row, int64_t rows) { table_.update(elements(first_row), elements(rows)); }

  double loss(std::span<const float> xn, std::span<const int32_t> targets);
  // The same of logits [V, T] that a device left in logits().
  double loss(std::span<const int32_t> targets);
  std::span<float> logits() { return logits_.span(); }

  // After loss(): with dlogits = (p − onehot(target))·scale, dE [V, D] = or += dlogits·xnᵀ and dxn [D, T] = Eᵀ·dlogits.
  // An empty dE leaves dlogits in logits(), for others to multiply.
  void backward(std::span<const float> xn, float scale, Into into, std::span<float> d_table, std::span<float> dxn);
  // The same from probabilities [V, T] that a device left in logits().
  void backward_from_probabilities(std::span<const float> xn, std::span<const int32_t> targets, float scale, Into into,
                                   std::span<float> d_table, std::span<float> dxn);

 private:
  struct Gradients {
    Product assign, add;  // dE, by block
    Product d_xn;         // dxnᵀ [T, D] += dlogitsᵀ·E
  };
  struct Products {
    int64_t rows;
    Product logits;
    std::optional<Gradients> gradients;
  };
  struct Block {
    int64_t row, rows;
    size_t products;  // their index
  };
  // What one thread works on: consecutive blocks, in memory of its own.
  struct Part {
    std::vector<Block> blocks;
    Buffer<float> scratch;  // [rows, T]: logits, or dlogits
    Operand dlogits;
    Buffer<float> d_xn;  // [T, D]
  };
  // Writes the dlogits of a block, [rows, T].
  using Slope = std::function<void(const Block& block, float* dlogits)>;

  size_t elements(int64_t rows) const { return static_cast<size_t>(rows * options_.dim); }
  float* logits_of(const Block& block) { return logits_.data() + block.row * options_.tokens; }
  void cut(int64_t part, int64_t parts);
  size_t planned(int64_t rows);
  template <class Body>
  void each_block(const Body& body);
  void backward(std::span<const float> xn, const Slope& slope, Into into, std::span<float> d_table,
                std::span<float> dxn);
  void multiply(Part& part, const Block& block, const float* dlogits, Into into, std::span<float> d_table);
  void collect(std::span<float> dxn);

  ClassifierOptions options_;
  std::vector<Products> products_;  // one a number of rows
  std::vector<Part> parts_;
  CrossEntropy entropy_;
  Operand table_, xn_, transposed_;
  Buffer<float> xn_transposed_;  // [T, D]
  Buffer<float> logits_;         // [V, T]
};

}  // namespace anemone::train
