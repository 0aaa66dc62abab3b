// The surfaces of one side of a request, as the framework takes them.
//
//   Side inputs = TRY(Side::create(surfaces, model.inputs()));
//   Id request = TRY(request_object(framework, inputs, outputs, {}));
//   inputs.copy_in();  evaluate …;  outputs.copy_out();
#pragma once

#include "device/ane/framework.h"
#include "device/ane/io_surface.h"
#include "device/ane/loaded.h"

namespace anemone::ane {

// All must be IoSurfaces, of one size where there are several (S06, S07), and hold nothing of the caller's where the
// engine's tensor is larger than the caller's; others are stood in for by surfaces that are so, with copies before or
// after each run.
class Side {
 public:
  static Result<Side> create(const std::vector<Surface*>& surfaces, const std::vector<EnginePort>& ports);

  Result<Id> wrapped(const Framework& framework) const;  // an array of _ANEIOSurfaceObject
  Id indices() const;

  void copy_in() const;
  void copy_out() const;
  Result<> check() const;  // that no surface failed to be locked

 private:
  struct Copy {
    Surface* theirs;
    std::unique_ptr<IoSurface> ours;
    size_t bytes;
  };
  Result<> add(Surface& surface, const EnginePort& port, size_t size);

  std::vector<IoSurface*> surfaces_;
  std::vector<Copy> copies_;
};

// What a request may have besides.
struct RequestExtras {
  Id weights = nullptr;     // an _ANEIOSurfaceObject
  Id statistics = nullptr;  // an array
  uint32_t procedure = 0;
};

// An autoreleased _ANERequest.
Result<Id> request_object(const Framework& framework, const Side& inputs, const Side& outputs,
                          const RequestExtras& extras);

}  // namespace anemone::ane
