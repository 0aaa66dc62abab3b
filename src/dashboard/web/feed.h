// What goes on, told to any number of listeners, of whom none waits for another.
//
//   Feed feed(16);
//   auto seat = feed.join();                     // of a listener; null: all seats are taken
//   while (auto told = feed.wait(*seat, 5s)) send(*told);      // the newest: what a slow one missed is gone
//   feed.tell("…");
//   feed.close();                                // wait() returns nothing from now on
//
// Each telling replaces the one before, so that a listener's queue is one long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace anemone::dashboard {

class Feed {
 public:
  class Seat {
   public:
    Seat(Feed& feed, uint64_t heard) : feed_(feed), heard_(heard) {}
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    friend class Feed;
    Feed& feed_;
    uint64_t heard_;
  };
  using Told = std::shared_ptr<const std::string>;

  explicit Feed(int seats) : free_(seats) {}

  // What was told before is no news to who joins.
  std::unique_ptr<Seat> join();
  int listeners() const;
  void tell(std::string what);
  // The newest that the seat has not heard; null within when nothing came in time; nothing: the feed is closed.
  std::optional<Told> wait(Seat& seat, std::chrono::milliseconds time);
  void close();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int free_, listeners_ = 0;
  Told newest_;
  uint64_t count_ = 0;
  bool closed_ = false;
};

}  // namespace anemone::dashboard
