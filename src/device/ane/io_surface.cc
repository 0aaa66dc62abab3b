#include "device/ane/io_surface.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "device/ane/foundation.h"
#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

constexpr uint32_t kReadOnly = 1;  // of a lock

struct Functions {
  void* (*create)(Id properties);
  int32_t (*lock)(void* surface, uint32_t options, uint32_t* seed);
  int32_t (*unlock)(void* surface, uint32_t options, uint32_t* seed);
  void* (*base_address)(void* surface);
};

template <class Function>
bool find(Function& function, const char* name) {
  function = reinterpret_cast<Function>(Runtime::get().symbol(name));
  return function != nullptr;
}

constexpr std::array kFunctions{"IOSurfaceCreate", "IOSurfaceLock", "IOSurfaceUnlock", "IOSurfaceGetBaseAddress"};
constexpr std::array kKeys{"kIOSurfaceWidth",       "kIOSurfaceHeight",    "kIOSurfaceBytesPerElement",
                           "kIOSurfaceBytesPerRow", "kIOSurfaceAllocSize", "kIOSurfacePixelFormat"};

const Functions& functions() {
  static const Functions found = [] {
    Functions f{};
    CHECK(find(f.create, kFunctions[0]) && find(f.lock, kFunctions[1]) && find(f.unlock, kFunctions[2]) &&
          find(f.base_address, kFunctions[3]));
    return f;
  }();
  return found;
}

Id key(const char* name) { return *static_cast<Id*>(Runtime::get().symbol(name)); }

// One row of single bytes (S03).
Id properties(size_t bytes) {
  const std::array<uint64_t, kKeys.size()> values{bytes, 1, 1, bytes, bytes, 0};
  std::vector<std::pair<Id, Id>> entries;
  for (size_t i = 0; i < kKeys.size(); ++i) entries.emplace_back(key(kKeys[i]), number_of(values[i]));
  return dictionary_of(entries);
}

size_t allocation(size_t bytes) {
  constexpr size_t kRow = 128;  // as ports of narrow rows are declared in (wide_rows.h)
  return std::max<size_t>(mil::kSmallestSurface, (bytes + kRow - 1) / kRow * kRow);
}

uint32_t options_of(Access access) { return access == Access::read ? kReadOnly : 0; }

}  // namespace

Result<> check_io_surfaces() {
  for (const char* name : kFunctions) {
    if (Runtime::get().symbol(name) == nullptr) return fail("there is no {}()", name);
  }
  for (const char* name : kKeys) {
    if (Runtime::get().symbol(name) == nullptr) return fail("there is no {}", name);
  }
  return {};
}

Result<std::unique_ptr<IoSurface>> IoSurface::create(size_t bytes) {
  const Pool pool;
  const size_t allocated = allocation(bytes);
  Owned surface = Owned::taken(functions().create(properties(allocated)));
  if (!surface) return fail("IOSurfaceCreate gave no surface of {} bytes: free memory, or ask for less", allocated);
  auto made = std::unique_ptr<IoSurface>(new IoSurface(std::move(surface), bytes, allocated));
  TRY(made->clear());
  return made;
}

IoSurface::~IoSurface() {
  const Pool pool;
  surface_ = Owned();
}

Result<> IoSurface::clear() {
  const Map all = map(Access::write);
  TRY(check());
  if (all.bytes().data() == nullptr) return fail("IOSurfaceGetBaseAddress gave no address");
  std::ranges::fill(all.bytes(), std::byte{});
  return {};
}

Map IoSurface::map(Access access) {
  const int32_t status = functions().lock(handle(), options_of(access), nullptr);
  if (status == 0) {
    auto* base = static_cast<std::byte*>(functions().base_address(handle()));
    return Map({base, base == nullptr ? 0 : bytes_}, access, unlock, handle());
  }
  failure_ = status;
  stand_in_.resize(bytes_);
  return Map(stand_in_, access);
}

void IoSurface::unlock(void* surface, Access access) { functions().unlock(surface, options_of(access), nullptr); }

Result<> IoSurface::check() const {
  if (failure_ == 0) return {};
  return fail("IOSurfaceLock answered {:#x}, so what a surface holds is not sure: begin anew", uint32_t(failure_));
}

}  // namespace anemone::ane
