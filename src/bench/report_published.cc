#include "bench/report_published.h"

#include <algorithm>
#include <iterator>

#include "device/sim/time/published.h"

namespace anemone::bench {
namespace {

// "inmem_peak" and "inmem_peak, M3 Ultra"; the seed's ane_int8_bench is int8.
bool is_of(const sim::PublishedTable& table, std::string_view benchmark) {
  const std::string name = benchmark == "int8" ? "ane_int8_bench" : std::string(benchmark);
  return table.name == name || table.name.starts_with(name + ",");
}

PublishedPoint point_of(const sim::PublishedTable& table, const sim::PublishedRow& row) {
  const sim::PublishedProgram& p = row.program;
  const results::Parameters parameters{.channels = p.channels,
                                       .height = p.height,
                                       .width = p.width,
                                       .depth = p.depth,
                                       .form = p.int8 ? "w8a8" : "fp16",
                                       .boundary = p.fp32 ? "fp32" : "fp16"};
  const auto weights = static_cast<double>(p.channels * p.channels * p.depth);
  const double flop = 2 * weights * static_cast<double>(p.height * p.width);
  return {parameters, table.milliseconds(row, flop), flop, weights * (p.int8 ? 1 : 2) / (1 << 20)};
}

std::string note_of(const sim::PublishedTable& table) {
  return table.path + (table.path.empty() || table.condition.empty() ? "" : "; ") + table.condition;
}

PublishedRun& run_of(std::vector<PublishedRun>& runs, const std::string& chip, const sim::PublishedTable& table) {
  const auto found = std::ranges::find_if(
      runs, [&](const PublishedRun& run) { return run.chip == chip && run.source == table.source; });
  if (found != runs.end()) return *found;
  return runs.emplace_back(PublishedRun{.chip = chip, .source = table.source, .note = note_of(table), .points = {}});
}

// The rows that no run of the same chip has yet.
void add(std::vector<PublishedRun>& runs, const sim::PublishedTable& table) {
  for (const sim::PublishedRow& row : table.rows) {
    const PublishedPoint point = point_of(table, row);
    const bool known = std::ranges::any_of(
        runs, [&](const PublishedRun& run) { return run.chip == row.chip && run.milliseconds(point.parameters); });
    if (!known) run_of(runs, row.chip, table).points.push_back(point);
  }
}

}  // namespace

std::optional<double> PublishedRun::milliseconds(const results::Parameters& wanted) const {
  const auto found = std::ranges::find_if(points, [&](const PublishedPoint& point) {
    const results::Parameters& p = point.parameters;
    return p.channels == wanted.channels && p.pixels() == wanted.pixels() && p.depth == wanted.depth &&
           p.form == wanted.form;
  });
  return found == points.end() ? std::nullopt : std::optional(found->milliseconds);
}

std::vector<PublishedRun> published_runs(std::string_view benchmark) {
  std::vector<PublishedRun> runs;
  for (const sim::PublishedTable& table : sim::published_tables()) {
    if (is_of(table, benchmark) && !table.cold) add(runs, table);
  }
  for (const sim::PublishedTable& table : sim::published_tables()) {
    if (!is_of(table, benchmark) || !table.cold) continue;
    std::vector<PublishedRun> cold;
    add(cold, table);
    const std::vector<PublishedRun> warm = runs;
    std::ranges::copy_if(cold, std::back_inserter(runs), [&](const PublishedRun& run) {
      return std::ranges::find(warm, run.chip, &PublishedRun::chip) == warm.end();
    });
  }
  return runs;
}

}  // namespace anemone::bench
