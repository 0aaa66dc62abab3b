// Programs as they stand on disk.
//
//   model.mil, weights/model.bin                              text, and the data to which it refers
//   model.mlpackage/Manifest.json                             names the model and its weights
//                  /Data/com.apple.CoreML/model.mlmodel       the message (model.h)
//                                        /weights/weight.bin  the data (blob.h)
//   model.mlmodel, weights/model.bin                          the message alone, the data beside it
//   model.mlmodelc/model.mil, weights/weight.bin              compiled: the program as text
//
//   LoadedModel loaded = TRY(read_model("model.mlpackage"));
//   TRY(write_model("copy.mil", loaded.model, loaded.weights));
#pragma once

#include <string>
#include <vector>

#include "mil/blob.h"
#include "mil/package/model.h"

namespace anemone::mil {

struct ModelFiles {
  enum class Kind : uint8_t { text, package, message, compiled };

  Kind kind = Kind::text;
  std::string program;  // the file that holds it
  std::string folder;   // stands for @model_path
};

std::string_view to_string(ModelFiles::Kind kind);  // "MIL text", "package", "model", "compiled model"

// Where the program is and what its weights are relative to. What is neither a folder nor a .mlmodel is text. No path
// of a manifest leaves the package's Data folder.
Result<ModelFiles> find_model(const std::string& path);

struct LoadedModel {
  ModelFiles::Kind kind = ModelFiles::Kind::text;
  Model model;
  Weights weights;                    // mapped
  std::vector<BlobFinding> findings;  // weights that were read although their file departs from the format
};

// Any of the four, its functions checked by the rules of their ops. A text says nothing of a model but its program.
Result<LoadedModel> read_model(const std::string& path);

// Writes text, a message or a package, as the path ends in .mil, .mlmodel or .mlpackage. Weights go into one file,
// whatever files they came from. The same model gives the same bytes. A package that stands there is replaced at the
// end; anything else is not. After an error nothing is left of it. Where the model says nothing of its functions'
// inputs and outputs, these are described as the program has them.
Result<> write_model(const std::string& path, const Model& model, const Weights& weights);

// The function that runs: that of the name, or the model's default, or the only one.
Result<const Function*> find_function(const Model& model, const std::string& name);

}  // namespace anemone::mil
