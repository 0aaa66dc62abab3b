// anemone bench train: a training step against the machine's limit.
#include <algorithm>
#include <memory>

#include "bench/train.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/device_flags.h"

namespace anemone::cli {
namespace {

struct TrainFlags {
  std::string config = "stories110m";
  DeviceFlags on;
  model::WeightSource weights = model::WeightSource::baked;
  int64_t steps = 10, batch = 1, seq = 0;
  bool json = false;
};

void print_row(int indent, std::string_view name, double milliseconds, double total) {
  fmt::print("{:<28}{:>10.1f}{:>9.1f} %\n", fmt::format("{:{}}{}", "", indent, name), milliseconds,
             100 * milliseconds / total);
}

void print_programs(const bench::TimedStep& step) {
  std::vector<std::pair<std::string, double>> programs(step.programs.begin(), step.programs.end());
  std::ranges::stable_sort(programs, std::ranges::greater{}, &std::pair<std::string, double>::second);
  for (const auto& [name, milliseconds] : programs) print_row(4, name, milliseconds, step.total);
}

void print_host(const bench::TimedStep& step) {
  using train::Timer;
  const std::pair<const char*, Timer> parts[] = {{"weight gradients", Timer::dw},
                                                 {"classifier", Timer::cls},
                                                 {"norms", Timer::rms},
                                                 {"elementwise, loss", Timer::elem},
                                                 {"copies in and out", Timer::io}};
  for (const auto& [name, timer] : parts) print_row(4, name, step.part(timer), step.total);
}

void print_shares(const bench::TimedStep& step) {
  const bench::StepShares shares = bench::shares_of(step);
  fmt::print("{:<28}{:>10}\n", "the median step", "ms");
  print_row(2, "programs", shares.programs, step.total);
  print_programs(step);
  print_row(2, "host", shares.host, step.total);
  print_host(step);
  print_row(2, "optimizer", shares.optimizer, step.total);
  print_row(2, "weights to the device", shares.weights_to_device, step.total);
  print_row(2, "waiting", shares.waiting, step.total);
  print_row(2, "other", shares.other, step.total);
}

void print_limit(const bench::TrainReport& report) {
  double flops = 0;
  for (const bench::Limit::Entry& entry : report.products) flops += entry.product.flops();
  const double total = report.limit_milliseconds();
  fmt::print("{:<28}{:>10}\n", "the limit", "ms");
  print_row(2, "matrix products", report.product_seconds * 1e3, total);
  print_row(2, "optimizer's memory", report.optimizer_seconds * 1e3, total);
  fmt::print("  {:.1f} GFLOP at {:.0f} GFLOP/s; {:.1f} GB copied at {:.1f} GB/s\n", flops * 1e-9,
             flops / report.product_seconds * 1e-9,
             static_cast<double>(report.config.parameter_count() * bench::kOptimizerBytes) * 1e-9,
             report.bandwidth.copy * 1e-9);
}

void print_table(const bench::TrainReport& report, const DeviceInfo& device) {
  constexpr double kMegabyte = 1 << 20;
  fmt::print("{} at {}, batch {} of {} tokens, {} steps on {} ({})\n\n", report.config.name,
             to_string(report.options.precision), report.options.batch, report.options.seq, report.steps.size(),
             device.name, device.description);
  fmt::print("step      {:.1f} ms (best {:.1f})\n", report.median().total, report.best().total);
  if (const auto& time = report.median().device) {
    fmt::print("device    {:.1f} ms{} by its own clock\n", time->milliseconds, time->modelled ? " (modelled)" : "");
  }
  fmt::print("speed     {:.0f} tokens/s\n", report.tokens_per_second());
  fmt::print("limit     {:.1f} ms: the best step reaches {:.3f} of it\n", report.limit_milliseconds(),
             report.fraction_of_limit());
  fmt::print("memory    {:.0f} MiB resident (peak {:.0f}), {} page faults in all steps\n\n",
             static_cast<double>(report.resident.current) / kMegabyte,
             static_cast<double>(report.resident.peak) / kMegabyte, report.page_faults());
  print_shares(report.median());
  fmt::print("\n");
  print_limit(report);
}

Result<> run_bench(const TrainFlags& flags) {
  const model::Config config = TRY(model::find_config(flags.config));
  const Precision precision = precision_of(flags.on);
  const auto device = TRY(open_device(flags.on, precision));
  const bench::TrainReport report = TRY(bench::bench_train(*device, config,
                                                           {.source = flags.weights,
                                                            .precision = precision,
                                                            .batch = flags.batch,
                                                            .seq = flags.seq > 0 ? flags.seq : config.seq},
                                                           flags.steps));
  if (flags.json) {
    fmt::print("{}\n", bench::to_json(report, device->info()));
  } else {
    print_table(report, device->info());
  }
  return {};
}

}  // namespace

void add_bench_train(CLI::App& bench, Action& action) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* app = bench.add_subcommand("train", "A training step against the machine's limit");
  const CLI::Range positive(int64_t{1}, int64_t{1} << 20);
  app->add_option("--config", flags->config, "A built-in model or a JSON file")->capture_default_str();
  add_device_flags(*app, flags->on);
  add_choice(*app, "--weights", flags->weights, kWeightSources, "In the programs, or beside the activations [baked]");
  app->add_option("--batch", flags->batch, "Sequences a step")->capture_default_str()->check(positive);
  app->add_option("--seq", flags->seq, "Tokens a sequence [the model's]")->check(positive);
  app->add_option("--steps", flags->steps, "Steps to time, after one that is not")
      ->capture_default_str()
      ->check(positive);
  app->add_flag("--json", flags->json, "For machines");
  app->footer("Example: anemone bench train --precision bf16 --weights dynamic --batch 4");
  app->callback([&action, flags] { action = [flags] { return run_bench(*flags); }; });
}

}  // namespace anemone::cli
