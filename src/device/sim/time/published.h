// What others measured on real engines, as data: src/device/sim/published/*.json, compiled in.
//
//   for (const PublishedTable& table : published_tables()) {
//     for (const PublishedRow& row : table.rows) plot(row.label, row.milliseconds(flops));
//   }
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace anemone::sim {

// The program that a row timed.
struct PublishedProgram {
  std::string kind;  // convolutions, product, softmax, training; empty: none that could be predicted

  // A chain of `depth` convolutions of `channels` channels over height·width pixels, the last (where one alone) to
  // `outputs` channels. Softmax: over `channels` at `width` pixels.
  int64_t depth = 1, channels = 0, outputs = 0, height = 1, width = 1, kernel = 1, batch = 1;
  bool fp32 = false;            // the surfaces hold fp32, cast in the program
  bool shared_weights = false;  // one blob for all layers
  bool int8 = false;            // W8A8: quantized between the convolutions
  int64_t bits = 16;            // of the weights as they are stored

  int64_t rows = 0, inner = 0, columns = 0;  // product: [rows, inner] · [inner, columns]
  bool both_inputs = false;                  // else the second operand is a constant

  std::string pipeline{}, pass{};  // training, Stories110M: static or dynamic; forward, backward or both (empty)
};

struct PublishedRow {
  std::string label;
  std::string chip;            // "m4-max"; the models cover some
  std::vector<double> values;  // of several runs, or the ends of a range
  PublishedProgram program;

  double value() const;  // their median
};

// What a table's figures cover.
enum class Quantity {
  evaluation,
  layer,       // one of the chain's, without the floor
  end_to_end,  // an evaluation and the host's copies
  compile,     // for training: of all programs
  compile_and_load,
};
enum class Unit { milliseconds, microseconds, tflops };

struct PublishedTable {
  std::string name, source, path, condition;
  Quantity quantity = Quantity::evaluation;
  Unit unit = Unit::milliseconds;
  bool cold = false;                      // the engine's clock was not yet up
  bool one_engine = false;                // of a chip that has several
  std::vector<std::string> calibrates{};  // figures of the chip that were fitted to this table, among others
  std::vector<PublishedRow> rows{};

  // A row's figure in milliseconds; `flops` are the program's, for tables in TFLOPS.
  double milliseconds(const PublishedRow& row, double flops) const;
};

// By quantity.
std::span<const PublishedTable> published_tables();

}  // namespace anemone::sim
