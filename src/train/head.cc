#include "train/head.h"

#include <algorithm>

#include "base/gemm.h"
#include "model/kernels.h"
#include "train/cross_entropy.h"

namespace anemone::train {

using model::Weight;

Result<Head> Head::create(Workbench& bench, const CompactVocabulary* vocabulary) {
  Head head(bench);
  head.vocabulary_ = vocabulary;
  head.geometry_ = bench.geometry;
  if (vocabulary != nullptr) head.geometry_.config.vocab = vocabulary->size();
  head.rows_ = head.geometry_.config.vocab;
  const int64_t dim = head.geometry_.config.dim, tokens = head.geometry_.tokens();
  if (vocabulary != nullptr) {
    head.compact_ = Buffer<float>(static_cast<size_t>(head.rows_ * dim));
    head.d_compact_ = Buffer<float>(bench.backward ? head.compact_.size() : 0);
  }
  head.norm_ = TRY(Norm::create(bench, Weight::final_norm, 1, Norm::Passes::both));
  head.xn_ = Buffer<float>(bench.activations());
  head.dxn_ = Buffer<float>(bench.backward ? bench.activations() : 0);
  head.logits_ = Buffer<float>(static_cast<size_t>(head.rows_ * tokens));
  if (bench.offload == Offload::full) TRY(head.create_device_kernels());
  return head;
}

Result<> Head::create_device_kernels() {
  constexpr auto shared = LayerKernel::Output::shared;
  classifier_ = TRY(LayerKernel::create(*bench_, model::classifier(geometry_, bench_->source), 1, shared));
  if (!bench_->backward) return {};
  softmax_ = TRY(LayerKernel::create(*bench_, model::vocabulary_softmax(geometry_), 1, shared));
  return {};
}

Result<> Head::stage(const model::Parameters& weights) {
  const model::WeightLookup own = model::head_weights(weights);
  table_ = own(Weight::classifier);
  if (vocabulary_ != nullptr) {
    vocabulary_->gather(table_.data(), geometry_.config.dim, compact_.data());
    table_ = compact_.span();
  }
  const LayerLookup lookup = [this, own](int64_t) -> model::WeightLookup {
    return [this, own](Weight weight) { return weight == Weight::classifier ? table_ : own(weight); };
  };
  TRY(norm_.stage(*bench_, lookup));
  if (classifier_) TRY(classifier_->stage(*bench_, lookup));
  return {};
}

// logits [rows, T] = E·norm(x)
Result<> Head::logits(std::span<const float> x) {
  TRY(norm_.forward(*bench_, 0, x, xn_.span()));
  if (classifier_) {
    bench_->write((*classifier_)[0], "x", xn_.span());
    return bench_->run((*classifier_)[0]);
  }
  const auto scope = bench_->timers.measure(Timer::cls);
  const int64_t dim = geometry_.config.dim, tokens = geometry_.tokens();
  gemm({.m = rows_, .n = tokens, .k = dim, .lda = dim, .ldb = tokens, .ldc = tokens}, table_.data(), xn_.data(),
       logits_.data());
  return {};
}

// With full offload: the device's softmax of its logits, into logits_.
Result<> Head::probabilities() {
  model::KernelCall& softmax = (*softmax_)[0];
  bench_->transfer(softmax, "logits", (*classifier_)[0], "logits", "logits");
  TRY(bench_->run(softmax));
  bench_->read(softmax, "p", logits_.span());
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
  TRY(logits(x));
  if (classifier_) bench_->read((*classifier_)[0], "logits", logits_.span());
  const auto scope = bench_->timers.measure(Timer::elem);
  const double total = cross_entropy(logits_.data(), rows_, mapped(targets));
  return total / static_cast<double>(targets.size());
}

Result<double> Head::backward(std::span<const float> x, std::span<const int32_t> targets, float scale,
                              std::span<float> dx, model::Parameters& gradients) {
  TRY(logits(x));
  if (softmax_) TRY(probabilities());
  const auto tokens = static_cast<int64_t>(targets.size());
  double total = 0;
  {
    const auto scope = bench_->timers.measure(Timer::elem);
    const float each = scale / static_cast<float>(tokens);
    const std::span<const int32_t> ids = mapped(targets);
    total = softmax_ ? negative_log_likelihood_backward(logits_.data(), rows_, ids, each)
                     : cross_entropy_backward(logits_.data(), rows_, ids, each, logits_.data());
  }
  const std::span<float> d_table = vocabulary_ != nullptr ? d_compact_.span() : gradients.classifier();
  bench_->product(d_table, logits_.span(), xn_.span());
  {
    const auto scope = bench_->timers.measure(Timer::cls);
    const int64_t dim = geometry_.config.dim;
    gemm({.trans_a = Transpose::yes, .m = dim, .n = tokens, .k = rows_, .lda = dim, .ldb = tokens, .ldc = tokens},
         table_.data(), logits_.data(), dxn_.data());
  }
  TRY(norm_.backward(*bench_, 0, x, dxn_.span(), Into::assign, dx, gradients.final_norm()));
  return total / static_cast<double>(tokens);
}

void Head::collect(model::Parameters& gradients) {
  if (vocabulary_ == nullptr) return;
  vocabulary_->scatter_add(d_compact_.data(), geometry_.config.dim, gradients.classifier().data());
  std::ranges::fill(d_compact_, 0.0f);
}

}  // namespace anemone::train
