#include "base/buffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <utility>
#include <vector>

namespace anemone {
namespace {

const size_t kSizes[] = {0, 1, 63, 64, 65, 4096, kLargeBlock - 1, kLargeBlock, kLargeBlock + 1, 9 * kHugePage - 5};

// Dirty memory that an allocator may hand out again.
void dirty(size_t bytes) { std::ranges::fill(Buffer<uint8_t>(bytes), uint8_t{0xAB}); }

TEST(Buffer, IsZeroedAndAligned) {
  for (size_t size : kSizes) {
    dirty(size);
    Buffer<uint8_t> buffer(size);
    const size_t alignment = size >= kLargeBlock ? kHugePage : kCacheLine;
    EXPECT_NE(buffer.data(), nullptr) << size;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % alignment, 0u) << size;
    EXPECT_EQ(buffer.size(), size);
    EXPECT_TRUE(std::ranges::all_of(buffer, [](uint8_t byte) { return byte == 0; })) << size;
    std::ranges::fill(buffer, uint8_t{1});  // all of it can be written
  }
}

TEST(Buffer, MovesAndFreesBothKinds) {
  Buffer<float> large(kLargeBlock), small(10);
  large[kLargeBlock - 1] = 3;
  small[9] = 4;
  std::swap(large, small);
  EXPECT_EQ(small[kLargeBlock - 1], 3);
  EXPECT_EQ(large[9], 4);
  small = Buffer<float>(5);
  EXPECT_EQ(small[4], 0);
  Buffer<float> none;
  EXPECT_EQ(none.data(), nullptr);
  none = std::move(large);
  EXPECT_EQ(none[9], 4);
}

// The pages of `memory` that stand in it now.
size_t resident_pages(void* memory, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((bytes + page - 1) / page);
#ifdef __APPLE__
  EXPECT_EQ(mincore(memory, bytes, reinterpret_cast<char*>(pages.data())), 0);
#else
  EXPECT_EQ(mincore(memory, bytes, pages.data()), 0);
#endif
  return static_cast<size_t>(std::ranges::count_if(pages, [](unsigned char page) { return page & 1; }));
}

// Only one huge page is touched, or one of the system's own where it gives no huge ones.
TEST(Buffer, LargeBlocksTakeNoMemoryUntilTheyAreTouched) {
  constexpr size_t kBytes = 16 * kHugePage;
  Buffer<uint8_t> buffer(kBytes);
  EXPECT_EQ(resident_pages(buffer.data(), kBytes), 0u);
  buffer[5 * kHugePage + 77] = 1;
  EXPECT_EQ(resident_pages(buffer.data(), 5 * kHugePage), 0u);
  EXPECT_GE(resident_pages(buffer.data() + 5 * kHugePage, kHugePage), 1u);
  EXPECT_EQ(resident_pages(buffer.data() + 6 * kHugePage, kBytes - 6 * kHugePage), 0u);
}

#ifdef __linux__
// Bytes of address space that the process has mapped.
size_t mapped_bytes() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// What is cut off around a block goes back to the system at once, the block when it is freed.
TEST(Buffer, LargeBlocksMapWholeHugePagesAndNothingElse) {
  const size_t before = mapped_bytes();
  {
    const Buffer<uint8_t> two(kLargeBlock), four(kLargeBlock + kHugePage + 1);
    EXPECT_EQ(mapped_bytes(), before + 6 * kHugePage);
  }
  EXPECT_EQ(mapped_bytes(), before);
}
#endif

}  // namespace
}  // namespace anemone
