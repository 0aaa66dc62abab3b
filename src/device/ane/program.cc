#include "device/ane/program.h"

#include "mil/blob.h"
#include "mil/engine/rule.h"

namespace anemone::ane {

Program::Program(std::shared_ptr<Engine> engine, std::shared_ptr<Loaded> loaded, EngineProgram program,
                 Signature signature)
    : engine_(std::move(engine)),
      loaded_(std::move(loaded)),
      signature_(std::move(signature)),
      program_(std::move(program)) {
  for (WeightFile& file : program_.weights) file.bytes = {};
}

Result<std::vector<WeightFile>> Program::weight_files(const mil::Weights& weights) const {
  std::vector<WeightFile> files = program_.weights;
  for (WeightFile& file : files) {
    const mil::Tensor tensor = TRY(weights.find(file.reference, file.type));
    file.bytes = TRY(mil::write_blob(tensor));
  }
  return files;
}

BoundSurfaces Program::in_order(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs) const {
  BoundSurfaces bound;
  for (const EnginePort& port : program_.inputs) bound.inputs.push_back(inputs[port.index]);
  for (const EnginePort& port : program_.outputs) bound.outputs.push_back(outputs[port.index]);
  return bound;
}

Result<std::unique_ptr<Request>> Program::bind(const std::vector<Surface*>& inputs,
                                               const std::vector<Surface*>& outputs,
                                               const RequestOptions& options) const {
  TRY(check_surfaces(signature_, inputs, outputs));
  if (options.qos >= mil::kQualities) {
    return fail("there is no quality of service {}: give one from 0 to {}", options.qos, mil::kQualities - 1);
  }
  return loaded_->bind(in_order(inputs, outputs), options);
}

}  // namespace anemone::ane
