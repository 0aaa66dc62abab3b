// Zeroed memory aligned to a cache line, without the value-initialisation of a vector's growth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace anemone {

template <class T>
class Buffer {
 public:
  Buffer() = default;
  // Pages arrive zeroed from the system at first touch.
  explicit Buffer(size_t count) : data_(allocate(count)), count_(count) {}

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
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(T* data) const { std::free(reinterpret_cast<void**>(data)[-1]); }
  };
  // calloc, so that large blocks come untouched; the block's own address stands just before the aligned data.
  static T* allocate(size_t count) {
    void* block = std::calloc(count * sizeof(T) + kAlignment + sizeof(void*), 1);
    if (block == nullptr) std::abort();
    auto address = reinterpret_cast<uintptr_t>(block) + sizeof(void*);
    address = (address + kAlignment - 1) / kAlignment * kAlignment;
    reinterpret_cast<void**>(address)[-1] = block;
    return reinterpret_cast<T*>(address);
  }

  std::unique_ptr<T[], Free> data_;
  size_t count_ = 0;
};

}  // namespace anemone
