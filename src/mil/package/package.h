// Core ML's files on disk.
//
//   model.mlpackage/Manifest.json                             names the model and its weights
//                  /Data/com.apple.CoreML/model.mlmodel       the message (model.h)
//                                        /weights/weight.bin  the data (blob.h)
//   model.mlmodel, weights/model.bin                          the message alone, the data beside it
//   model.mlmodelc/model.mil, weights/weight.bin              compiled: the program as text
//
//   LoadedModel loaded = TRY(read_model("model.mlpackage"));
//   TRY(write_model("copy.mlpackage", loaded.model, loaded.weights));
#pragma once

#include <string>

#include "mil/package/model.h"

namespace anemone::mil {

struct ModelFiles {
  enum class Kind : uint8_t { message, text };

  Kind kind = Kind::message;
  std::string program;  // the file that holds it
  std::string folder;   // stands for @model_path
};

// Where the program of a package, a .mlmodel file or a compiled folder is and what its weights are relative to. No path
// of a manifest leaves the package's Data folder.
Result<ModelFiles> find_model(const std::string& path);

struct LoadedModel {
  Model model;
  Weights weights;
};

// A package or a .mlmodel file, its weights mapped and its functions checked by the rules of their ops.
Result<LoadedModel> read_model(const std::string& path);

// Writes a package, or where the path ends in .mlmodel the message with its weights beside it. Weights go into one
// file, whatever files they came from. The same model gives the same bytes. A package that stands there is replaced at
// the end; anything else is not. After an error nothing is left of it.
Result<> write_model(const std::string& path, const Model& model, const Weights& weights);

}  // namespace anemone::mil
