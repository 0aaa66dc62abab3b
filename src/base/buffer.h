// Zeroed memory aligned to a cache line, without the value-initialisation of a vector's growth; large blocks are
// aligned to huge pages and ask for them.
//
//   Buffer<float> moments(parameters);     // zeros, which take no memory until they are touched
//   moments[0] = 1;
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace anemone {

inline constexpr size_t kCacheLine = 64;              // bytes
inline constexpr size_t kHugePage = size_t{2} << 20;  // bytes, of x86-64 and of 64-bit ARM with pages of 4 KiB
inline constexpr size_t kLargeBlock = 2 * kHugePage;

// Zeros, untouched where they come from the system: at a cache line or, from kLargeBlock bytes on, at a huge page. The
// process ends where no memory is left.
void* allocate_zeros(size_t bytes);
void free_zeros(void* memory, size_t bytes);  // as many as were allocated

template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count)
      : data_(static_cast<T*>(allocate_zeros(count * sizeof(T))), Free{count * sizeof(T)}), count_(count) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }
  std::span<T> span() { return {data(), count_}; }
  std::span<const T> span() const { return {data(), count_}; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + count_; }

 private:
  struct Free {
    size_t bytes = 0;
    void operator()(T* data) const { free_zeros(data, bytes); }
  };

  std::unique_ptr<T[], Free> data_;
  size_t count_ = 0;
};

}  // namespace anemone
