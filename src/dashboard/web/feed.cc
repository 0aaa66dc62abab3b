#include "dashboard/web/feed.h"

namespace anemone::dashboard {

Feed::Seat::~Seat() {
  const std::lock_guard lock(feed_.mutex_);
  ++feed_.free_;
  --feed_.listeners_;
}

std::unique_ptr<Feed::Seat> Feed::join() {
  const std::lock_guard lock(mutex_);
  if (free_ == 0 || closed_) return nullptr;
  --free_;
  ++listeners_;
  return std::make_unique<Seat>(*this, count_);
}

int Feed::listeners() const {
  const std::lock_guard lock(mutex_);
  return listeners_;
}

void Feed::tell(std::string what) {
  {
    const std::lock_guard lock(mutex_);
    newest_ = std::make_shared<const std::string>(std::move(what));
    ++count_;
  }
  changed_.notify_all();
}

std::optional<Feed::Told> Feed::wait(Seat& seat, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  const bool news = changed_.wait_for(lock, time, [&] { return closed_ || count_ > seat.heard_; });
  if (closed_) return std::nullopt;
  if (!news) return Told{};
  seat.heard_ = count_;
  return newest_;
}

void Feed::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace anemone::dashboard
