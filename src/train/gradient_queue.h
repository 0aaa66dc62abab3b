// Weight gradients, dW [O, I] += dy [O, T]·x [I, T]ᵀ, on the host.
//
//   GradientQueue queue(device.info().leaves_host_free, timers);
//   queue.add(gradients.w2, df, g, T);          // with overlap: copies df and g, returns at once
//   queue.wait();                               // before the gradients are read or the next weights are staged
//
// Where the device leaves the host free they run on a thread of their own, off the critical path; where device and host
// are the same cores there is nothing to win, and each is computed at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "train/metrics.h"

namespace anemone::train {

class GradientQueue {
 public:
  GradientQueue(bool overlap, Timers& timers);
  ~GradientQueue();
  GradientQueue(const GradientQueue&) = delete;
  GradientQueue& operator=(const GradientQueue&) = delete;

  // O and I follow from the sizes.
  void add(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens);
  // Returns once all products are in; the time it takes is the true wait.
  void wait();

 private:
  struct Product {
    std::span<float> dw;
    std::vector<float> dy, x;
    int64_t tokens;
  };
  void compute(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens);
  void work();

  Timers& timers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Product> products_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread worker_;  // not running without overlap
};

}  // namespace anemone::train
