// A MIL program in memory: functions of operations over values in static single assignment.
//
// Values are numbered; an operation names its arguments and results by number. A constant is a `const` operation whose
// value carries either its tensor or a reference into a weight file; the data of the latter comes with the program's
// Weights when it is compiled, so that one function serves every layer of a model.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/op.h"
#include "mil/tensor.h"

namespace anemone::mil {

using ValueId = int32_t;

// The compiler and the coremltools whose programs the engine is known to accept.
inline constexpr std::string_view kBuildInfo =
    R"(dict<string, string>({{"coremlc-component-MIL", "3510.2.1"}, {"coremlc-version", "3505.4.1"}, )"
    R"({"coremltools-component-milinternal", ""}, {"coremltools-version", "9.0"}}))";

// BLOBFILE(path, offset): where in which weight file a constant's metadata stands.
struct BlobReference {
  std::string path;      // "@model_path/weights/wq.bin"
  uint64_t offset = 64;  // of the metadata, which follows the file's header of 64 bytes

  auto operator<=>(const BlobReference&) const = default;
};

struct ValueInfo {
  std::string name;  // empty: a constant written in place, as an argument
  TensorType type;
  std::optional<Tensor> constant;
  std::optional<BlobReference> blob;

  bool operator==(const ValueInfo&) const = default;
};

struct Argument {
  std::string name;
  std::vector<ValueId> values;  // several for a tuple

  bool operator==(const Argument&) const = default;
};

// Attributes by name, their values as the text writes them: `dict<string, string>({{"k", "v"}})`. The types that
// attributes have (lists, dictionaries, tuples) occur nowhere else, and nothing here computes with them.
using Attributes = std::map<std::string, std::string>;

// Where in a text something stands, counted from 1; 0 where it comes from no text.
struct Location {
  int32_t line = 0, column = 0;
};

struct Operation {
  const OpDef* op = nullptr;
  std::string name;  // may be empty
  std::vector<Argument> arguments;
  std::vector<ValueId> results;
  Attributes attributes{};  // all but `name`, and a const's `val`
  std::string opset{};      // where the text gives the op its own: `op<ios17>(…)`
  Location location{};

  const Argument* argument(std::string_view argument_name) const;
};

struct Function {
  std::string name = "main";
  std::string opset = "ios18";
  std::vector<ValueInfo> values;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Operation> operations;  // in order of evaluation
  Attributes attributes{};

  const ValueInfo& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  std::optional<ValueId> input(std::string_view input_name) const;
};

// The same program text: names, types, constants by value, operations in order. How values are numbered, in which
// order arguments stand and from where they were read does not matter.
bool operator==(const Function& a, const Function& b);

// What a MIL file holds.
struct Program {
  std::string version = "1.3";
  Attributes attributes{{"buildInfo", std::string(kBuildInfo)}};
  std::vector<Function> functions;  // `main` is the one that runs unless another is asked for

  const Function* function(std::string_view name) const;  // or null

  bool operator==(const Program&) const = default;
};

// The data of a program's weight files, by reference. Constants of several types may share one blob.
class Weights {
 public:
  void set(const BlobReference& reference, Tensor tensor);  // replaces one of the same type
  bool has(const BlobReference& reference) const { return tensors_.contains(reference); }
  // An error where the weight is missing or of another type.
  Result<Tensor> find(const BlobReference& reference, const TensorType& type) const;

 private:
  std::map<BlobReference, std::vector<Tensor>> tensors_;  // one a type
};

// The tensor of a constant value, from the function or from `weights`; nothing for a value computed at run time.
Result<std::optional<Tensor>> constant_value(const ValueInfo& value, const Weights& weights);

}  // namespace anemone::mil
