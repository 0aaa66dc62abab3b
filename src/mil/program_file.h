// Programs as they stand on disk: text (.mil), packages (.mlpackage), models (.mlmodel), compiled folders (.mlmodelc).
//
//   ProgramFile file = TRY(load_program("model.mlpackage"));
//   file.program.function("main"), file.weights
#pragma once

#include <string>
#include <vector>

#include "mil/blob.h"
#include "mil/function.h"

namespace anemone::mil {

struct ProgramFile {
  std::string format;                 // "MIL text", "package", "model", "compiled model"
  Program program;                    // checked: names, types, constants
  Weights weights;                    // mapped
  std::vector<BlobFinding> findings;  // weights that were read although their file departs from the format
};

// Whichever of the four `path` is. Weight files are found beside the program.
Result<ProgramFile> load_program(const std::string& path);

// In the format of the extension of `path`. A text's weights go to one file beside it, weights/NAME.bin, NAME.mil being
// the text; so do a model's.
Result<> save_program(const std::string& path, const Program& program, const Weights& weights);

// The function that runs: that of the name, or `main`, or the only one.
Result<const Function*> find_function(const Program& program, const std::string& name);

}  // namespace anemone::mil
