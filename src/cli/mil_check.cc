// anemone mil check and mil rules: a program against the engine's rules, and the rules.
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "base/json.h"
#include "cli/command.h"
#include "mil/engine_rules.h"
#include "mil/package/package.h"

namespace anemone::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

struct CheckOptions {
  std::string path;
  std::optional<mil::Profile> profile;
  bool strict = false, json = false;
};

// ---- check

// One finding as people and machines read it.
struct Line {
  std::string rule, severity, place, subject, message, wanted, remedy, source;
};

Line line_of(const std::string& path, const mil::Finding& finding) {
  std::string place = path;
  if (finding.location.line > 0) place += fmt::format(":{}:{}", finding.location.line, finding.location.column);
  return {std::string(finding.rule->id),
          std::string(to_string(finding.severity)),
          std::move(place),
          finding.subject,
          finding.message,
          std::string(finding.rule->statement),
          std::string(finding.rule->remedy),
          finding.rule->sources()};
}

// Without a profile, by that of most machines.
Line line_of(const mil::BlobFinding& blob, const CheckOptions& options) {
  const mil::Profile profile = options.profile.value_or(mil::Profile{});
  const mil::EngineRule& rule = *mil::find_rule("C08", profile);
  return {std::string(rule.id),
          std::string(to_string(mil::severity_of(rule, profile, options.strict))),
          fmt::format("{}, offset {}", blob.reference.path, blob.reference.offset),
          "",
          std::string(mil::to_string(blob.quirk)),
          std::string(rule.statement),
          std::string(rule.remedy),
          rule.sources()};
}

std::vector<Line> findings_of(const mil::LoadedModel& file, const CheckOptions& options) {
  std::vector<Line> lines;
  for (const mil::BlobFinding& blob : file.findings) lines.push_back(line_of(blob, options));
  const std::string& version = file.model.program.version;
  if (version != "1.0" && version != "1.3") {
    lines.push_back({"version", "warning", options.path, "", fmt::format("the version is {}", version),
                     "a program is of version 1.0 or 1.3", "see that its types are right", "others were read as 1.3"});
  }
  if (!options.profile) return lines;
  for (const mil::Function& function : file.model.program.functions) {
    for (const mil::Finding& finding :
         mil::engine_findings(function, *options.profile, &file.weights, options.strict)) {
      lines.push_back(line_of(options.path, finding));
    }
  }
  return lines;
}

Json to_json(const Line& line) {
  return {{"rule", line.rule},       {"severity", line.severity}, {"place", line.place},   {"subject", line.subject},
          {"message", line.message}, {"wanted", line.wanted},     {"remedy", line.remedy}, {"source", line.source}};
}

void print_lines(const CheckOptions& options, const mil::LoadedModel& file, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    fmt::print("{}: {} {} {}{}{}\n    {}: {} ({})\n", line.place, line.severity, line.rule, line.subject,
               line.subject.empty() ? "" : ": ", line.message, line.wanted, line.remedy, line.source);
  }
  const auto count = [&](std::string_view severity) { return std::ranges::count(lines, severity, &Line::severity); };
  const auto notes = count("note");
  fmt::print("{}: {}{}; functions {}, errors {}, warnings {}{}\n", options.path, mil::to_string(file.kind),
             options.profile ? fmt::format(" for {}", to_string(*options.profile)) : "",
             file.model.program.functions.size(), count("error"), count("warning"),
             notes > 0 ? fmt::format(", notes {}", notes) : "");
}

Result<> check(const CheckOptions& options) {
  const mil::LoadedModel file = TRY(mil::read_model(options.path));
  const std::vector<Line> lines = findings_of(file, options);
  const auto errors = std::ranges::count(lines, "error", &Line::severity);
  const std::string profile = options.profile ? to_string(*options.profile) : "";
  if (options.json) {
    Json list = Json::array();
    for (const Line& line : lines) list.push_back(to_json(line));
    fmt::print("{}\n", dump({{"file", options.path},
                             {"profile", options.profile ? Json(profile) : Json(nullptr)},
                             {"strict", options.strict},
                             {"errors", errors},
                             {"findings", list}}));
  } else {
    print_lines(options, file, lines);
  }
  if (errors > 0) return fail("{} breaks {} of the engine's rules on {}", options.path, errors, profile);
  return {};
}

