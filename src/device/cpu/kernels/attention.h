// Scaled dot-product attention and its backward pass, a block of queries at a time, so that scores stay in the cache;
// with a causal mask, keys that no query of a block sees are left out.
//
//   const Attention attention({.heads = 12, .queries = 256, .keys = 256, .depth = 64, .scale = 0.125f, .causal =
//   true}); attention.forward(q, k, v, o, scratch);                 // o = softmax(scale·q·kᵀ + mask)·v
//   attention.backward(q, k, v, d_o, {dq, dk, dv}, scratch);
//
// q, o [N, H, S, h] and k, v [N, H, K, h] stand in any layout, fastest where the sequence is contiguous. The backward
// pass computes the probabilities P again; with dP = do·vᵀ and dS = scale·P∘(dP − rowsum(P∘dP)):
//   dv = Pᵀ·do    dq = dS·k    dk = dSᵀ·q
#pragma once

#include <array>
#include <vector>

#include "base/gemm.h"
#include "device/cpu/kernels/rounding.h"

namespace anemone::cpu {

struct AttentionShape {
  int64_t batch = 1, heads = 1;
  int64_t queries = 1, keys = 1, depth = 1;
  float scale = 1;
  bool causal = false;                 // query i sees keys 0 … i
  Rounding rounding = Rounding::none;  // of each result
  Factor factors = Factor::fp32;       // of the products
  bool backward = false;               // else forward
};

// [N, H, S, h] in memory: its strides in elements. `group` heads in a row may be one.
template <class T>
struct HeadsOf {
  T* data;
  std::array<int64_t, 4> strides;
  int64_t group = 1;

  T* at(int64_t n, int64_t head) const { return data + n * strides[0] + head / group * strides[1]; }
};
using Heads = HeadsOf<float>;
using ConstHeads = HeadsOf<const float>;

class Attention {
 public:
  explicit Attention(const AttentionShape& shape);
  ~Attention();
  int64_t scratch_floats() const;  // what the threads work in, given to each call

  void forward(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, const Heads& o, float* scratch) const;
  struct Gradients {
    Heads dq, dk, dv;
  };
  void backward(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, const ConstHeads& d_o,
                const Gradients& gradients, float* scratch) const;

 private:
  struct Block;
  struct Work;

  Work work_of_thread(float* scratch) const;
  template <class Visit>
  void for_each_head(const ConstHeads& q, const ConstHeads& k, const ConstHeads& v, float* scratch,
                     const Visit& visit) const;
  void probabilities(const Block& block, const Work& work) const;
  void score_gradients(const Block& block, const Work& work) const;
  void forward_head(const Work& work) const;
  void backward_head(const Work& work) const;

  AttentionShape shape_;
  std::vector<Block> blocks_;
  int64_t work_floats_;  // of one thread
};

}  // namespace anemone::cpu
