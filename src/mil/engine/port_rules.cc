#include "mil/engine/port_rules.h"

#include <fmt/format.h>

namespace anemone::mil {
namespace {

using Report = PortRule::Report;
using Ports = std::vector<BoundPort>;

template <class Visit>
void for_each_port(const Binding& binding, const Visit& visit) {
  for (const BoundPort& port : binding.inputs) visit(port);
  for (const BoundPort& port : binding.outputs) visit(port);
}

// Those whose rows have a known length.
template <class Visit>
void for_each_row(const Binding& binding, const Visit& visit) {
  for_each_port(binding, [&](const BoundPort& port) {
    if (!is_flexible(port.type.shape) && !port.type.shape.empty()) visit(port, port.type.shape.back());
  });
}

// ---- Shapes and types

void check_rank(const Binding& binding, const Report& report) {
  for_each_port(binding, [&](const BoundPort& port) {
    const size_t rank = port.type.shape.size();
    if (rank != 3 && rank != 4) report(port, fmt::format("it is {}", to_string(port.type)));
  });
}

void check_two_planes(const Binding& binding, const Report& report) {
  if (binding.inputs.size() < 2) return;
  for (const BoundPort& port : binding.inputs) {
    if (port.type.shape.size() == 4) report(port, fmt::format("it is one of {} inputs", binding.inputs.size()));
  }
}

void check_halves(const Binding& binding, const Report& report) {
  for_each_port(binding, [&](const BoundPort& port) {
    if (port.type.dtype != DType::fp16) report(port, fmt::format("it is {}", to_string(port.type)));
  });
}

void check_row_length(const Binding& binding, const Report& report) {
  for_each_row(binding, [&](const BoundPort& port, int64_t columns) {
    if (columns % kRowMultiple != 0) report(port, fmt::format("its rows are of {} elements", columns));
  });
}

void check_row_alignment(const Binding& binding, const Report& report) {
  for_each_row(binding, [&](const BoundPort& port, int64_t columns) {
    const int64_t bytes = columns * static_cast<int64_t>(bits(port.type.dtype)) / 8;
    if (bytes % 128 != 0) report(port, fmt::format("its rows are of {} bytes", bytes));
  });
}

// ---- Surfaces. Of open dimensions the size is not known: 0.

void check_smallest(const Binding& binding, int64_t least, const Report& report) {
  for_each_port(binding, [&](const BoundPort& port) {
    if (port.surface > 0 && port.surface < least) report(port, fmt::format("it has {} bytes", port.surface));
  });
}

// Each port against the one before it.
template <class Broken>
void check_neighbours(const Ports& ports, const Report& report, const Broken& broken) {
  for (size_t i = 1; i < ports.size(); ++i) {
    const BoundPort &before = ports[i - 1], &port = ports[i];
    if (port.surface == 0 || before.surface == 0 || !broken(before, port)) continue;
    report(port, fmt::format("it has {} bytes and stands behind {} of {}", port.surface, before.name, before.surface));
  }
}

void check_equal_sizes(const Ports& ports, const Report& report) {
  check_neighbours(ports, report, [](const BoundPort& a, const BoundPort& b) { return a.surface != b.surface; });
}

void check_alphabet(const Ports& ports, const Report& report) {
  check_neighbours(ports, report, [](const BoundPort& a, const BoundPort& b) { return b.name < a.name; });
}

// ---- The rules

constexpr unsigned kNotM1 = ~kM1Class;

std::vector<PortRule> type_rules() {
  return {
      {{.id = "S01",
        .statement = "inputs and outputs are packed, channels first and of rank 3 or 4, as [1, C, 1, S] is",
        .remedy = "reshape them inside the program",
        .source = "all: nobody reports another rank at the boundary",
        .against = "ANEForge, 751K: tensors of a rank up to 5"},
       check_rank},
      {{.id = "S01",
        .statement = "several inputs are of rank 3",
        .remedy = "declare them [1, C, S]",
        .source = "ane-train (M1)",
        .where = {.chips = kM1Class, .paths = kDirect}},
       check_two_planes},
      {{.id = "S02",
        .statement = "inputs and outputs are fp16, which is a third faster than fp32 with casts inside",
        .remedy = "declare them fp16 and convert on the host",
        .source = "maderix (M4); zeros on one path: dev-erik (M4 Max)",
        .against = "dev-erik's benchmarks run with fp32 and casts (M4 Max)",
        .where = {.chips = kNotM1, .paths = kDirect},
        .effect = Effect::slow},
       check_halves},
      {{.id = "S02",
        .statement = "inputs and outputs are fp16: casts at the boundary are refused",
        .remedy = "declare them fp16 and convert on the host",
        .source = "maderix, pull request 6 (M1, M2)",
        .where = {.chips = kM1Class, .paths = kDirect}},
       check_halves},
      {{.id = "S04",
        .statement = "rows are multiples of 32 elements, else garbage",
        .remedy = "pad the rows",
        .source = "field guide (M3 Max); multiples of 16: rustane (M4 Max)",
        .against = "Orion: 16 suffice (M4 Max)",
        .where = {.paths = kDirect},
        .effect = Effect::wrong},
       check_row_length},
      {{.id = "S05",
        .statement = "rows are aligned to 128 bytes",
        .remedy = "pad the rows",
        .source = "maderix, issue 35 (M5)",
        .against = "not seen elsewhere",
        .where = {.chips = only({Chip::m5}), .paths = kDirect},
        .effect = Effect::wrong},
       check_row_alignment},
  };
}

// How small a surface may be.
std::vector<PortRule> least_rules() {
  return {
      {{.id = "S04",
        .statement = "a surface has at least 49152 bytes, else status 0x1d",
        .remedy = "allocate a larger one: it is read as its packed prefix",
        .source = "Orion (M4 Max)",
        .against = "field guide, rustane: other minima",
        .where = {.chips = kNotM1, .paths = kDirect},
        .stage = Stage::bind},
       [](const Binding& binding, const Report& report) { check_smallest(binding, kSmallestSurface, report); }},
      {{.id = "S04",
        .statement = "a surface has at least about 2 KiB",
        .remedy = "allocate a larger one: it is read as its packed prefix",
        .source = "ane-train (M1)",
        .against = "Orion, field guide, rustane: other minima",
        .where = {.chips = kM1Class, .paths = kDirect},
        .stage = Stage::bind},
       [](const Binding& binding, const Report& report) { check_smallest(binding, 2048, report); }},
  };
}

std::vector<PortRule> input_rules() {
  return {
      {{.id = "S06",
        .statement = "a program has one input",
        .remedy = "pack them into one, and slice inside the program",
        .source = "maderix (M4)",
        .against = "Orion (M4 Max), ane-train (M1) bind several",
        .where = {.chips = only({Chip::m4}), .paths = kDirect}},
       [](const Binding& binding, const Report& report) {
         if (binding.inputs.size() > 1) report(binding.inputs[1], "it is a further input");
       }},
      {{.id = "S06",
        .statement = "inputs have surfaces of equal sizes",
        .remedy = "allocate all as large as the largest: each is read as its packed prefix",
        .source = "Orion (M4 Max)",
        .against = "ane-train (M1): by rising size",
        .where = {.chips = kNotM1, .paths = kDirect},
        .stage = Stage::bind},
       [](const Binding& binding, const Report& report) { check_equal_sizes(binding.inputs, report); }},
      {{.id = "S06",
        .statement = "inputs are bound in the alphabetical order of their names",
        .remedy = "name them so that their order is the alphabet's",
        .source = "Orion (M4 Max, all orders of three tried)",
        .against = "ane-train (M1): by rising size",
        .where = {.chips = kNotM1, .paths = kDirect},
        .stage = Stage::bind,
        .effect = Effect::wrong},
       [](const Binding& binding, const Report& report) { check_alphabet(binding.inputs, report); }},
      {{.id = "S06",
        .statement = "inputs are bound by rising size, else silent zeros",
        .remedy = "declare them in that order, or allocate all as large as the largest",
        .source = "ane-train (M1, up to 98 inputs)",
        .where = {.chips = kM1Class, .paths = kDirect},
        .stage = Stage::bind,
        .effect = Effect::wrong},
       [](const Binding& binding, const Report& report) {
         check_neighbours(binding.inputs, report, [](const auto& a, const auto& b) { return b.surface < a.surface; });
       }},
  };
}

std::vector<PortRule> output_rules() {
  return {
      {{.id = "S07",
        .statement = "outputs have surfaces of equal sizes, else status 0x1d",
        .remedy = "allocate all as large as the largest: each is filled as its packed prefix",
        .source = "Orion (M4 Max)",
        .against = "ane-train (M1): by falling size",
        .where = {.chips = kNotM1, .paths = kDirect},
        .stage = Stage::bind},
       [](const Binding& binding, const Report& report) { check_equal_sizes(binding.outputs, report); }},
      {{.id = "S07",
        .statement = "outputs are bound in the alphabetical order of their names, else they are swapped",
        .remedy = "name them so that their order is the alphabet's",
        .source = "Orion (M4 Max)",
        .against = "ane-train (M1): by falling size",
        .where = {.chips = kNotM1, .paths = kDirect},
        .stage = Stage::bind,
        .effect = Effect::wrong},
       [](const Binding& binding, const Report& report) { check_alphabet(binding.outputs, report); }},
      {{.id = "S07",
        .statement = "outputs are bound by falling size",
        .remedy = "declare them in that order, or allocate all as large as the largest",
        .source = "ane-train (M1)",
        .where = {.chips = kM1Class, .paths = kDirect},
        .stage = Stage::bind,
        .effect = Effect::wrong},
       [](const Binding& binding, const Report& report) {
         check_neighbours(binding.outputs, report, [](const auto& a, const auto& b) { return b.surface > a.surface; });
       }},
  };
}

}  // namespace

const std::vector<PortRule>& port_rules() {
  static const std::vector<PortRule> rules = [] {
    std::vector<PortRule> all;
    for (const auto& part : {type_rules(), least_rules(), input_rules(), output_rules()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return rules;
}

}  // namespace anemone::mil
