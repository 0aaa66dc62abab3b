// Core ML's model message: a program, and what the model says of its inputs and outputs. `.mlmodel` files hold it
// alone,
// `.mlpackage` folders beside a manifest (package.h).
//
//   Model model = TRY(decode_model(file.bytes(), "model.mlmodel"));
//   print(model.program);
//   std::vector<std::byte> bytes = TRY(encode_model(TRY(describe(program))));
//
// The message keeps no order among the functions of a program, so they come back in the order of their names; nor the
// version of its text, which comes back as 1.3. The opset of a single op has no place there.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mil/function.h"

namespace anemone::mil {

struct SizeRange {
  int64_t least = 1, most = kUnknown;  // kUnknown: without end

  bool operator==(const SizeRange&) const = default;
};

// What a model accepts as one of its inputs, or gives as one of its outputs. Where a size may vary, either the shapes
// are listed or each dimension has its range.
struct Feature {
  enum class Kind : uint8_t { array, state, image };
  enum class Color : uint8_t { gray = 10, rgb = 20, bgr = 30, gray_fp16 = 40 };

  std::string name;
  Kind kind = Kind::array;
  DType dtype = DType::fp32;  // of an array or a state
  Color color = Color::rgb;   // of an image
  Shape shape{};              // [height, width] of an image; empty where the model leaves it open
  std::vector<Shape> shapes{};
  std::vector<SizeRange> ranges{};
  bool optional = false;
  std::optional<double> fallback{};  // what an optional array is filled with
  std::string description{};

  bool operator==(const Feature&) const = default;
};

// Of one function.
struct Interface {
  std::vector<Feature> inputs, outputs, states;

  bool operator==(const Interface&) const = default;
};

struct Metadata {
  std::string description, version, author, license;
  std::map<std::string, std::string> user_defined;

  bool operator==(const Metadata&) const = default;
};

struct Model {
  Program program;
  std::string default_function = "main";
  std::map<std::string, Interface> interfaces;  // by function
  Metadata metadata;

  bool operator==(const Model&) const = default;
};

// The model of a program, its features taken from the inputs and outputs of its functions. Unknown dimensions are 1 by
// default and may be anything. An error where a feature's type is none that models have.
Result<Model> describe(Program program);

// Reads names, types, values and ops; what the ops' rules say is left to check() (inference.h), which may need the
// weights. An error names `where`, the function and the operation.
Result<Model> decode_model(std::span<const std::byte> bytes, std::string_view where);

// The same model gives the same bytes.
Result<std::vector<std::byte>> encode_model(const Model& model);

}  // namespace anemone::mil
