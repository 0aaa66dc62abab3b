// Weight gradients, dW [O, I] = or += dy [O, T]·x [I, T]ᵀ, on the host.
//
//   GradientQueue queue({.precision = precision, .overlap = device.info().leaves_host_free}, timers);
//   queue.begin(Into::assign);                  // of each step: assign at the first one after an update
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

#include "train/host_ops.h"
#include "train/metrics.h"
#include "train/operand.h"

namespace anemone::train {

struct GradientQueueOptions {
  Precision precision = Precision::fp32;
  bool overlap = false;
};

class GradientQueue {
 public:
  GradientQueue(const GradientQueueOptions& options, Timers& timers);
  ~GradientQueue();
  GradientQueue(const GradientQueue&) = delete;
  GradientQueue& operator=(const GradientQueue&) = delete;

  // Whether gradients are added to those of the steps before, from now on.
  void begin(Into into) { into_ = into; }
  Into into() const { return into_; }
  bool overlaps() const { return worker_.joinable(); }

  // O and I follow from the sizes.
  void add(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens) {
    add(dw, dy, x, tokens, into_);
  }
  void add(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens, Into into);
  // Returns once all products are in; the time it takes is the true wait.
  void wait();

 private:
  struct Queued {
    std::span<float> dw;
    std::vector<float> dy, x;
    int64_t tokens;
    Into into;
  };
  void compute(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens, Into into);
  const Product& planned(int64_t outputs, int64_t inputs, int64_t tokens, Into into);
  void work();

  Timers& timers_;
  Into into_ = Into::add;
  Factor factors_;
  Operand dy_, x_;
  std::vector<Product> products_;  // one a shape
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queued_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread worker_;  // not running without overlap
};

}  // namespace anemone::train
