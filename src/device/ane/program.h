// A function that the engine holds, with its ports in the function's own order.
//
//   Program program(engine, loaded, engine_program, signature_of(function));
#pragma once

#include "device/ane/engine.h"

namespace anemone::ane {

class Program final : public anemone::Program {
 public:
  Program(std::shared_ptr<Engine> engine, std::shared_ptr<Loaded> loaded, EngineProgram program, Signature signature);

  const Signature& signature() const override { return signature_; }
  Result<std::unique_ptr<Request>> bind(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs,
                                        const RequestOptions& options) const override;

  Loaded& loaded() const { return *loaded_; }
  // Its weight files, made of other values.
  Result<std::vector<WeightFile>> weight_files(const mil::Weights& weights) const;
  BoundSurfaces in_order(const std::vector<Surface*>& inputs, const std::vector<Surface*>& outputs) const;

 private:
  std::shared_ptr<Engine> engine_;  // lives as long as its programs
  std::shared_ptr<Loaded> loaded_;
  Signature signature_;
  EngineProgram program_;  // but for the bytes of its weights
};

}  // namespace anemone::ane
