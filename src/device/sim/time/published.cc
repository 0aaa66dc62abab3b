#include "device/sim/time/published.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/json.h"
#include "base/text_file.h"

namespace anemone {
std::span<const TextFile> published_files();
}

namespace anemone::sim {
namespace {

using nlohmann::json;

constexpr auto kQuantities =
    std::to_array<std::string_view>({"evaluation", "layer", "end to end", "compile", "compile and load"});
constexpr auto kUnits = std::to_array<std::string_view>({"ms", "us", "TFLOPS"});

template <class Enum, size_t N>
Enum parse_word(const std::array<std::string_view, N>& words, const std::string& word) {
  const auto* found = std::ranges::find(words, word);
  CHECK(found != words.end());
  return static_cast<Enum>(found - words.begin());
}

int64_t bits_of(const json& program) {
  return program.value("int8", "none") == "none" ? program.value("bits", int64_t{16}) : 8;
}

PublishedProgram parse_program(const json& j) {
  PublishedProgram p{.kind = j.value("kind", "")};
  p.depth = j.value("depth", p.depth);
  p.channels = j.value("channels", p.channels);
  p.outputs = j.value("outputs", p.channels);
  p.height = j.value("height", p.height);
  p.width = j.value("width", p.width);
  p.kernel = j.value("kernel", p.kernel);
  p.batch = j.value("batch", p.batch);
  p.fp32 = j.value("boundary", "fp16") == "fp32";
  p.shared_weights = j.value("weights", "own") == "shared";
  p.int8 = j.value("int8", "none") == "all";
  p.bits = bits_of(j);
  p.rows = j.value("rows", p.rows);
  p.inner = j.value("inner", p.inner);
  p.columns = j.value("columns", p.columns);
  p.both_inputs = j.value("operands", "constant") == "inputs";
  p.pipeline = j.value("pipeline", "");
  p.pass = j.value("pass", "");
  return p;
}

// A row's program is the table's but for what it says itself.
PublishedRow parse_row(const json& table, const json& j) {
  json program = table.value("program", json::object());
  program.merge_patch(j.value("program", json::object()));
  PublishedRow row{.label = j.at("label"),
                   .chip = j.value("chip", table.value("chip", "")),
                   .values = {},
                   .program = parse_program(program)};
  row.values = j.contains("runs") ? j.at("runs").get<std::vector<double>>() : std::vector<double>{j.at("value")};
  return row;
}

PublishedTable parse_table(const json& j) {
  PublishedTable table{
      .name = j.at("name"), .source = j.at("source"), .path = j.at("path"), .condition = j.at("condition")};
  table.quantity = parse_word<Quantity>(kQuantities, j.value("quantity", "evaluation"));
  table.unit = parse_word<Unit>(kUnits, j.at("unit"));
  table.cold = j.value("cold", false);
  table.one_engine = j.value("engines", 0) == 1;
  table.calibrates = j.value("calibrates", table.calibrates);
  for (const json& row : j.at("rows")) table.rows.push_back(parse_row(j, row));
  return table;
}

std::vector<PublishedTable> parse_files() {
  std::vector<PublishedTable> tables;
  for (const TextFile& file : published_files()) {
    const Result<json> parsed = parse_json(file.text, file.name);
    CHECK(parsed.has_value());
    for (const json& table : parsed->at("tables")) tables.push_back(parse_table(table));
  }
  std::ranges::stable_sort(tables, {}, &PublishedTable::quantity);
  return tables;
}

}  // namespace

double PublishedRow::value() const {
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double PublishedTable::milliseconds(const PublishedRow& row, double flops) const {
  if (unit == Unit::tflops) return flops / (row.value() * 1e9);
  return unit == Unit::microseconds ? row.value() * 1e-3 : row.value();
}

std::span<const PublishedTable> published_tables() {
  static const std::vector<PublishedTable> kTables = parse_files();
  return kTables;
}

}  // namespace anemone::sim
