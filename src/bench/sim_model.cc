#include "bench/sim_model.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "bench/fit.h"

namespace anemone::bench {
namespace {

using sim::ChipModel;
using sim::PublishedRow;
using sim::PublishedTable;

// A row on its way through the comparison.
struct Entry {
  const PublishedTable* table;
  ComparedRow row;
  std::optional<mil::Chip> chip;
  Workload workload;

  bool predicted() const { return chip && !workload.programs.empty(); }
};

// Tables of one chip that calibrate the same figures are fitted together.
using Group = std::pair<std::string, std::vector<std::string>>;

Figures figures_of(const std::vector<std::string>& names) {
  Figures figures;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(sim::figure_names(), name, &sim::FigureName::name);
    CHECK(found != sim::figure_names().end());
    figures.push_back(found->figure);
  }
  return figures;
}

Result<Entry> entry_of(const PublishedTable& table, const PublishedRow& row) {
  const std::vector<RepeatedProgram> programs = TRY(programs_of(row.program));
  Entry entry{.table = &table,
              .row = {.label = row.label, .chip = row.chip},
              .chip = mil::parse_chip(row.chip),
              .workload = workload_of(table, row, programs)};
  entry.row.published_ms = table.milliseconds(row, entry.workload.flops());
  if (entry.predicted()) entry.row.predicted_ms = entry.workload.milliseconds(sim::chip(*entry.chip));
  return entry;
}

Result<std::vector<Entry>> entries_of(const std::string& chip) {
  std::vector<Entry> entries;
  for (const PublishedTable& table : sim::published_tables()) {
    for (const PublishedRow& row : table.rows) {
      if (chip.empty() || row.chip == chip) entries.push_back(TRY(entry_of(table, row)));
    }
  }
  return entries;
}

std::map<Group, std::vector<Entry*>> calibration_groups(std::vector<Entry>& entries) {
  std::map<Group, std::vector<Entry*>> groups;
  for (Entry& entry : entries) {
    if (!entry.table->calibrates.empty()) groups[{entry.row.chip, entry.table->calibrates}].push_back(&entry);
  }
  return groups;
}

ChipModel fit_without(const std::vector<Entry*>& group, const Figures& figures, const Entry* left_out) {
  std::vector<Observation> observations;
  for (const Entry* entry : group) {
    if (entry != left_out) observations.push_back({&entry->workload, entry->row.published_ms});
  }
  return fit(sim::chip(*group[0]->chip), figures, observations);
}

std::vector<FittedFigure> fit_group(const Group& group, const std::vector<Entry*>& entries) {
  const Figures figures = figures_of(group.second);
  const ChipModel fitted = fit_without(entries, figures, nullptr);
  std::vector<FittedFigure> result;
  for (size_t i = 0; i < figures.size(); ++i) {
    result.push_back({group.first, group.second[i], *(sim::chip(*entries[0]->chip).*figures[i]), *(fitted.*figures[i]),
                      std::ssize(entries)});
  }
  if (entries.size() > figures.size()) {
    for (Entry* entry : entries) {
      entry->row.left_out_ms = entry->workload.milliseconds(fit_without(entries, figures, entry));
    }
  }
  return result;
}

std::optional<ErrorSummary> summarize(std::vector<double> errors) {
  if (errors.empty()) return std::nullopt;
  for (double& error : errors) error = std::abs(error);
  std::ranges::sort(errors);
  const size_t middle = errors.size() / 2;
  const double median = errors.size() % 2 == 1 ? errors[middle] : (errors[middle - 1] + errors[middle]) / 2;
  return ErrorSummary{.median = median, .worst = errors.back()};
}

std::optional<ErrorSummary> summarize(const std::vector<ComparedRow>& rows,
                                      std::optional<double> (ComparedRow::*error)() const) {
  std::vector<double> errors;
  for (const ComparedRow& row : rows) {
    if (const auto e = (row.*error)()) errors.push_back(*e);
  }
  return summarize(std::move(errors));
}

}  // namespace

std::optional<ErrorSummary> ComparedTable::errors() const { return summarize(rows, &ComparedRow::error); }
std::optional<ErrorSummary> ComparedTable::left_out() const { return summarize(rows, &ComparedRow::left_out_error); }

Result<SimModelReport> compare_with_published(const std::string& chip) {
  std::vector<Entry> entries = TRY(entries_of(chip));
  SimModelReport report;
  for (const auto& [group, members] : calibration_groups(entries)) {
    for (FittedFigure& figure : fit_group(group, members)) report.figures.push_back(std::move(figure));
  }
  for (Entry& entry : entries) {
    if (report.tables.empty() || report.tables.back().table != entry.table) report.tables.push_back({entry.table, {}});
    report.tables.back().rows.push_back(std::move(entry.row));
  }
  return report;
}

}  // namespace anemone::bench
