#include "train/head.h"

#include <algorithm>

#include "model/kernels.h"

namespace anemone::train {

using model::Weight;

Result<Head> Head::create(Workbench& bench, Precision precision, const CompactVocabulary* vocabulary) {
  Head head(bench);
  head.vocabulary_ = vocabulary;
  head.geometry_ = bench.geometry;
  if (vocabulary != nullptr) head.geometry_.config.vocab = vocabulary->size();
  head.rows_ = head.geometry_.config.vocab;
  const int64_t dim = head.geometry_.config.dim;
  if (vocabulary != nullptr) {
    head.compact_ = Buffer<float>(static_cast<size_t>(head.rows_ * dim));
    head.d_compact_ = Buffer<float>(bench.backward ? head.compact_.size() : 0);
  }
  head.norm_ = TRY(Norm::create(bench, Weight::final_norm, 1, Norm::Passes::both));
  head.xn_ = Buffer<float>(bench.activations());
  head.dxn_ = Buffer<float>(bench.backward ? bench.activations() : 0);
  const bool on_device = bench.offload == Offload::full;
  head.host_.emplace(ClassifierOptions{.vocab = head.rows_,
                                       .dim = dim,
                                       .tokens = head.geometry_.tokens(),
                                       .precision = precision,
                                       .backward = bench.backward,
                                       .keeps_logits = bench.backward || on_device});
  if (on_device) TRY(head.create_device_kernels());
  return head;
}

Result<> Head::create_device_kernels() {
  const auto shared = LayerKernel::Output::shared;
  classifier_ = TRY(LayerKernel::create(*bench_, model::classifier(geometry_, bench_->source), 1, shared));
  if (!bench_->backward) return {};
  softmax_ = TRY(LayerKernel::create(*bench_, model::vocabulary_softmax(geometry_), 1, shared));
  return {};
}

Result<> Head::stage(const model::Parameters& weights) {
  weights_ = &weights;
  table_ = weights.classifier();
  if (vocabulary_ != nullptr) {
    vocabulary_->gather(table_.data(), geometry_.config.dim, compact_.data());
    table_ = compact_.span();
  }
  if (host_multiplies()) host_->stage(table_);
  return restage();
}

// The norm, and what is on the device.
Result<> Head::restage() {
  const model::WeightLookup own = model::head_weights(*weights_);
  const LayerLookup lookup = [this, own](int64_t) -> model::WeightLookup {
    return [this, own](Weight weight) { return weight == Weight::classifier ? table_ : own(weight); };
  };
  TRY(norm_.stage(*bench_, lookup));
  if (classifier_) TRY(classifier_->stage(*bench_, lookup));
  return {};
}

void Head::on_updated(int64_t row, int64_t rows) {
  if (vocabulary_ == nullptr) {
    if (host_multiplies()) host_->update(row, rows);
    return;
  }
  const int64_t dim = geometry_.config.dim;
  for (int64_t r = row; r < row + rows; ++r) {
    const int64_t mine = vocabulary_->compact(r);
    if (mine < 0) continue;
    std::copy_n(weights_->classifier().data() + r * dim, dim, compact_.data() + mine * dim);
    if (host_multiplies()) host_->update(mine, 1);
  }
}

// With full offload: logits [rows, T] = E·xn, left on the device.
Result<> Head::device_logits() {
  bench_->write((*classifier_)[0], "x", xn_.span());
  return bench_->run((*classifier_)[0]);
}

// Their softmax, brought to the host.
Result<> Head::device_probabilities() {
  TRY(device_logits());
  model::KernelCall& softmax = (*softmax_)[0];
  bench_->transfer(softmax, "logits", (*classifier_)[0], "logits", "logits");
  TRY(bench_->run(softmax));
  bench_->read(softmax, "p", host_->logits());
  return {};
}

std::span<const int32_t> Head::mapped(std::span<const int32_t> targets) {
  if (vocabulary_ == nullptr) return targets;
  targets_.assign(targets.begin(), targets.end());
  vocabulary_->map(targets_);
  return targets_;
}

// From the logits: the device's probabilities hold no loss above −ln(1e-10).
Result<double> Head::loss(std::span<const float> x, std::span<const int32_t> targets) {
  TRY(norm_.forward(*bench_, 0, x, xn_.span()));
  const auto count = static_cast<double>(targets.size());
  if (classifier_) {
    TRY(device_logits());
    bench_->read((*classifier_)[0], "logits", host_->logits());
    const auto scope = bench_->timers.measure(Timer::elem);
    return host_->loss(mapped(targets)) / count;
  }
  const auto scope = bench_->timers.measure(Timer::cls);
  return host_->loss(xn_.span(), mapped(targets)) / count;
}

Result<double> Head::backward(std::span<const float> x, std::span<const int32_t> targets, float scale,
                              std::span<float> dx, model::Parameters& gradients) {
  TRY(norm_.forward(*bench_, 0, x, xn_.span()));
  const std::span<float> d_table = vocabulary_ != nullptr ? d_compact_.span() : gradients.classifier();
  const double loss = TRY(classify(targets, scale, d_table));
  TRY(norm_.backward(*bench_, 0, x, dxn_.span(), Into::assign, dx, gradients.final_norm()));
  return loss;
}

// From xn_ the loss, dxn_ and, unless a queue beside the step is to compute it, the table's gradient.
Result<double> Head::classify(std::span<const int32_t> targets, float scale, std::span<float> d_table) {
  if (softmax_) TRY(device_probabilities());
  const auto count = static_cast<float>(targets.size());
  const std::span<const int32_t> ids = mapped(targets);
  const std::span<float> at_once = bench_->gradients.overlaps() ? std::span<float>() : d_table;
  const Into into = vocabulary_ != nullptr ? Into::assign : bench_->gradients.into();  // collect() adds
  double total = 0;
  {
    const auto scope = bench_->timers.measure(Timer::cls);
    if (softmax_) {
      total = negative_log_likelihood(host_->logits().data(), ids);
      host_->backward_from_probabilities(xn_.span(), ids, scale / count, into, at_once, dxn_.span());
    } else {
      total = host_->loss(xn_.span(), ids);
      host_->backward(xn_.span(), scale / count, into, at_once, dxn_.span());
    }
  }
  if (at_once.empty()) bench_->gradients.add(d_table, host_->logits(), xn_.span(), std::ssize(targets), into);
  return total / count;
}

void Head::collect(model::Parameters& gradients) {
  if (vocabulary_ == nullptr) return;
  vocabulary_->scatter(d_compact_.data(), geometry_.config.dim, bench_->gradients.into(),
                       gradients.classifier().data());
}

}  // namespace anemone::train
