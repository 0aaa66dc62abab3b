// The comparison with published times, as text, Markdown and JSON.
#include <fmt/ranges.h>

#include "base/json.h"
#include "bench/sim_model.h"

namespace anemone::bench {
namespace {

std::string milliseconds(const std::optional<double>& ms) { return ms ? fmt::format("{:.4g}", *ms) : "–"; }
std::string percent(const std::optional<double>& share) { return share ? fmt::format("{:+.1f} %", 100 * *share) : "–"; }

std::string summary_of(const ComparedTable& table) {
  const auto errors = table.errors();
  if (!errors) return "not predicted";
  std::string text = fmt::format("median {:.1f} %, worst {:.1f} %", 100 * errors->median, 100 * errors->worst);
  if (const auto left_out = table.left_out()) {
    text += fmt::format("; each row left out of the fit: median {:.1f} %, worst {:.1f} %", 100 * left_out->median,
                        100 * left_out->worst);
  }
  return text;
}

// "dev-erik/ANE; direct, macOS 26.2; medians of the warm runs; fitted to it: floor_ms"
std::string conditions_of(const sim::PublishedTable& table) {
  std::vector<std::string> parts{table.source};
  if (!table.path.empty()) parts.push_back(table.path);
  if (!table.condition.empty()) parts.push_back(table.condition);
  if (!table.calibrates.empty()) parts.push_back(fmt::format("fitted to it: {}", fmt::join(table.calibrates, ", ")));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string borrowed_or_own(const sim::Figure& figure) {
  return figure.borrowed_from.empty() ? fmt::format("{}", *figure)
                                      : fmt::format("{} ({})", *figure, figure.borrowed_from);
}

// The figures of all chips, what is borrowed in brackets.
std::string figures_as_markdown() {
  std::string text = fmt::format("| figure | {} |\n|---|", fmt::join(mil::chip_names(), " | "));
  for (size_t i = 0; i < mil::chip_names().size(); ++i) text += "---|";
  for (const sim::FigureName& entry : sim::figure_names()) {
    text += fmt::format("\n| `{}` |", entry.name);
    for (const std::string& name : mil::chip_names()) {
      text += fmt::format(" {} |", borrowed_or_own(sim::chip(*mil::parse_chip(name)).*entry.figure));
    }
  }
  return text + "\n";
}

std::string sources_as_markdown() {
  std::string text = "| figure | chip | source |\n|---|---|---|\n";
  for (const sim::FigureName& entry : sim::figure_names()) {
    for (const std::string& name : mil::chip_names()) {
      const sim::Figure& figure = sim::chip(*mil::parse_chip(name)).*entry.figure;
      if (!figure.borrowed_from.empty()) continue;
      text += fmt::format("| `{}` | {} | {} |\n", entry.name, name, figure.source);
    }
  }
  return text;
}

std::string fits_as_markdown(const SimModelReport& report) {
  std::string text = "| chip | figure | rows | in the chip's file | fitted now |\n|---|---|---|---|---|\n";
  for (const FittedFigure& f : report.figures) {
    text += fmt::format("| {} | `{}` | {} | {:.4g} | {:.4g} |\n", f.chip, f.name, f.rows, f.in_file, f.fitted);
  }
  return text;
}

}  // namespace

std::string to_text(const SimModelReport& report) {
  std::string text;
  for (const ComparedTable& table : report.tables) {
    text += fmt::format("{}\n  {}\n", table.table->name, conditions_of(*table.table));
    text += fmt::format("  {:<36}{:>9}{:>14}{:>14}{:>11}{:>11}\n", "", "chip", "published ms", "modelled ms", "error",
                        "left out");
    for (const ComparedRow& row : table.rows) {
      text +=
          fmt::format("  {:<36}{:>9}{:>14}{:>14}{:>11}{:>11}\n", row.label, row.chip, milliseconds(row.published_ms),
                      milliseconds(row.predicted_ms), percent(row.error()), percent(row.left_out_error()));
    }
    text += fmt::format("  {}\n\n", summary_of(table));
  }
  for (const FittedFigure& f : report.figures) {
    text += fmt::format("{} {}: fitted to {} rows {:.4g}, in the chip's file {:.4g}\n", f.chip, f.name, f.rows,
                        f.fitted, f.in_file);
  }
  return text;
}

std::string to_markdown(const SimModelReport& report) {
  std::string text = "### Figures\n\n" + figures_as_markdown() + "\n### Where they come from\n\n" +
                     sources_as_markdown() + "\n### What was fitted\n\n" + fits_as_markdown(report) +
                     "\n### Modelled against published\n";
  for (const ComparedTable& table : report.tables) {
    text += fmt::format("\n**{}** ({}): {}.\n\n", table.table->name, conditions_of(*table.table), summary_of(table));
    text += "| | chip | published ms | modelled ms | error | left out |\n|---|---|---|---|---|---|\n";
    for (const ComparedRow& row : table.rows) {
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.label, row.chip, milliseconds(row.published_ms),
                          milliseconds(row.predicted_ms), percent(row.error()), percent(row.left_out_error()));
    }
  }
  return text;
}

std::string to_json(const SimModelReport& report) {
  const auto number = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  const auto errors = [](const std::optional<ErrorSummary>& e) {
    return e ? nlohmann::json{{"median", e->median}, {"worst", e->worst}} : nlohmann::json();
  };
  nlohmann::json tables = nlohmann::json::array(), figures = nlohmann::json::array();
  for (const ComparedTable& table : report.tables) {
    nlohmann::json rows = nlohmann::json::array();
    for (const ComparedRow& row : table.rows) {
      rows.push_back({{"label", row.label},
                      {"chip", row.chip},
                      {"published_ms", row.published_ms},
                      {"modelled_ms", number(row.predicted_ms)},
                      {"error", number(row.error())},
                      {"left_out_ms", number(row.left_out_ms)}});
    }
    tables.push_back({{"name", table.table->name},
                      {"source", table.table->source},
                      {"path", table.table->path},
                      {"condition", table.table->condition},
                      {"calibrates", table.table->calibrates},
                      {"errors", errors(table.errors())},
                      {"left_out", errors(table.left_out())},
                      {"rows", rows}});
  }
  for (const FittedFigure& f : report.figures) {
    figures.push_back(
        {{"chip", f.chip}, {"figure", f.name}, {"rows", f.rows}, {"in_file", f.in_file}, {"fitted", f.fitted}});
  }
  return nlohmann::json{{"tables", tables}, {"figures", figures}}.dump(2);
}

}  // namespace anemone::bench
