// A program compiled and loaded in this process: an _ANEInMemoryModel and the folder that it was compiled from.
//
//   std::shared_ptr<Model> model = TRY(Model::create(framework, folders, real_time, program));
//   std::unique_ptr<Request> request = TRY(model->bind(surfaces, options));
//   // freed: unloaded, and its folder removed
#pragma once

#include <memory>

#include "device/ane/framework.h"
#include "device/ane/loaded.h"
#include "device/ane/real_time.h"

namespace anemone::ane {

class Model final : public Loaded, public std::enable_shared_from_this<Model> {
 public:
  static Result<std::shared_ptr<Model>> create(const Framework& framework, ProgramFolders& folders,
                                               std::shared_ptr<const RealTime> real_time, const EngineProgram& program);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() override;

  Result<std::unique_ptr<Request>> bind(const BoundSurfaces& surfaces, const RequestOptions& options) override;

  const Framework& framework() const { return framework_; }
  const RealTime& real_time() const { return *real_time_; }
  Id object() const { return object_.get(); }
  const ProgramFolder& folder() const { return *folder_; }
  const std::vector<EnginePort>& inputs() const { return inputs_; }
  const std::vector<EnginePort>& outputs() const { return outputs_; }

  // What a whole program goes through once, and what rewriting its weights goes through again.
  Result<> load();
  Result<> unload();

 private:
  Model(const Framework& framework, std::shared_ptr<const RealTime> real_time, const EngineProgram& program)
      : framework_(framework), real_time_(std::move(real_time)), inputs_(program.inputs), outputs_(program.outputs) {}
  Result<> describe(const EngineProgram& program);
  Result<> compile();

  const Framework& framework_;
  std::shared_ptr<const RealTime> real_time_;
  std::vector<EnginePort> inputs_, outputs_;
  std::shared_ptr<ProgramFolder> folder_;
  Owned object_;
  bool loaded_ = false;
};

}  // namespace anemone::ane
