// The tables of the report.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "bench/report_html.h"
#include "bench/report_parts.h"
#include "bench/report_published.h"

namespace anemone::bench {
namespace {

using results::Configuration;
using results::File;

// ---- machines

std::string peak_of(const File& file) {
  const auto& device = file.device;
  if (!device.peak_flops) return "not known";
  return fmt::format("{} TFLOPS, {}", significant(*device.peak_flops / 1e12), device.peak);
}

std::string cores_of(const File& file) {
  const auto& machine = file.machine;
  return fmt::format("{} cores, {} threads", machine.cores > 0 ? std::to_string(machine.cores) : "unknown",
                     machine.threads);
}

std::string caches_of(const File& file) {
  std::string text;
  for (const results::Cache& cache : file.machine.caches) {
    text +=
        fmt::format("{}L{} {}", text.empty() ? "" : ", ", cache.level, binary_size(static_cast<double>(cache.bytes)));
  }
  return text.empty() ? "not known" : text;
}

std::string memory_of(const File& file) {
  const auto bytes = static_cast<double>(file.machine.memory_bytes);
  return bytes > 0 ? binary_size(bytes) : "not known";
}

std::string clock_of(const File& file) {
  return file.modelled()        ? "modelled: no time here was measured"
         : file.clock == "host" ? "the host's"
                                : "the device's own";
}

std::string build_of(const File& file) {
  const auto& build = file.machine.build;
  return fmt::format("anemone {}, {}, {}", build.version, build.compiler, build.type);
}

struct Attribute {
  const char* name;
  std::string (*text)(const File&);
};
constexpr std::array kAttributes{Attribute{"Device", [](const File& f) { return f.device.name; }},
                                 Attribute{"", [](const File& f) { return f.device.description; }},
                                 Attribute{"Precision", [](const File& f) { return f.device.precision; }},
                                 Attribute{"Clock", clock_of},
                                 Attribute{"Peak", peak_of},
                                 Attribute{"Processor", [](const File& f) { return f.machine.cpu; }},
                                 Attribute{"", cores_of},
                                 Attribute{"Caches", caches_of},
                                 Attribute{"Memory", memory_of},
                                 Attribute{"System", [](const File& f) { return f.machine.os; }},
                                 Attribute{"Build", build_of},
                                 Attribute{"Measured", [](const File& f) { return f.created; }}};

std::string tag_modelled() { return " <span class=\"tag\">modelled</span>"; }

// ---- a benchmark

std::string optional(const std::optional<double>& value, std::string_view unit = "") {
  return value ? significant(*value) + std::string(unit) : "";
}

std::string time_of(const Configuration& c) {
  const results::Derived& d = *c.derived;
  if (d.median_low_ms == d.median_high_ms) return significant(d.median_ms);
  return fmt::format("{} ({}–{})", significant(d.median_ms), significant(d.median_low_ms),
                     significant(d.median_high_ms));
}

// Where it is another than the median.
std::string best_of(const Configuration& c) {
  return c.derived->best_ms < c.derived->median_ms ? significant(c.derived->best_ms) : "";
}

std::string check_of(const Configuration& c) {
  if (!c.check) return "";
  return c.check->error ? fmt::format("{:.0e} ≤ {:.0e}", *c.check->error, c.check->tolerance) : "no number";
}

// Of what has times. A column in which all is empty is left out.
struct Column {
  const char* title;
  const char* unit;
  std::string (*text)(const Configuration&);
  std::string_view only_of{};  // the benchmark; empty: all
};
constexpr std::array kColumns{
    Column{"Time", "ms, median (95 %)", time_of},
    Column{"Best", "ms", best_of},
    Column{"Rate", "TFLOPS", [](const Configuration& c) { return significant(c.derived->tflops); }},
    Column{"Of peak", "%", [](const Configuration& c) { return optional(c.derived->percent_of_peak); }},
    Column{"Rate by weights", "GFLOPS / MiB",
           [](const Configuration& c) { return significant(c.derived->gflops_per_mib); }, "sram_probe"},
    Column{"Of the library", "fraction",
           [](const Configuration& c) { return optional(c.derived->fraction_of_library); }},
    Column{"W8A8 gain", "× of FP16", [](const Configuration& c) { return optional(c.derived->speedup); }},
    Column{"Error", "of ref, relative", check_of}};

// A configuration with those who ran it.
struct Row {
  std::string where;  // HTML
  Configuration configuration;
  bool published = false;
};
struct Group {
  Configuration like;
  std::vector<Row> rows;
};

Configuration as_configuration(const Configuration& like, double ms) {
  Configuration c = like;
  c.failure.reset();
  c.check.reset();
  const double tflops = like.flop / ms / 1e9, weights = static_cast<double>(like.weight_bytes) / (1 << 20);
  c.derived = results::Derived{.median_ms = ms,
                               .median_low_ms = ms,
                               .median_high_ms = ms,
                               .mean_ms = ms,
                               .best_ms = ms,
                               .tflops = tflops,
                               .percent_of_peak = {},
                               .gflops_per_mib = tflops * 1e3 / weights,
                               .library_ms = {},
                               .fraction_of_library = {},
                               .speedup = {}};
  return c;
}

std::vector<Group> groups(std::span<const Reported> files, std::string_view name) {
  std::vector<Group> groups;
  for (const Reported& reported : files) {
    const results::Benchmark* benchmark = reported.file->find(name);
    if (benchmark == nullptr) continue;
    for (const Configuration& c : benchmark->configurations) {
      auto found = std::ranges::find_if(groups, [&](const Group& group) {
        return group.like.label == c.label && group.like.parameters == c.parameters;
      });
      if (found == groups.end()) found = groups.insert(found, Group{c, {}});
      found->rows.push_back(
          {fmt::format("{} {} {}{}", key(reported.look()), reported.letter(), escaped(reported.file->device.name),
                       reported.file->modelled() ? tag_modelled() : ""),
           c});
    }
  }
  return groups;
}

void add_published(std::vector<Group>& groups, const std::vector<PublishedRun>& runs) {
  for (Group& group : groups) {
    for (const PublishedRun& run : runs) {
      const auto ms = run.milliseconds(group.like.parameters);
      if (!ms) continue;
      group.rows.push_back({fmt::format("{} {}", key({.published = true}), escaped(run.name())),
                            as_configuration(group.like, *ms), true});
    }
  }
}

std::vector<Column> columns_of(const std::vector<Group>& groups, std::string_view benchmark) {
  std::vector<Column> columns;
  for (const Column& column : kColumns) {
    if (!column.only_of.empty() && column.only_of != benchmark) continue;
    const bool used = std::ranges::any_of(groups, [&](const Group& group) {
      return std::ranges::any_of(group.rows, [&](const Row& row) {
        const Configuration& c = row.configuration;
        return !c.failure && c.derived && !column.text(c).empty();
      });
    });
    if (used) columns.push_back(column);
  }
  return columns;
}

std::string head(const std::vector<Column>& columns) {
  std::string html =
      "<thead><tr><th class=\"left\" scope=\"col\">Configuration</th>"
      "<th scope=\"col\">Weights<small>MiB</small></th><th scope=\"col\">Work<small>GFLOP</small></th>"
      "<th class=\"left\" scope=\"col\">Where</th>";
  for (const Column& column : columns) {
    html += fmt::format("<th scope=\"col\">{}<small>{}</small></th>", column.title, column.unit);
  }
  return html + "</tr></thead>\n";
}

std::string cells(const Row& row, const std::vector<Column>& columns) {
  const Configuration& c = row.configuration;
  if (c.failure) {
    return fmt::format("<td class=\"left wide bad\" colspan=\"{}\">failed ({}): {}</td>",
                       std::max<size_t>(columns.size(), 1), escaped(c.failure->stage), escaped(c.failure->reason));
  }
  std::string html;
  for (const Column& column : columns) {
    const std::string text = column.text(c);
    html += fmt::format("<td>{}</td>", text.empty() ? "–" : escaped(text));
  }
  return html;
}

std::string body(const Group& group, const std::vector<Column>& columns) {
  std::string html = "<tbody>\n";
  for (const Row& row : group.rows) {
    html += row.published ? "<tr class=\"published\">" : "<tr>";
    if (&row == &group.rows.front()) {
      const auto weights = static_cast<double>(group.like.weight_bytes) / (1 << 20);
      html += fmt::format(
          "<th scope=\"rowgroup\" rowspan=\"{0}\">{1}</th><td rowspan=\"{0}\">{2}</td>"
          "<td rowspan=\"{0}\">{3}</td>",
          group.rows.size(), escaped(group.like.label), significant(weights), significant(group.like.flop / 1e9));
    }
    html += fmt::format("<td class=\"left\">{}</td>{}</tr>\n", row.where, cells(row, columns));
  }
  return html + "</tbody>\n";
}

std::string notes(const std::vector<PublishedRun>& runs) {
  std::string html;
  for (const PublishedRun& run : runs) {
    if (run.note.empty()) continue;
    html += fmt::format("{}<b>{}</b>: {}", html.empty() ? "Published. " : ". ", escaped(run.name()), escaped(run.note));
  }
  return html.empty() ? "" : fmt::format("<p class=\"soft\">{}.</p>\n", html);
}

}  // namespace

std::string Reported::stem() const { return std::filesystem::path(file->path).stem().string(); }

std::string machines_table(std::span<const Reported> files) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr><td></td>";
  for (const Reported& f : files) {
    html += fmt::format("<th class=\"left\" scope=\"col\">{} {}: {}{}</th>", key(f.look()), f.letter(),
                        escaped(f.stem()), f.file->modelled() ? tag_modelled() : "");
  }
  html += "</tr></thead>\n<tbody class=\"machine\">\n";
  for (const Attribute& attribute : kAttributes) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", attribute.name);
    for (const Reported& f : files) html += fmt::format("<td class=\"left\">{}</td>", escaped(attribute.text(*f.file)));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string legend(std::span<const Reported> files, std::string_view name) {
  std::string html = "<ul class=\"legend\">\n";
  for (const Reported& f : files) {
    if (f.file->find(name) == nullptr) continue;
    html +=
        fmt::format("<li>{} {}: {}, {}, {}{}</li>\n", key(f.look()), f.letter(), escaped(f.stem()),
                    escaped(f.file->device.name), f.file->device.precision, f.file->modelled() ? tag_modelled() : "");
  }
  if (!published_runs(name).empty()) html += fmt::format("<li>{} published by others</li>\n", key({.published = true}));
  return html + "</ul>\n";
}

std::string table(std::span<const Reported> files, std::string_view name) {
  const std::vector<PublishedRun> runs = published_runs(name);
  std::vector<Group> all = groups(files, name);
  add_published(all, runs);
  const std::vector<Column> columns = columns_of(all, name);
  std::string html = "<div class=\"scroll\"><table>\n" + head(columns);
  for (const Group& group : all) html += body(group, columns);
  return html + "</table></div>\n" + notes(runs);
}

}  // namespace anemone::bench
