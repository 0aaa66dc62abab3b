#include "bench/train.h"

#include <algorithm>

#include "base/json.h"

namespace anemone::bench {
namespace {

using train::Timer;

constexpr int64_t kRounds = 3;  // of steps, with the limit measured before, between and after them

std::string_view name_of(model::WeightSource source) {
  return source == model::WeightSource::baked ? "baked" : "dynamic";
}

double gigaflops(const Limit::Entry& entry) { return entry.product.flops() / entry.seconds * 1e-9; }

nlohmann::json json_of(const StepShares& shares) {
  return {{"programs", shares.programs},   {"host", shares.host},
          {"optimizer", shares.optimizer}, {"weights_to_device", shares.weights_to_device},
          {"waiting", shares.waiting},     {"other", shares.other}};
}

nlohmann::json json_of(const Limit::Entry& entry) {
  const Gemm& g = entry.product.gemm;
  return {{"name", entry.product.name},
          {"m", g.m},
          {"n", g.n},
          {"k", g.k},
          {"transposed", {g.trans_a == Transpose::yes, g.trans_b == Transpose::yes}},
          {"times", entry.product.times},
          {"ms", entry.seconds * 1e3},
          {"gflops", gigaflops(entry)}};
}

nlohmann::json limit_json(const TrainReport& report) {
  nlohmann::json products = nlohmann::json::array();
  for (const Limit::Entry& entry : report.products) products.push_back(json_of(entry));
  return {{"ms", report.limit_milliseconds()},
          {"products_ms", report.product_seconds * 1e3},
          {"optimizer_ms", report.optimizer_seconds * 1e3},
          {"optimizer_bytes", report.config.parameter_count() * kOptimizerBytes},
          {"copy_bytes_per_s", report.bandwidth.copy},
          {"products", std::move(products)}};
}

}  // namespace

double TrainReport::tokens_per_second() const {
  return static_cast<double>(options.batch * options.seq) / (median().total * 1e-3);
}

int64_t TrainReport::page_faults() const {
  int64_t total = 0;
  for (const TimedStep& step : steps) total += step.page_faults;
  return total;
}

StepShares shares_of(const TimedStep& step) {
  StepShares shares{.programs = step.part(Timer::ane),
                    .optimizer = step.part(Timer::adam),
                    .weights_to_device = step.part(Timer::stage) + step.part(Timer::compile),
                    .waiting = step.part(Timer::cblas_wait)};
  for (const Timer timer : {Timer::io, Timer::cls, Timer::elem, Timer::rms, Timer::dw}) shares.host += step.part(timer);
  shares.other =
      step.total - shares.programs - shares.host - shares.optimizer - shares.weights_to_device - shares.waiting;
  return shares;
}

Result<TrainReport> bench_train(Device& device, const model::Config& config, const TrainingRunOptions& options,
                                int64_t steps) {
  TrainReport report;
  report.config = config;
  report.options = options;
  TrainingRun run = TRY(TrainingRun::create(device, config, options));
  TRY(run.warm_up());
  report.resident = resident_memory();
  Limit limit(step_products(config, options.batch, options.seq), config.parameter_count(), options.precision);
  limit.measure();
  for (int64_t round = 0; round < std::min(kRounds, steps); ++round) {
    const int64_t until = steps * (round + 1) / std::min(kRounds, steps);
    while (std::ssize(report.steps) < until) report.steps.push_back(TRY(run.step()));
    limit.measure();
  }
  median_step(report.steps);
  report.products = limit.products();
  report.product_seconds = limit.product_seconds();
  report.optimizer_seconds = limit.optimizer_seconds();
  report.bandwidth = limit.bandwidth();
  return report;
}

std::string to_json(const TrainReport& report, const DeviceInfo& device) {
  const TimedStep& step = report.median();
  nlohmann::json parts;
  for (size_t i = 0; i < step.parts.size(); ++i) parts[std::string(train::kTimerNames[i])] = step.parts[i];
  nlohmann::json all{{"device", device.name},
                     {"description", device.description},
                     {"config", report.config.name},
                     {"model", nlohmann::json::parse(model::to_json(report.config))},
                     {"precision", to_string(report.options.precision)},
                     {"weights", name_of(report.options.source)},
                     {"batch", report.options.batch},
                     {"seq", report.options.seq},
                     {"steps", report.steps.size()},
                     {"ms_per_step", step.total},
                     {"best_ms_per_step", report.best().total},
                     {"tokens_per_s", report.tokens_per_second()},
                     {"fraction_of_limit", report.fraction_of_limit()},
                     {"limit", limit_json(report)},
                     {"shares_ms", json_of(shares_of(step))},
                     {"programs_ms", step.programs},
                     {"timers_ms", parts},
                     {"resident_bytes", report.resident.current},
                     {"peak_resident_bytes", report.resident.peak},
                     {"page_faults", report.page_faults()}};
  if (step.device) {
    all["device_ms_per_step"] = step.device->milliseconds;
    all["device_ms_modelled"] = step.device->modelled;
  }
  return all.dump(2);
}

}  // namespace anemone::bench