// ---- rules

// The names of the values whose bits are set.
template <class Enum>
std::vector<std::string_view> named(unsigned bits, int values) {
  std::vector<std::string_view> names;
  for (int i = 0; i < values; ++i) {
    if ((bits >> i & 1U) != 0) names.push_back(mil::to_string(static_cast<Enum>(i)));
  }
  return names;
}
std::vector<std::string_view> chips_of(const mil::EngineRule& rule) {
  return named<mil::Chip>(rule.where.chips, mil::kChips);
}
std::vector<std::string_view> systems_of(const mil::EngineRule& rule) {
  return named<mil::System>(rule.where.systems, mil::kSystems);
}
std::vector<std::string_view> paths_of(const mil::EngineRule& rule) {
  return named<mil::Path>(rule.where.paths, mil::kPaths);
}

Json to_json(const mil::EngineRule& rule) {
  return {{"id", rule.id},
          {"statement", rule.statement},
          {"remedy", rule.remedy},
          {"source", rule.source},
          {"against", rule.disputed() ? Json(rule.against) : Json(nullptr)},
          {"stage", to_string(rule.stage)},
          {"effect", to_string(rule.effect)},
          {"chips", chips_of(rule)},
          {"systems", systems_of(rule)},
          {"paths", paths_of(rule)}};
}

std::string place_of(const mil::EngineRule& rule) {
  const auto join = [](const std::vector<std::string_view>& names, size_t all) {
    return names.size() == all ? std::string("all") : fmt::format("{}", fmt::join(names, ", "));
  };
  return fmt::format("chips {}; systems {}; paths {}", join(chips_of(rule), mil::kChips),
                     join(systems_of(rule), mil::kSystems), join(paths_of(rule), mil::kPaths));
}

void print_rule(const mil::EngineRule& rule) {
  const bool enforced = rule.stage != mil::Stage::none;
  std::string how(enforced ? to_string(rule.stage) : "not enforced");
  if (enforced && rule.effect != mil::Effect::none) how += fmt::format(", {}", to_string(rule.effect));
  fmt::print("{} ({}{}): {}\n", rule.id, how, rule.disputed() ? ", disputed" : "", rule.statement);
  fmt::print("    {}: {}\n    where: {}\n    source: {}\n", enforced ? "remedy" : "because", rule.remedy,
             place_of(rule), rule.sources());
}

Result<> rules(const CheckOptions& options) {
  Json list = Json::array();
  for (const mil::EngineRule& rule : mil::engine_rules()) {
    if (options.profile && !rule.where.hold(*options.profile)) continue;
    if (options.json) {
      list.push_back(to_json(rule));
    } else {
      print_rule(rule);
    }
  }
  if (options.json) fmt::print("{}\n", dump(list));
  return {};
}

void add_profile(CLI::App& command, CheckOptions& options, const std::string& help) {
  command
      .add_option_function<std::string>(
          "--profile", [&options](const std::string& text) { options.profile = *mil::parse_profile(text); }, help)
      ->check([](const std::string& text) {
        const Result<mil::Profile> profile = mil::parse_profile(text);
        return profile ? std::string() : profile.error().message;
      });
}

}  // namespace

void add_mil_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Check a program: names, types, weights, the engine's rules");
  command->add_option("FILE", options->path, "A .mil text, an .mlpackage, an .mlmodel or an .mlmodelc folder")
      ->required();
  add_profile(*command, *options, "Also hold it against an engine: CHIP[:SYSTEM][:PATH], as m4:macos15:coreml");
  command->add_flag("--strict", options->strict, "Rules that sources disagree about are errors too");
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example: anemone mil check model.mil --profile m4");
  command->callback([&action, options] { action = [options] { return check(*options); }; });

  command = app.add_subcommand("rules", "List the rules of the engine, and who saw them");
  add_profile(*command, *options, "Only those of one engine: CHIP[:SYSTEM][:PATH]");
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example: anemone mil rules --profile m1");
  command->callback([&action, options] { action = [options] { return rules(*options); }; });
}

}  // namespace anemone::cli
