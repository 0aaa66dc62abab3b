#include "device/ane/engine_program.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <set>

#include "device/ane/wide_rows.h"
#include "mil/blob.h"
#include "mil/printer.h"

namespace anemone::ane {
namespace {

using mil::Function;
using mil::Operation;
using mil::ValueId;
using mil::ValueInfo;

class Writer {
 public:
  Writer(const Function& function, const mil::Weights& weights) : function_(function), weights_(weights) {}

  Result<EngineProgram> write() {
    function_.name = "main";
    TRY(check_ports());
    learn_names();
    separate_outputs();
    const std::vector<size_t> inputs = sizes(function_.inputs), outputs = sizes(function_.outputs);
    function_ = TRY(with_wide_rows(function_, weights_));
    learn_names();
    name_constants();
    TRY(place_weights());
    program_.inputs = sorted(function_.inputs, inputs, std::less<>());
    program_.outputs = sorted(function_.outputs, outputs, std::greater<>());
    rename(function_.inputs, "in");
    rename(function_.outputs, "out");
    program_.text = print(function_);
    return std::move(program_);
  }

 private:
  ValueInfo& value(ValueId id) { return function_.values[size_t(id)]; }

  void learn_names() {
    names_.clear();
    for (const ValueInfo& each : function_.values) names_.insert(each.name);
  }

  std::string unused(std::string name) {
    while (!names_.insert(name).second) name += '_';
    return name;
  }

  Result<> check_ports() {
    for (const auto* ids : {&function_.inputs, &function_.outputs}) {
      for (ValueId id : *ids) {
        if (const auto known = mil::checked_bytes(value(id).type); !known) {
          return fail("{} of the program: {}", value(id).name, known.error().message);
        }
        if (!value(id).type.state) continue;
        return fail("{} is a state, which the engine keeps none of: make it an input and an output", value(id).name);
      }
    }
    return {};
  }

  // An output that is an input or a constant too, or a second time an output, becomes a copy.
  void separate_outputs() {
    std::set<ValueId> taken(function_.inputs.begin(), function_.inputs.end());
    for (ValueId& id : function_.outputs) {
      const bool is_constant = value(id).constant || value(id).blob;
      if (!taken.insert(id).second || is_constant) id = copy_of(id);
    }
  }
  ValueId copy_of(ValueId id) {
    const auto copy = ValueId(function_.values.size());
    function_.values.push_back({unused(value(id).name + "_copy"), value(id).type, {}, {}});
    function_.operations.push_back({mil::find_op("identity"), value(copy).name, {{"x", {id}}}, {copy}});
    return copy;
  }

  void name_constants() {
    std::vector<Operation> constants;
    for (const Operation& operation : function_.operations) {
      // These have their operands in place by their syntax.
      if (operation.op->name.starts_with("constexpr_") && operation.op->since < 18) continue;
      for (const mil::Argument& argument : operation.arguments) {
        for (ValueId id : argument.values) {
          if (!value(id).name.empty()) continue;
          value(id).name = unused(fmt::format("constant_{}", constants.size()));
          constants.push_back({mil::find_op("const"), value(id).name, {}, {id}});
        }
      }
    }
    function_.operations.insert(function_.operations.begin(), constants.begin(), constants.end());
  }

  Result<> place_weights() {
    std::map<std::pair<mil::BlobReference, std::string>, mil::BlobReference> places;  // by where it was, and type
    for (ValueInfo& info : function_.values) {
      if (!info.blob) continue;
      mil::BlobReference& place = places[{*info.blob, to_string(info.type)}];
      if (place.path.empty()) {
        const std::string path = fmt::format("weights/w{:03}.bin", program_.weights.size());
        std::vector<std::byte> bytes = TRY(mil::write_blob(TRY(weights_.find(*info.blob, info.type))));
        program_.weights.push_back({path, std::move(bytes), *info.blob, info.type});
        place = {"@model_path/" + path, mil::BlobReference().offset};
      }
      info.blob = place;
    }
    return {};
  }

  std::vector<size_t> sizes(const std::vector<ValueId>& ids) {
    std::vector<size_t> bytes;
    for (ValueId id : ids) bytes.push_back(value(id).type.bytes());
    return bytes;
  }

  // Sorts ports by size, and says from where each came. `bytes` are those of the tensors that the caller knows.
  template <class Before>
  std::vector<EnginePort> sorted(std::vector<ValueId>& ids, const std::vector<size_t>& bytes, const Before& before) {
    std::vector<EnginePort> ports;
    for (size_t i = 0; i < ids.size(); ++i) ports.push_back({i, bytes[i], value(ids[i]).type.bytes()});
    std::ranges::stable_sort(ports, before, &EnginePort::declared);
    std::vector<ValueId> in_order;
    for (const EnginePort& port : ports) in_order.push_back(ids[port.index]);
    ids = std::move(in_order);
    return ports;
  }

  void rename(const std::vector<ValueId>& ids, std::string_view side) {
    for (size_t i = 0; i < ids.size(); ++i) {
      value(ids[i]).name = unused(fmt::format("{}{:03}_{}", side, i, value(ids[i]).name));
    }
  }

  Function function_;
  const mil::Weights& weights_;
  std::set<std::string> names_;
  EngineProgram program_;
};

}  // namespace

Result<EngineProgram> engine_program(const Function& function, const mil::Weights& weights) {
  return Writer(function, weights).write();
}

std::string EngineProgram::key() const {
  std::string key = text;
  for (const WeightFile& file : weights) {
    const XXH128_hash_t hash = XXH3_128bits(file.bytes.data(), file.bytes.size());
    key += fmt::format("{} {:016x}{:016x}\n", file.path, hash.high64, hash.low64);
  }
  return key;
}

std::vector<FolderFile> EngineProgram::files() const {
  std::vector<FolderFile> files{{"model.mil", std::as_bytes(std::span(text))}};
  for (const WeightFile& file : weights) files.push_back({file.path, file.bytes});
  return files;
}

}  // namespace anemone::ane
