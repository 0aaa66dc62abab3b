// A model that reads tokens one after another and says what may follow, keeping the keys and values of those it read.
//
//   auto predictor = TRY(Predictor::create(*device, config, weights, {.capacity = 256}));
//   std::span<const float> logits = TRY(predictor->read(prompt));        // [V], after the last of them
//   logits = TRY(predictor->read({&token, 1}));
//
// All tokens read at the start go through as one batch, later ones singly. The programs of single tokens keep the
// weights; those of a batch are one layer's, which take each layer's weights in turn. Residuals stay in float on the
// host, as in training.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "model/kernel_call.h"
#include "model/parameters.h"

namespace anemone::generate {

struct PredictorOptions {
  int64_t capacity = 256;               // tokens it can read in all
  mil::DType dtype = mil::DType::fp32;  // of the programs
};

class Predictor {
 public:
  // The device and the weights outlive it and stay as they are. capacity ≥ 1.
  static Result<std::unique_ptr<Predictor>> create(Device& device, const model::Config& config,
                                                   const model::Parameters& weights, const PredictorOptions& options);

  // The logits [V] of what follows the last of `tokens`, valid until the next call. There is at least one token, each
  // below the vocabulary's size, and room for all. After an error only reset() may follow.
  Result<std::span<const float>> read(std::span<const int32_t> tokens);
  int64_t position() const { return position_; }  // tokens read so far
  int64_t capacity() const { return options_.capacity; }
  void reset();  // forgets what was read

 private:
  struct Layer {
    model::KernelCall attention, feed_forward;
  };
  // Programs for some tokens at once: of each layer, or of one.
  struct Stack {
    std::unique_ptr<const model::Kernel> attention, feed_forward;  // the calls point to them
    std::vector<Layer> layers;
  };

  Predictor(Device& device, const model::Config& config, const model::Parameters& weights,
            const PredictorOptions& options);
  Result<Stack> compile_stack(Result<model::Kernel> attention, const model::Geometry& geometry, int64_t layers);
  Result<> compile_head();
  model::Geometry geometry(int64_t tokens) const { return {config_, 1, tokens, options_.dtype}; }

  Result<> read_together(std::span<const int32_t> tokens);
  Result<> read_one(int32_t token);
  Result<Layer*> layer(Stack& stack, int64_t l);
  Result<> forward(Stack& stack, std::span<float> x);
  Result<> add_branch(model::KernelCall& call, std::string_view from, std::string_view to, std::span<float> x);
  void remember(int64_t layer, const model::KernelCall& attention);
  void embed(std::span<const int32_t> tokens, std::span<float> x) const;

  Device& device_;
  model::Config config_;
  const model::Parameters& weights_;
  PredictorOptions options_;
  Stack decode_;  // one token at a time; the input surfaces of its attention hold the cache
  std::unique_ptr<const model::Kernel> head_kernel_;
  model::KernelCall head_;
  std::vector<float> cos_, sin_;  // [capacity, h]; empty where the model does not rotate
  Buffer<float> x_;               // [D], of the last token
  Buffer<float> scratch_, logits_;
  int64_t position_ = 0;
};

}  // namespace anemone::generate
