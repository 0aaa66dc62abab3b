#include "engine.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mil/blob.h"
#include "mil/engine_rules.h"
#include "mil/inference.h"
#include "mil/interpreter.h"
#include "mil/parser.h"

using namespace anemone;

namespace {

constexpr mil::Profile kProfile{};  // an M4, macOS 26, the direct path

struct Port {
  std::string name;
  mil::TensorType type;
};

std::vector<Port> ports_of(const mil::Function& function, const std::vector<mil::ValueId>& ids) {
  std::vector<Port> ports;
  for (mil::ValueId id : ids) ports.push_back({function.value(id).name, function.value(id).type});
  return ports;
}

// S06 and S07: every order that anybody has seen must be the same one.
template <class Before>
Result<> check_order(const std::vector<Port>& ports, const Before& may_stand_before) {
  for (size_t i = 1; i < ports.size(); ++i) {
    const Port &first = ports[i - 1], &second = ports[i];
    if (first.name > second.name) return fail("port {} stands behind {}", second.name, first.name);
    if (!may_stand_before(first.type.bytes(), second.type.bytes())) {
      return fail("port {} of {} bytes stands behind {} of {}", second.name, second.type.bytes(), first.name,
                  first.type.bytes());
    }
  }
  return {};
}

// S04: rows that everybody saw come back whole. (Integers and more than five axes nobody saw at all: C14, S10.)
Result<> check_rows(const std::vector<Port>& ports) {
  for (const Port& port : ports) {
    const bool is_float = port.type.dtype == mil::DType::fp16 || port.type.dtype == mil::DType::fp32;
    const mil::Shape& shape = port.type.shape;
    if (!is_float || port.type.buffer || shape.empty() || shape.size() > 5 || port.type.count() == 0) continue;
    if (shape.back() % mil::kRowMultiple == 0) continue;
    return fail("port {} has rows of {} elements", port.name, shape.back());
  }
  return {};
}

}  // namespace

struct double_program {
  mil::Interpreter interpreter;
  std::vector<Port> inputs, outputs;
  // The latest inputs and what came of them: timing loops ask the same again and again, which the interpreter would
  // make minutes of.
  std::mutex running{};
  std::vector<std::vector<std::byte>> asked{};
  std::vector<mil::Tensor> answers{};
};

namespace {

Result<mil::Weights> weights_in(const mil::Function& function, const double_file* files, size_t count) {
  mil::Weights weights;
  for (const mil::ValueInfo& value : function.values) {
    if (!value.blob) continue;
    const auto* file =
        std::find_if(files, files + count, [&](const double_file& f) { return f.path == value.blob->path; });
    if (file == files + count) return fail("no weight file {}", value.blob->path);
    const std::span bytes(static_cast<const std::byte*>(file->bytes), file->size);
    const mil::BlobFile blobs = TRY(mil::BlobFile::view(file->path, bytes));
    TRY(blobs.check());
    const mil::BlobTensor found = TRY(blobs.tensor(value.blob->offset, value.type));
    const auto held = found.tensor.bytes();
    // The file may change or go: what was compiled stays.
    weights.set(*value.blob, mil::Tensor::own(value.type, {held.begin(), held.end()}));
  }
  return weights;
}

Result<> check_limits(const mil::Function& function, const mil::Weights& weights) {
  for (const mil::Finding& finding : mil::engine_findings(function, kProfile, &weights)) {
    if (finding.severity != mil::Severity::error || finding.rule->stage != mil::Stage::compile) continue;
    return fail("{}: {} {}", finding.rule->id, finding.subject, finding.message);
  }
  return {};
}

// Constants are named and written before use (C26), and every name is one of a kind.
Result<> check_names(const mil::Function& function) {
  std::vector<std::string> names;
  for (const mil::Operation& operation : function.operations) {
    if (operation.op->name.starts_with("constexpr_")) continue;
    for (const mil::Argument& argument : operation.arguments) {
      for (mil::ValueId id : argument.values) {
        if (function.value(id).name.empty()) return fail("{} has an inline literal", operation.op->name);
      }
    }
  }
  for (const mil::ValueInfo& value : function.values) names.push_back(value.name);
  std::erase(names, "");
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) return fail("there are two values {}", *twice);
  return {};
}

