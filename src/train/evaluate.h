// A model's loss on a corpus.
//
//   Evaluation result = TRY(evaluate(*device, model, tokens, {.seq = 256}, report));
//   result.loss;                                     // nats a token
#pragma once

#include <cmath>
#include <functional>

#include "text/token_file.h"
#include "train/layer_kernel.h"

namespace anemone::train {

struct EvaluationOptions {
  model::WeightSource source = model::WeightSource::baked;
  Offload offload = Offload::core;
  Precision precision = Precision::fp32;  // of the device
  int64_t batch = 1;                      // windows at once
  int64_t seq = 256;                      // tokens in a window
};

struct Evaluation {
  double loss = 0;  // mean −ln p of the next token
  int64_t windows =
      0;  // consecutive: the inputs of window k are tokens [k·seq, (k + 1)·seq), its targets one further on
  int64_t tokens = 0;  // predicted

  double perplexity() const { return std::exp(loss); }
};

// `report` is told how many windows are done, of how many; it may be empty. The last, incomplete window is dropped.
// Every id is below the model's vocabulary size. Fails where there is not one whole window, or the loss is not finite.
Result<Evaluation> evaluate(Device& device, const model::Model& model, const text::TokenFile& tokens,
                            const EvaluationOptions& options,
                            const std::function<void(int64_t done, int64_t total)>& report = {});

}  // namespace anemone::train
