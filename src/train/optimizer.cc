#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "train/adamw.h"

namespace anemone::train {
namespace {

constexpr int64_t kGrain = 1 << 14;  // parameters worth a thread

bool is_vocabulary_table(const model::TensorInfo& tensor) {
  return tensor.name == "tok_embeddings.weight" || tensor.name == "output.weight";
}

// Marks a row used if any of its gradients is other than zero.
bool becomes_used(const float* gradient, int64_t dim, uint8_t& used) {
  if (used == 0) used = std::any_of(gradient, gradient + dim, [](float g) { return g != 0; }) ? 1 : 0;
  return used != 0;
}

// A row never used has zero moments and a zero gradient: without decay there is nothing to do.
void update_used_rows(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t dim,
                      std::span<uint8_t> used) {
  parallel_for(std::ssize(used), std::max<int64_t>(1, kGrain / dim), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const AdamWRun row = run + r * dim;
      if (becomes_used(row.gradient, dim, used[static_cast<size_t>(r)])) adamw(coefficients, row, dim);
    }
  });
}

void update_all(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t count) {
  parallel_for(count, kGrain, [&](int64_t begin, int64_t end) { adamw(coefficients, run + begin, end - begin); });
}

// decay · rate, by the kind of tensor.
float decay_of(const AdamWOptions& options, const model::TensorInfo& tensor, float rate) {
  const bool exempt = tensor.is_norm() || (is_vocabulary_table(tensor) && !options.decay_embedding);
  return exempt ? 0 : rate * options.weight_decay;
}

AdamWCoefficients coefficients_of(const AdamWOptions& options, const Update& update, int64_t t) {
  const auto correction = [t](float beta) { return 1 / (1 - std::pow(static_cast<double>(beta), t)); };
  return {.beta1 = options.beta1,
          .beta2 = options.beta2,
          .epsilon = options.epsilon,
          .scale = update.gradient_scale,
          .step = static_cast<float>(update.rate * correction(options.beta1)),
          .variance = static_cast<float>(correction(options.beta2)),
          .decay = 0};
}

}  // namespace

Optimizer::Optimizer(const model::Config& config, const AdamWOptions& options)
    : options_(options),
      m_(config),
      v_(config),
      used_rows_(static_cast<size_t>(config.vocab * (config.tied ? 1 : 2))) {}

void Optimizer::step(model::Parameters& weights, const model::Parameters& gradients, const Update& update) {
  AdamWCoefficients coefficients = coefficients_of(options_, update, ++updates_);
  const AdamWRun all = {weights.all().data(), gradients.all().data(), m_.all().data(), v_.all().data()};
  std::span<uint8_t> rows = used_rows_;
  for (const model::TensorInfo& tensor : weights.tensors()) {
    const AdamWRun run = all + tensor.offset;
    coefficients.decay = decay_of(options_, tensor, update.rate);
    if (!is_vocabulary_table(tensor)) {
      update_all(coefficients, run, tensor.count());
      continue;
    }
    const auto vocab = static_cast<size_t>(tensor.shape[0]);
    update_used_rows(coefficients, run, tensor.shape[1], rows.first(vocab));
    rows = rows.subspan(vocab);
  }
}

double squared_norm(std::span<const float> gradients) {
  constexpr int64_t kBlock = 1 << 16;  // fixed, so that the threads do not change the sum
  const int64_t count = std::ssize(gradients);
  std::vector<double> sums(static_cast<size_t>((count + kBlock - 1) / kBlock));
  parallel_for(std::ssize(sums), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      sums[static_cast<size_t>(b)] =
          sum_of_squares(gradients.data() + b * kBlock, std::min(kBlock, count - b * kBlock));
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace anemone::train
