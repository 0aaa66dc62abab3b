// The model's head: final norm, classifier and loss, forward and backward, on the host (core offload) or, but for the
// loss and the backward products, on the device (full).
//
//   Head head = TRY(Head::create(bench, precision, nullptr));
//   TRY(head.stage(weights));
//   double loss = TRY(head.loss(x, targets));                              // mean −ln p, x [D, T]
//   loss = TRY(head.backward(x, targets, scale, dx, gradients));           // and dx [D, T], of scale·loss
//
// With a compact vocabulary the classifier knows only the rows that the data uses; their gradients reach the table at
// collect(), once the queue has none of them left.
#pragma once

#include <memory>
#include <optional>

#include "train/classifier.h"
#include "train/norms.h"
#include "train/vocabulary.h"

namespace anemone::train {

class Head {
 public:
  // `vocabulary` may be null; else it outlives the head. The precision is that of the products on the host.
  static Result<Head> create(Workbench& bench, Precision precision, const CompactVocabulary* vocabulary);

  Result<> stage(const model::Parameters& weights);
  // Rows of the classifier staged last have changed: told by any thread, then restage() for the rest.
  void on_updated(int64_t row, int64_t rows);
  Result<> restage();

  Result<double> loss(std::span<const float> x, std::span<const int32_t> targets);
  Result<double> backward(std::span<const float> x, std::span<const int32_t> targets, float scale, std::span<float> dx,
                          model::Parameters& gradients);
  void collect(model::Parameters& gradients);

 private:
  explicit Head(Workbench& bench) : bench_(&bench) {}
  Result<> create_device_kernels();
  bool host_multiplies() const { return !classifier_ || bench_->backward; }
  Result<> device_logits();
  Result<> device_probabilities();
  Result<double> classify(std::span<const int32_t> targets, float scale, std::span<float> d_table);
  std::span<const int32_t> mapped(std::span<const int32_t> targets);

  Workbench* bench_;
  const CompactVocabulary* vocabulary_ = nullptr;
  int64_t rows_ = 0;          // of the classifier: V, or what the data uses
  model::Geometry geometry_;  // with that many
  Norm norm_;
  std::optional<LayerKernel> classifier_, softmax_;  // on the device
  std::optional<Classifier> host_;                   // what of the two the device does not do
  const model::Parameters* weights_ = nullptr;
  std::span<const float> table_;       // [rows, D]
  Buffer<float> compact_, d_compact_;  // with a compact vocabulary: its rows and their gradients
  Buffer<float> xn_, dxn_;             // [D, T]
  std::vector<int32_t> targets_;
};

}  // namespace anemone::train
