// anemone bench sim_model: the model of the engine's time against what was published.
#include <memory>

#include "bench/sim_model.h"
#include "cli/command.h"
#include "mil/engine/profile.h"

namespace anemone::cli {
namespace {

struct Flags {
  std::string chip;
  bool json = false, markdown = false, svg = false;
};

Result<> run(const Flags& flags) {
  const bench::SimModelReport report = TRY(bench::compare_with_published(flags.chip));
  const auto print = flags.json       ? bench::to_json
                     : flags.markdown ? bench::to_markdown
                     : flags.svg      ? bench::to_svg
                                      : bench::to_text;
  fmt::print("{}", print(report));
  return {};
}

}  // namespace

void add_bench_sim_model(CLI::App& bench, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = bench.add_subcommand("sim_model", "The modelled time of the engine against published times");
  app->add_option("--chip", flags->chip, "Rows of this chip only [all]")->check(CLI::IsMember(mil::chip_names()));
  auto* format = app->add_option_group("format")->require_option(0, 1);
  format->add_flag("--json", flags->json, "For machines");
  format->add_flag("--markdown", flags->markdown, "The tables of docs/sim.md");
  format->add_flag("--svg", flags->svg, "The picture of docs/sim.md");
  app->footer("Example: anemone bench sim_model --chip m4-max");
  app->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace anemone::cli