Result<std::unique_ptr<double_program>> compile(std::string_view text, const double_file* files, size_t count) {
  mil::Program program = TRY(mil::parse(text, "model.mil"));
  if (program.functions.size() != 1 || program.functions[0].name != "main") return fail("no single function main");
  mil::Function& function = program.functions[0];
  const mil::Weights weights = TRY(weights_in(function, files, count));
  TRY(mil::check(function, &weights, "model.mil"));
  TRY(check_names(function));
  TRY(check_limits(function, weights));
  std::vector<Port> inputs = ports_of(function, function.inputs), outputs = ports_of(function, function.outputs);
  TRY(check_order(inputs, std::less_equal<>()));
  TRY(check_order(outputs, std::greater_equal<>()));
  TRY(check_rows(inputs));
  TRY(check_rows(outputs));
  mil::Interpreter interpreter = TRY(mil::Interpreter::create(function, weights, mil::Rounding::declared));
  return std::unique_ptr<double_program>(
      new double_program{std::move(interpreter), std::move(inputs), std::move(outputs)});
}

// Surfaces of one side: as many as ports, equal, large enough each (S04).
bool fit(const std::vector<Port>& ports, const double_surface* surfaces, size_t count) {
  if (count != ports.size()) return false;
  for (size_t i = 0; i < count; ++i) {
    if (surfaces[i].size < std::max<size_t>(mil::kSmallestSurface, ports[i].type.bytes())) return false;
    if (surfaces[i].size != surfaces[0].size || surfaces[i].size % (2 * mil::kRowMultiple) != 0) return false;
  }
  return true;
}

void poison(const std::vector<Port>& ports, const double_surface* surfaces, size_t count) {
  for (size_t i = 0; i < std::min(count, ports.size()); ++i) {
    std::memset(surfaces[i].bytes, double_poison, std::min(surfaces[i].size, ports[i].type.bytes()));
  }
}

std::vector<std::vector<std::byte>> read(const std::vector<Port>& ports, const double_surface* surfaces) {
  std::vector<std::vector<std::byte>> all;
  for (size_t i = 0; i < ports.size(); ++i) {
    const auto* bytes = static_cast<const std::byte*>(surfaces[i].bytes);
    all.emplace_back(bytes, bytes + ports[i].type.bytes());
  }
  return all;
}

// Computes, unless the inputs are those of the last time.
const std::vector<mil::Tensor>& answers(double_program& program, std::vector<std::vector<std::byte>> inputs) {
  if (!program.answers.empty() && program.asked == inputs) return program.answers;
  std::vector<mil::Array> arrays;
  for (size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(mil::to_array(mil::Tensor::view(program.inputs[i].type, inputs[i])));
  }
  program.asked = std::move(inputs);
  program.answers.clear();
  for (const mil::Array& result : program.interpreter.run(std::move(arrays))) {
    program.answers.push_back(mil::to_tensor(result));
  }
  return program.answers;
}

}  // namespace

double_program* double_compile(const char* text, size_t size, const double_file* files, size_t count, char** error) {
  Result<std::unique_ptr<double_program>> program = compile({text, size}, files, count);
  if (program) return program->release();
  *error = strdup(("InvalidMILProgram: " + program.error().message).c_str());
  return nullptr;
}

size_t double_ports(const double_program* program, int outputs) {
  return (outputs != 0 ? program->outputs : program->inputs).size();
}

uint32_t double_evaluate(double_program* program, uint32_t procedure, const double_surface* inputs, size_t input_count,
                         const double_surface* outputs, size_t output_count) {
  const bool fits = fit(program->inputs, inputs, input_count) && fit(program->outputs, outputs, output_count);
  const bool computes = fits && procedure < mil::kProcedures && double_is_computing() != 0;
  std::vector<std::vector<std::byte>> asked;
  if (computes) asked = read(program->inputs, inputs);
  poison(program->outputs, outputs, output_count);
  if (procedure >= mil::kProcedures) return uint32_t(mil::Status::wrong_symbol);
  if (!fits) return uint32_t(mil::Status::evaluation_failed);
  if (!computes) return 0;
  const std::lock_guard lock(program->running);
  const std::vector<mil::Tensor>& results = answers(*program, std::move(asked));
  for (size_t i = 0; i < results.size(); ++i) {
    std::memcpy(outputs[i].bytes, results[i].bytes().data(), results[i].bytes().size());
  }
  return 0;
}

void double_free(double_program* program) { delete program; }

// GNU's runtime has this only inline; Apple's exports it.
extern "C" __attribute__((visibility("default"))) void* object_getClass(void* object) {
  return object == nullptr ? nullptr : *static_cast<void**>(object);
}
