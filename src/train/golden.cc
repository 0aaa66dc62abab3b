#include "train/golden.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace anemone::train {
namespace {

using Loss = GoldenTrace::Loss;

// Seed guide, sections 1.3 and 1.9.
GoldenTrace seed_trace(Offload offload, std::string_view source, std::vector<Loss> losses) {
  const int64_t steps = losses.back().step + 1;
  GoldenTrace trace{.source = source,
                    .preset = find_preset("train_large").value(),
                    .steps = steps,
                    .losses = std::move(losses),
                    .tokens = 20658981,
                    .first_tokens = {1, 365, 2354, 322, 4111, 526, 7875, 29889, 2688, 763}};
  trace.preset.options.offload = offload;
  trace.preset.options.schedule.peak = 1e-4;
  return trace;
}

GoldenTrace core_trace() {
  constexpr double kLosses[] = {10.390698, 10.434500, 10.484736, 10.417551, 10.392599, 10.392069, 10.382063,
                                10.377501, 10.409813, 10.395181, 10.267123, 10.389436, 10.246490, 10.322395,
                                10.280519, 10.202168, 10.306752, 10.293774, 10.263789, 10.307909};
  std::vector<Loss> losses;
  for (const double loss : kLosses) losses.push_back({std::ssize(losses), loss});
  return seed_trace(Offload::core, "maderix's train_large, M5 and M3 Ultra", std::move(losses));
}

GoldenTrace full_trace() {
  return seed_trace(Offload::full, "maderix's train_large_ane when it began as train_large does",
                    {{0, 10.3901}, {9, 10.3946}, {10, 10.2666}});
}

}  // namespace

const GoldenTrace& published_trace(Offload offload) {
  static const GoldenTrace core = core_trace(), full = full_trace();
  return offload == Offload::core ? core : full;
}

Result<> check_options(const GoldenTrace& trace, const model::Config& config, const TrainOptions& options) {
  if (options.steps < 1 || options.steps > trace.steps) {
    return fail("the published losses are of {} steps, not {}: give --steps from 1 to {}", trace.steps, options.steps,
                trace.steps);
  }
  TrainOptions wanted = trace.preset.options;
  if (options.schedule.peak != wanted.schedule.peak) {
    return fail("the published run had a rate of {}, not {}: give --lr {}", wanted.schedule.peak, options.schedule.peak,
                wanted.schedule.peak);
  }
  wanted.steps = options.steps;
  wanted.schedule.total = options.schedule.total;
  wanted.precision = options.precision;
  wanted.save_every = options.save_every;
  if (options == wanted && config == trace.preset.config) return {};
  return fail(
      "the published runs were of --preset {} as it is, or with --offload full: leave out what changes the model, the "
      "batch, the seed or the optimizer",
      trace.preset.name);
}

Result<> check_data(const GoldenTrace& trace, const text::TokenFile& tokens) {
  std::vector<int32_t> first(static_cast<size_t>(std::min(std::ssize(trace.first_tokens), tokens.size())));
  tokens.copy(0, first);
  if (tokens.size() == trace.tokens && first == trace.first_tokens) return {};
  return fail(
      "{} is not the data of the published run: it holds {} tokens and begins with {}, where the first shard of "
      "TinyStories holds {} and begins with {}: fetch that with `anemone data download`",
      tokens.name(), tokens.size(), fmt::join(first, ", "), trace.tokens, fmt::join(trace.first_tokens, ", "));
}

Result<GoldenRow> follow(Trainer& trainer, const GoldenTrace& trace, int64_t steps,
                         const std::function<void(const GoldenRow&)>& tell) {
  TRY(trainer.stage());
  GoldenRow worst;
  for (int64_t i = 0; i < steps; ++i) {
    const StepReport report = TRY(trainer.step());
    GoldenRow row{.step = report.step, .loss = report.loss};
    const auto published = std::ranges::find(trace.losses, report.step, &Loss::step);
    if (published != trace.losses.end()) row.published = published->loss;
    tell(row);
    if (!worst.published || std::abs(row.difference()) > std::abs(worst.difference())) worst = row;
  }
  return worst;
}

}  // namespace anemone::train
