// anemone bench generate: tokens a second, against the memory's bandwidth.
#include <memory>

#include "base/json.h"
#include "base/parallel.h"
#include "bench/generate.h"
#include "cli/choices.h"
#include "cli/command.h"
#include "cli/device_flags.h"

namespace anemone::cli {
namespace {

struct Flags {
  std::string config = "stories110m";
  DeviceFlags on;
  bench::GenerateOptions generate;
  bool json = false;
};

double prompt_speed(const Flags& flags, const bench::GenerateTiming& t) {
  return static_cast<double>(flags.generate.prompt) * 1e3 / t.prompt_ms;
}

void print_json(const Flags& flags, const DeviceInfo& device, const bench::GenerateTiming& t) {
  const nlohmann::json report{{"device", device.name},
                              {"config", flags.config},
                              {"precision", to_string(precision_of(flags.on, Precision::fp16))},
                              {"threads", thread_count()},
                              {"prompt_tokens", flags.generate.prompt},
                              {"tokens", flags.generate.tokens},
                              {"load_ms", t.load_ms},
                              {"prompt_ms", t.prompt_ms},
                              {"prompt_tokens_per_s", prompt_speed(flags, t)},
                              {"ms_per_token", t.ms_per_token},
                              {"mean_ms_per_token", t.mean_ms_per_token},
                              {"tokens_per_s", 1e3 / t.mean_ms_per_token},
                              {"weight_bytes_per_token", t.weight_bytes},
                              {"read_bandwidth", t.memory.read},
                              {"fraction_of_bandwidth", t.fraction_of_bandwidth()}};
  fmt::print("{}\n", report.dump(2));
}

void print_table(const Flags& flags, const DeviceInfo& device, const bench::GenerateTiming& t) {
  fmt::print("{} ({}), {} at {}\n\n", device.name, device.description, flags.config,
             to_string(precision_of(flags.on, Precision::fp16)));
  const auto row = [](std::string_view name, double value, std::string_view unit) {
    fmt::print("{:<24}{:>10.2f} {}\n", name, value, unit);
  };
  row("load", t.load_ms, "ms");
  row("prompt", t.prompt_ms, "ms");
  row("", prompt_speed(flags, t), "tokens/s");
  row("a token (median)", t.ms_per_token, "ms");
  row("all tokens", 1e3 / t.mean_ms_per_token, "tokens/s");
  row("weights read a token", t.weight_bytes / 1e6, "MB");
  row("memory yields", t.memory.read / 1e9, "GB/s");
  row("fraction of bandwidth", t.fraction_of_bandwidth(), "");
}

Result<> run(Flags& flags) {
  const model::Config config = TRY(model::find_config(flags.config));
  const Precision precision = precision_of(flags.on, Precision::fp16);
  const auto device = TRY(open_device(flags.on, precision));
  flags.generate.dtype = train::program_dtype(precision);
  flags.generate.weight_bits = precision == Precision::fp32 ? 32 : 16;
  const auto timing = TRY(bench::time_generation(*device, config, flags.generate));
  flags.json ? print_json(flags, device->info(), timing) : print_table(flags, device->info(), timing);
  return {};
}

}  // namespace

void add_bench_generate(CLI::App& bench, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = bench.add_subcommand("generate", "New tokens, one at a time, against the memory's bandwidth");
  app->add_option("--config", flags->config, "A built-in model or a JSON file")->capture_default_str();
  add_device_flags(*app, flags->on, Precision::fp16);
  app->add_option("--prompt", flags->generate.prompt, "Tokens read at the start")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  app->add_option("--tokens", flags->generate.tokens, "Tokens made and timed")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 20));
  app->add_flag("--json", flags->json, "For machines");
  app->footer("Example: anemone bench generate --precision bf16 --json");
  app->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace anemone::cli
