// Hears which weights an update has changed while they are still in the cache, so as to convert or copy them at once.
//
//   struct Table final : UpdateListener {
//     void on_updated(const model::Parameters& weights, size_t tensor, int64_t row, int64_t rows) override {
//       if (tensor == 0) copy.update(row * D, rows * D);
//     }
//   };
//   optimizer.step(weights, gradients, {.rate = rate}, &table);
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/parameters.h"

namespace anemone::train {

class UpdateListener {
 public:
  virtual ~UpdateListener() = default;
  // Rows [row, row + rows) of weights.tensors()[tensor] may have changed; a vector is one row. Called by the
  // optimizer's threads, for distinct rows at once; rows that are never told are as they were.
  virtual void on_updated(const model::Parameters& weights, size_t tensor, int64_t row, int64_t rows) = 0;
};

}  // namespace anemone::train
