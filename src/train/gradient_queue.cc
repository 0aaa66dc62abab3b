#include "train/gradient_queue.h"

#include "base/gemm.h"

namespace anemone::train {

GradientQueue::GradientQueue(bool overlap, Timers& timers) : timers_(timers) {
  if (overlap) worker_ = std::thread([this] { work(); });
}

GradientQueue::~GradientQueue() {
  if (!worker_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void GradientQueue::add(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens) {
  if (!worker_.joinable()) return compute(dw, dy, x, tokens);
  {
    const std::lock_guard lock(mutex_);
    products_.push_back({dw, {dy.begin(), dy.end()}, {x.begin(), x.end()}, tokens});
  }
  changed_.notify_all();
}

void GradientQueue::wait() {
  if (!worker_.joinable()) return;
  const auto scope = timers_.measure(Timer::cblas_wait);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return products_.empty() && !busy_; });
}

void GradientQueue::compute(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens) {
  const auto scope = timers_.measure(Timer::dw);
  const int64_t outputs = static_cast<int64_t>(dy.size()) / tokens, inputs = static_cast<int64_t>(x.size()) / tokens;
  gemm({.trans_b = Transpose::yes,
        .m = outputs,
        .n = inputs,
        .k = tokens,
        .lda = tokens,
        .ldb = tokens,
        .ldc = inputs,
        .beta = 1},
       dy.data(), x.data(), dw.data());
}

void GradientQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !products_.empty(); });
    if (products_.empty()) return;
    const Product product = std::move(products_.front());
    products_.pop_front();
    busy_ = true;
    lock.unlock();
    compute(product.dw, product.dy, product.x, product.tokens);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace anemone::train
