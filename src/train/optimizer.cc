#include "train/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/parallel.h"

namespace anemone::train {
namespace {

// Parameters of a block: with gradient and moments half a second-level cache of 1 MiB.
constexpr int64_t kBlock = 1 << 15;
constexpr int64_t kRowsTogether = 32;  // what a listener transposes then fills whole cache lines, at 16 bits as well
constexpr int64_t kBlocksAtOnce = 4;   // that a thread takes

bool is_vocabulary_table(const model::TensorInfo& tensor) {
  return tensor.name == "tok_embeddings.weight" || tensor.name == "output.weight";
}

// Marks a row used if any of its gradients is other than zero.
bool becomes_used(const float* gradient, int64_t dim, uint8_t& used) {
  if (used == 0) used = std::any_of(gradient, gradient + dim, [](float g) { return g != 0; }) ? 1 : 0;
  return used != 0;
}

// Whether any row was used. One never used has zero moments and a zero gradient: without decay there is nothing to do.
bool update_used_rows(const AdamWCoefficients& coefficients, const AdamWRun& run, int64_t rows, int64_t length,
                      uint8_t* used) {
  bool any = false;
  for (int64_t r = 0; r < rows; ++r) {
    const AdamWRun row = run + r * length;
    if (!becomes_used(row.gradient, length, used[r])) continue;
    adamw(coefficients, row, length);
    any = true;
  }
  return any;
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
    : options_(options), m_(config), v_(config), used_rows_(static_cast<size_t>(config.vocab * (config.tied ? 1 : 2))) {
  size_t used = 0;
  for (size_t i = 0; i < m_.tensors().size(); ++i) {
    const model::TensorInfo& tensor = m_.tensors()[i];
    cut(i, tensor, used);
    if (is_vocabulary_table(tensor)) used += static_cast<size_t>(tensor.shape[0]);
  }
}

void Optimizer::cut(size_t index, const model::TensorInfo& tensor, size_t used) {
  const bool table = is_vocabulary_table(tensor);
  const bool decays = !tensor.is_norm() && (!table || options_.decay_embedding);
  const int64_t length = tensor.shape.back(), rows = tensor.count() / length;
  const int64_t step = std::max(kRowsTogether, kBlock / length / kRowsTogether * kRowsTogether);
  for (int64_t row = 0; row < rows; row += step) {
    blocks_.push_back({.tensor = index,
                       .row = row,
                       .rows = std::min(step, rows - row),
                       .length = length,
                       .offset = tensor.offset + row * length,
                       .decays = decays,
                       .used = table ? std::optional(used + static_cast<size_t>(row)) : std::nullopt});
  }
}

// Blocks are independent of each other, so that any thread may take the next one.
void Optimizer::step(model::Parameters& weights, const model::Parameters& gradients, const Update& update,
                     UpdateListener* listener) {
  AdamWCoefficients decaying = coefficients_of(options_, update, ++updates_);
  const AdamWCoefficients plain = decaying;
  decaying.decay = update.rate * options_.weight_decay;
  const AdamWRun all = {weights.all().data(), gradients.all().data(), m_.all().data(), v_.all().data()};
  const int64_t count = std::ssize(blocks_);
#pragma omp parallel for schedule(dynamic, kBlocksAtOnce)
  for (int64_t b = 0; b < count; ++b) {
    const Block& block = blocks_[static_cast<size_t>(b)];
    const bool changed = update_block(block, block.decays ? decaying : plain, all + block.offset);
    if (changed && listener != nullptr) listener->on_updated(weights, block.tensor, block.row, block.rows);
  }
}

bool Optimizer::update_block(const Block& block, const AdamWCoefficients& coefficients, const AdamWRun& run) {
  if (block.used) {
    return update_used_rows(coefficients, run, block.rows, block.length, used_rows_.data() + *block.used);
  }
  adamw(coefficients, run, block.rows * block.length);
  return true;
}

double squared_norm(std::span<const float> gradients) {
  std::array<double, 4096> sums{};
  const int64_t count = std::ssize(gradients), most = std::ssize(sums);
  // By the count alone, so that the threads do not change the sum.
  const int64_t length = std::max<int64_t>(1 << 16, (count + most - 1) / most);
  parallel_for((count + length - 1) / length, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      sums[static_cast<size_t>(b)] =
          sum_of_squares(gradients.data() + b * length, std::min(length, count - b * length));
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace anemone::train
