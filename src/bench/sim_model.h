// The model of the engine's time against what was published, row by row.
//
//   SimModelReport report = TRY(compare_with_published("m4-max"));   // or "" for all chips
//   report.tables[0].errors().median                                 // 0.076: half of its rows are predicted better
//
// Where figures of a chip were fitted to a table, each of its rows is also predicted by figures fitted without it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device/sim/time/published.h"
#include "device/sim/time/time_model.h"

namespace anemone::bench {

struct ComparedRow {
  std::string label, chip;
  double published_ms = 0;
  std::optional<double> predicted_ms{};  // where the chip has a model and the row a program
  std::optional<double> left_out_ms{};   // by figures fitted without this row

  std::optional<double> error() const { return relative(predicted_ms); }  // (predicted − published) / published
  std::optional<double> left_out_error() const { return relative(left_out_ms); }

 private:
  std::optional<double> relative(const std::optional<double>& ms) const {
    return ms ? std::optional(*ms / published_ms - 1) : std::nullopt;
  }
};

// Of the magnitudes of errors.
struct ErrorSummary {
  double median = 0, worst = 0;
};

struct ComparedTable {
  const sim::PublishedTable* table;
  std::vector<ComparedRow> rows;

  std::optional<ErrorSummary> errors() const;    // none where nothing is predicted
  std::optional<ErrorSummary> left_out() const;  // none where nothing was fitted, or to too few rows
};

// A figure that was fitted, as the chip's file gives it and as the rows give it now.
struct FittedFigure {
  std::string chip, name;
  double in_file = 0, fitted = 0;
  int64_t rows = 0;  // that it was fitted to
};

struct SimModelReport {
  std::vector<ComparedTable> tables;
  std::vector<FittedFigure> figures;
};

Result<SimModelReport> compare_with_published(const std::string& chip);

// The report as lines of text, as Markdown, as JSON, and as a picture of predicted over published times.
std::string to_text(const SimModelReport& report);
std::string to_markdown(const SimModelReport& report);
std::string to_json(const SimModelReport& report);
std::string to_svg(const SimModelReport& report);

}  // namespace anemone::bench
