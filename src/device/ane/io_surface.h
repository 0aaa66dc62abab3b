// Memory shared with the engine: an IOSurface of one row of bytes.
//
//   std::unique_ptr<IoSurface> surface = TRY(IoSurface::create(bytes));
//   { const Map map = surface->map(Access::write); … }                     // locked meanwhile
#pragma once

#include <atomic>

#include "device/ane/objc.h"
#include "device/device.h"

namespace anemone::ane {

// An error names the function that the system lacks.
Result<> check_io_surfaces();

class IoSurface final : public Surface {
 public:
  // Of `bytes` at least: as many as the smallest surface has, and whole rows of 64 halves (S04, S05).
  static Result<std::unique_ptr<IoSurface>> create(size_t bytes);

  ~IoSurface() override;

  size_t bytes() const override { return bytes_; }
  Map map(Access access) override;

  size_t allocated() const { return allocated_; }
  void* handle() const { return surface_.get(); }
  // Where memory could not be locked since it was made, which map() cannot say: an error for whoever runs.
  Result<> check() const;

 private:
  IoSurface(Owned surface, size_t bytes, size_t allocated)
      : surface_(std::move(surface)), bytes_(bytes), allocated_(allocated) {}
  Result<> clear();
  static void unlock(void* surface, Access access);

  Owned surface_;
  size_t bytes_, allocated_;
  std::atomic<int32_t> failure_ = 0;
  std::vector<std::byte> stand_in_;  // for who maps what cannot be locked
};

}  // namespace anemone::ane
