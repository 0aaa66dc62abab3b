// anemone bench report: results as one page.
#include <memory>

#include "base/file.h"
#include "bench/report.h"
#include "cli/command.h"

namespace anemone::cli {
namespace {

struct Flags {
  std::vector<std::string> files;
  std::string output = "report.html";
};

Result<> run(const Flags& flags) {
  if (std::ssize(flags.files) > bench::kMostReported) {
    return fail("{} files are too many for one page: give at most {}", flags.files.size(), bench::kMostReported);
  }
  std::vector<bench::results::File> files;
  for (const std::string& path : flags.files) files.push_back(TRY(bench::results::read(path)));
  AtomicFile page = TRY(AtomicFile::create(flags.output));
  TRY(page.write(bench::report_page(files)));
  TRY(page.commit());
  fmt::print("{}\n", flags.output);
  return {};
}

}  // namespace

void add_bench_report(CLI::App& bench, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = bench.add_subcommand("report", "Results as one page of tables and charts");
  app->add_option("FILE", flags->files, "What `anemone bench NAME --json` wrote, a file for each machine")->required();
  app->add_option("-o,--output", flags->output, "The page")->capture_default_str();
  app->footer("Example: anemone bench report cpu.json m4.json -o report.html");
  app->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace anemone::cli
