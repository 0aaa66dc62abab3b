// Apple's private framework: the classes and selectors that the device needs, checked before any is used.
//
//   const Framework& framework = *TRY(Framework::open());
//   const Result<Bool> loaded = framework.load(model, kUsualQuality, framework.no_options(), &error);
//
// What is here was gathered from public programs that drive the engine; docs/ane.md lists each assumption.
#pragma once

#include "device/ane/foundation.h"
#include "device/device.h"

namespace anemone::ane {

class Framework {
 public:
  // Of this process, opened by the first call. An error says in one sentence why the engine is not there.
  static Result<const Framework*> open();

  Message<Id(Id text, Id weights, Id options)> describe{"_ANEInMemoryModelDescriptor", Of::classes,
                                                        "modelWithMILText:weights:optionsPlist:"};
  Message<Id(Id descriptor)> make_model{"_ANEInMemoryModel", Of::classes, "inMemoryModelWithDescriptor:"};
  Message<Id()> identifier{"_ANEInMemoryModel", Of::instances, "hexStringIdentifier"};
  Message<Bool(uint32_t qos, Id options, Id* error)> compile{"_ANEInMemoryModel", Of::instances,
                                                             "compileWithQoS:options:error:"};
  Message<Bool(uint32_t qos, Id options, Id* error)> load{"_ANEInMemoryModel", Of::instances,
                                                          "loadWithQoS:options:error:"};
  Message<Bool(uint32_t qos, Id options, Id request, Id* error)> evaluate{"_ANEInMemoryModel", Of::instances,
                                                                          "evaluateWithQoS:options:request:error:"};
  Message<Bool(uint32_t qos, Id* error)> unload{"_ANEInMemoryModel", Of::instances, "unloadWithQoS:error:"};
  Message<Id(void* surface)> wrap{"_ANEIOSurfaceObject", Of::classes, "objectWithIOSurface:"};
  Message<Id(Id inputs, Id input_indices, Id outputs, Id output_indices, Id weights, Id statistics, Id procedure)>
      make_request{"_ANERequest", Of::classes,
                   "requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:"};

  Id no_options() const { return no_options_.get(); }  // @{}
  // Its classes, all whose names begin with _ANE, with their methods and type encodings.
  std::vector<Fact> facts() const;
  // What the system tells of the engine, empty where it tells nothing.
  std::string engine_name() const;

 private:
  Result<> check() const;

  Owned no_options_;
};

// Of a method that only probes need; `encoding` as in check_method(). False where it is not there as it ought to be.
template <class Signature>
bool is_there(const Message<Signature>& message) {
  return message.check().has_value();
}

}  // namespace anemone::ane
