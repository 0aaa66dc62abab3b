// anemone bench compare: whether a second run of the benchmarks is slower than a first.
#include <memory>

#include "bench/compare.h"
#include "cli/command.h"

namespace anemone::cli {
namespace {

struct Flags {
  std::string before, after;
  double threshold = 0.05;
  bool json = false;
};

Result<> run(const Flags& flags) {
  const bench::results::File before = TRY(bench::results::read(flags.before));
  const bench::results::File after = TRY(bench::results::read(flags.after));
  const bench::Comparison comparison = bench::compare(before, after, flags.threshold);
  fmt::print("{}", flags.json ? to_json(comparison, before, after) : to_text(comparison, before, after));
  if (comparison.rows.empty()) return fail("{} and {} have no configuration in common", flags.before, flags.after);
  if (comparison.regressions() == 0) return {};
  return fail("{} of {} configurations regressed by more than {:g} %", comparison.regressions(), comparison.rows.size(),
              100 * flags.threshold);
}

}  // namespace

void add_bench_compare(CLI::App& bench, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = bench.add_subcommand("compare", "Two runs: what became slower, and how sure that is");
  app->add_option("BEFORE", flags->before, "What `anemone bench NAME --json` wrote")->required();
  app->add_option("AFTER", flags->after, "The same, later")->required();
  app->add_option("--threshold", flags->threshold, "A regression is so much slower: 0.05 is 5 %")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1000.0));
  app->add_flag("--json", flags->json, "For machines");
  app->footer("Exit 1 where a configuration regressed.\nExample: anemone bench compare before.json after.json");
  app->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace anemone::cli
