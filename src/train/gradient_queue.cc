#include "train/gradient_queue.h"

#include <algorithm>

namespace anemone::train {

GradientQueue::GradientQueue(const GradientQueueOptions& options, Timers& timers)
    : timers_(timers), factors_(factors_at(options.precision)), dy_(options.precision), x_(options.precision) {
  if (options.overlap) worker_ = std::thread([this] { work(); });
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

void GradientQueue::add(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens,
                        Into into) {
  if (!overlaps()) return compute(dw, dy, x, tokens, into);
  {
    const std::lock_guard lock(mutex_);
    queued_.push_back({dw, {dy.begin(), dy.end()}, {x.begin(), x.end()}, tokens, into});
  }
  changed_.notify_all();
}

void GradientQueue::wait() {
  if (!overlaps()) return;
  const auto scope = timers_.measure(Timer::cblas_wait);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queued_.empty() && !busy_; });
}

void GradientQueue::compute(std::span<float> dw, std::span<const float> dy, std::span<const float> x, int64_t tokens,
                            Into into) {
  const auto scope = timers_.measure(Timer::dw);
  dy_.assign(dy);
  x_.assign(x);
  const Product& product = planned(std::ssize(dy) / tokens, std::ssize(x) / tokens, tokens, into);
  product.run(dy_.data(), x_.data(), dw.data());
}

const Product& GradientQueue::planned(int64_t outputs, int64_t inputs, int64_t tokens, Into into) {
  const float beta = into == Into::add ? 1 : 0;
  const auto fits = [&](const Product& product) {
    const Gemm& g = product.plan().gemm;
    return g.m == outputs && g.n == inputs && g.k == tokens && g.beta == beta;
  };
  const auto found = std::ranges::find_if(products_, fits);
  if (found != products_.end()) return *found;
  const Gemm gemm{.trans_b = Transpose::yes,
                  .m = outputs,
                  .n = inputs,
                  .k = tokens,
                  .lda = tokens,
                  .ldb = tokens,
                  .ldc = inputs,
                  .beta = beta};
  return products_.emplace_back(ProductPlan{.gemm = gemm, .factors = factors_});
}

void GradientQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queued_.empty(); });
    if (queued_.empty()) return;
    const Queued product = std::move(queued_.front());
    queued_.pop_front();
    busy_ = true;
    lock.unlock();
    compute(product.dw, product.dy, product.x, product.tokens, product.into);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace anemone::train
