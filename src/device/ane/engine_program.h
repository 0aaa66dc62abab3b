// A function as the framework takes it: text, weight files, and the order in which surfaces are bound.
//
//   const EngineProgram program = TRY(engine_program(function, weights));
//   program.text                    // "program(1.3) … func main<ios18>(tensor<fp16, [1, 8, 1, 32]> in000_x) …"
//   program.inputs                  // {1, 0}: the smaller one first
//
// Sources disagree in which order several surfaces are bound (S06, S07): alphabetically, or inputs by rising and
// outputs by falling size. So ports are sorted by size and given names that sort the same way, and all orders coincide.
// Every constant has a name (C26), every blob a file of its own (C07) at offset 64 (C06). Narrow rows are widened
// (wide_rows.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "device/ane/program_folder.h"
#include "mil/function.h"

namespace anemone::ane {

struct WeightFile {
  std::string path;  // below @model_path: "weights/w000.bin"
  std::vector<std::byte> bytes;
  mil::BlobReference reference{};  // what the function calls it
  mil::TensorType type{};
};

// Where a port stands among the function's, its tensor's size, and that of the tensor that the text declares for it:
// the same bytes, and maybe more behind them.
struct EnginePort {
  size_t index;
  size_t bytes;
  size_t declared;
};

struct EngineProgram {
  std::string text;
  std::vector<WeightFile> weights;
  std::vector<EnginePort> inputs, outputs;  // in the order of binding

  std::string key() const;                // the same for the same text and weights
  std::vector<FolderFile> files() const;  // of the folder, model.mil first; views of this
};

Result<EngineProgram> engine_program(const mil::Function& function, const mil::Weights& weights);

}  // namespace anemone::ane
