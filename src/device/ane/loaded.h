// A program that the engine holds, in this process or in a worker's: what engine.h gives and programs are made of.
//
//   std::shared_ptr<Loaded> loaded = TRY(engine->load(program));
//   std::unique_ptr<Request> request = TRY(loaded->bind(surfaces, options));   // keeps `loaded`
#pragma once

#include <vector>

#include "device/ane/engine_program.h"
#include "device/device.h"

namespace anemone::ane {

// In the order of binding of an EngineProgram, each at least as large as its tensor.
struct BoundSurfaces {
  std::vector<Surface*> inputs, outputs;
};

class Loaded {
 public:
  virtual ~Loaded() = default;
  virtual Result<std::unique_ptr<Request>> bind(const BoundSurfaces& surfaces, const RequestOptions& options) = 0;

  // Its weights were written anew: it stands for no other program of the same text.
  void mark_altered() { altered_ = true; }
  bool altered() const { return altered_; }

 private:
  bool altered_ = false;
};

}  // namespace anemone::ane
