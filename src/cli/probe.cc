// anemone probe NAME, all: questions put to a device; anemone probe report: several answers beside each other.
#include <memory>

#include "cli/command.h"
#include "cli/device_flags.h"
#include "probe/report.h"
#include "probe/side_by_side.h"

namespace anemone::cli {
namespace {

struct Flags {
  std::string name;
  DeviceFlags on;
  bool json = false;
};

// Each probe has a device of its own: an engine takes so many compilations and no more.
Result<probe::Probed> run(const probe::Probe& probe, const DeviceFlags& on, Precision precision) {
  const auto device = TRY(open_device(on, precision));
  return probe::Probed{&probe, probe.run(*device, precision)};
}

Result<> verdict(const probe::Report& report) {
  std::string failed;
  for (const probe::Probed& probed : report.probes) {
    if (probed.outcome() == probe::Outcome::fail)
      failed += fmt::format("{}{}", failed.empty() ? "" : ", ", probed.probe->name);
  }
  if (failed.empty()) return {};
  return fail("failed: {}: the findings say why", failed);
}

Result<> run(const Flags& flags) {
  const Precision precision = precision_of(flags.on);
  probe::Report report(TRY(open_device(flags.on, precision))->info(), precision);
  if (!flags.json) fmt::print("{}", heading(report));
  for (const probe::Probe& probe : probe::probes()) {
    if (flags.name != "all" && &probe != probe::find_probe(flags.name)) continue;
    if (flags.json) fmt::print(stderr, "{}\n", probe.name);
    report.probes.push_back(TRY(run(probe, flags.on, precision)));
    if (!flags.json) fmt::print("{}", to_text(report.probes.back()));
    std::fflush(stdout);
  }
  if (flags.json) {
    fmt::print("{}", to_json(report));
  } else if (report.probes.size() > 1) {
    fmt::print("{}", summary(report));
  }
  return verdict(report);
}

void add_one(CLI::App& to, Action& action, const std::string& name, const std::string& help) {
  auto flags = std::make_shared<Flags>();
  flags->name = name;
  CLI::App* app = to.add_subcommand(name, help);
  add_device_flags(*app, flags->on);
  app->add_flag("--json", flags->json, "For machines: docs/probes.md tells the fields");
  app->footer(fmt::format("Exit 1 where something failed.\nExample: anemone probe {} --device sim:m5", name));
  app->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

struct ReportFlags {
  std::vector<std::string> paths;
  bool json = false;
};

Result<> compare(const ReportFlags& flags) {
  std::vector<probe::results::File> files;
  for (const std::string& path : flags.paths) files.push_back(TRY(probe::results::read(path)));
  const probe::SideBySide table = probe::side_by_side(files);
  fmt::print("{}", flags.json ? to_json(table, files) : to_text(table, files));
  return {};
}

void add_report(CLI::App& to, Action& action) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* app = to.add_subcommand("report", "Answers of several devices or machines beside each other");
  app->add_option("FILES", flags->paths, "What `anemone probe NAME --json` wrote")->required();
  app->add_flag("--json", flags->json, "For machines");
  app->footer("Example: anemone probe report cpu.json m4.json m5.json");
  app->callback([&action, flags] { action = [flags] { return compare(*flags); }; });
}

}  // namespace

void add_probe(CLI::App& root, Action& action) {
  CLI::App* app = root.add_subcommand("probe", "Ask a device what it does, and hold the answers against references");
  app->require_subcommand(1);
  for (const probe::Probe& probe : probe::probes()) {
    add_one(*app, action, std::string(probe.name), std::string(probe.question));
    app->get_subcommand(std::string(probe.name))->alias(fmt::format("test_{}", probe.name));
  }
  add_one(*app, action, "all", "All of them");
  add_report(*app, action);
}

}  // namespace anemone::cli
