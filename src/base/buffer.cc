#include "base/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace anemone {
namespace {

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Whole huge pages, cut out of a mapping that is one too long. The system fills them at first touch, each by one fault
// where it has any to give and else in pages of its own size.
void* map_huge_pages(size_t bytes) {
  const size_t size = round_up(bytes, kHugePage), mapped = size + kHugePage;
  void* block = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (block == MAP_FAILED) std::abort();
  auto* const begin = static_cast<std::byte*>(block);
  const auto address = reinterpret_cast<uintptr_t>(block);
  const size_t before = round_up(address, kHugePage) - address, after = kHugePage - before;
  if (before > 0) munmap(begin, before);
  if (after > 0) munmap(begin + before + size, after);
#ifdef MADV_HUGEPAGE
  madvise(begin + before, size, MADV_HUGEPAGE);  // advice: without it all works as well
#endif
  return begin + before;
}

}  // namespace

void* allocate_zeros(size_t bytes) {
  if (bytes >= kLargeBlock) return map_huge_pages(bytes);
  const size_t size = round_up(std::max(bytes, size_t{1}), kCacheLine);  // no bytes have an address too
  void* memory = std::aligned_alloc(kCacheLine, size);
  if (memory == nullptr) std::abort();
  return std::memset(memory, 0, size);
}

void free_zeros(void* memory, size_t bytes) {
  if (bytes < kLargeBlock) return std::free(memory);
  munmap(memory, round_up(bytes, kHugePage));
}

}  // namespace anemone
