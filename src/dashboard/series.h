// A quantity over the steps of a run, or over time, in bounded memory however long the run.
//
//   Series loss;
//   loss.add(step, value);                                 // a million times
//   for (const Bucket& b : loss.range(0, step, 120)) ...   // at most 120 of them: least, most and mean of each
//
// The newest points are kept as they came; the whole is kept in buckets of so many points each, which are joined in
// pairs whenever there are too many of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace anemone::dashboard {

// Points that lie side by side.
struct Bucket {
  int64_t first = 0, last = 0;  // places: steps, or milliseconds
  int64_t count = 0;            // of points, at least 1
  double least = 0, most = 0, mean = 0;
};

class Series {
 public:
  // Keeps the newest `capacity` points and at most as many buckets; an even number.
  explicit Series(size_t capacity = 2048) : capacity_(capacity) {}

  // A place at or before the last one takes back what was there from it on. Values that are no numbers leave a gap.
  void add(int64_t place, double value);
  // Forgets the points from `place` on. A bucket that reaches across it keeps what it was made of.
  void drop_from(int64_t place);
  void clear();

  bool empty() const { return whole_.empty(); }
  int64_t first() const { return whole_.front().first; }  // not of an empty one
  int64_t last() const { return whole_.back().last; }
  std::optional<double> newest() const;
  // The points of places first to last in at most `points` buckets, in order; where nothing is, there is no bucket. A
  // bucket on the edge counts where its middle is inside.
  std::vector<Bucket> range(int64_t first, int64_t last, size_t points) const;

 private:
  void halve();

  size_t capacity_;
  int64_t points_each_ = 1;  // of a bucket of the whole that is full
  std::vector<Bucket> whole_;
  std::deque<Bucket> recent_;  // one point each
};

}  // namespace anemone::dashboard
