// anemone bench: what takes how long.
#include <memory>

#include "base/json.h"
#include "bench/offload.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/device_flags.h"

namespace anemone::cli {
namespace {

using train::Timer;

struct OffloadFlags {
  std::string config = "stories110m";
  DeviceFlags on;
  model::WeightSource weights = model::WeightSource::baked;
  int64_t steps = 5, batch = 1, seq = 0;
  bool json = false;
};

constexpr const char* name_of(train::Offload offload) { return offload == train::Offload::core ? "core" : "full"; }

void print_json(const DeviceInfo& device, const std::vector<bench::OffloadTiming>& timings) {
  nlohmann::json report{{"device", device.name}};
  for (const bench::OffloadTiming& t : timings) {
    nlohmann::json parts;
    for (size_t i = 0; i < t.step.parts.size(); ++i) parts[std::string(train::kTimerNames[i])] = t.step.parts[i];
    nlohmann::json& entry = report[name_of(t.offload)] = {{"ms_per_step", t.step.total}, {"parts", parts}};
    if (!t.step.device) continue;
    entry["device_ms"] = t.step.device->milliseconds;
    entry["device_ms_modelled"] = t.step.device->modelled;
  }
  fmt::print("{}\n", report.dump(2));
}

// Published figures stand beside ours only where they are of the same work: Stories110M, the core offload.
void print_table(const DeviceInfo& device, const std::vector<bench::OffloadTiming>& timings, bool published) {
  const bench::TimedStep &core = timings[0].step, &full = timings[1].step;
  fmt::print("{} ({}), host clock, ms a step\n\n", device.name, device.description);
  fmt::print("{:<12}{:>10}{:>10}{:>10}{}\n", "", "core", "full", "full/core", published ? "   seed, M4 (core)" : "");
  const auto row = [&](std::string_view name, double a, double b, double reference) {
    fmt::print("{:<12}{:>10.1f}{:>10.1f}{:>10}{}\n", name, a, b, a > 0 ? fmt::format("{:.2f}", b / a) : "-",
               published && reference > 0 ? fmt::format("{:>12.1f}", reference) : "");
  };
  for (size_t i = 0; i < core.parts.size(); ++i) {
    double reference = 0;
    for (const bench::PublishedPart& part : bench::kPublishedParts) {
      if (part.timer == static_cast<Timer>(i)) reference = part.milliseconds;
    }
    row(train::kTimerNames[i] == "ane" ? std::string_view(device.name) : train::kTimerNames[i], core.parts[i],
        full.parts[i], reference);
  }
  row("step", core.total, full.total, bench::kPublishedTotal);
  if (core.device && full.device) {
    const std::string_view clock = core.device->modelled ? "modelled" : "own clock";
    row(clock, core.device->milliseconds, full.device->milliseconds, 0);
    fmt::print("\n{}: what the programs take on {}, without the host's work\n", clock, device.name);
  }
  if (published) fmt::print("\nThe seed's parts cover its forward pass alone; it tells 16 % for the full offload.\n");
}

Result<> bench_offload(const OffloadFlags& flags) {
  const model::Config config = TRY(model::find_config(flags.config));
  const Precision precision = precision_of(flags.on);
  const auto device = TRY(open_device(flags.on, precision));
  const auto timings = TRY(bench::compare_offloads(*device, config,
                                                   {.source = flags.weights,
                                                    .precision = precision,
                                                    .batch = flags.batch,
                                                    .seq = flags.seq > 0 ? flags.seq : config.seq},
                                                   flags.steps));
  if (flags.json) {
    print_json(device->info(), timings);
  } else {
    print_table(device->info(), timings, config.name == "stories110m");
  }
  return {};
}

}  // namespace

void add_bench(CLI::App& root, Action& action) {
  CLI::App* app = root.add_subcommand("bench", "Measure what takes how long");
  app->require_subcommand(1);
  add_bench_compare(*app, action);
  add_bench_generate(*app, action);
  add_bench_report(*app, action);
  add_bench_sim_model(*app, action);
  add_bench_suite(*app, action);
  add_bench_train(*app, action);
  auto flags = std::make_shared<OffloadFlags>();
  CLI::App* offload = app->add_subcommand("offload", "A training step with the core and with the full offload");
  const CLI::Range positive(int64_t{1}, int64_t{1} << 20);
  offload->add_option("--config", flags->config, "A built-in model or a JSON file")->capture_default_str();
  add_device_flags(*offload, flags->on);
  add_choice(*offload, "--weights", flags->weights, kWeightSources,
             "In the programs, or beside the activations [baked]");
  offload->add_option("--steps", flags->steps, "Steps to time, after one that is not")
      ->capture_default_str()
      ->check(positive);
  offload->add_option("--batch", flags->batch, "Sequences a step")->capture_default_str()->check(positive);
  offload->add_option("--seq", flags->seq, "Tokens a sequence [the model's]")->check(positive);
  offload->add_flag("--json", flags->json, "For machines");
  offload->footer("Example: anemone bench offload --config stories15m --steps 10");
  offload->callback([&action, flags] { action = [flags] { return bench_offload(*flags); }; });
}

}  // namespace anemone::cli
