#include "device/allocations_testing.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace anemone {
namespace {

std::atomic<int64_t> count = 0;

}  // namespace

int64_t allocations() { return count; }

}  // namespace anemone

// Stand for the library's own wherever a program refers to the counter: all forms whose memory the deletes below free,
// that of std::stable_sort too.
void* operator new(size_t size) {
  ++anemone::count;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++anemone::count;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
