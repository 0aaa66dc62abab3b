#include "dashboard/series.h"

#include <algorithm>
#include <cmath>

namespace anemone::dashboard {
namespace {

void join(Bucket& into, const Bucket& other) {
  const auto count = static_cast<double>(into.count), more = static_cast<double>(other.count);
  into.mean += (other.mean - into.mean) * (more / (count + more));
  into.last = other.last;
  into.count += other.count;
  into.least = std::min(into.least, other.least);
  into.most = std::max(into.most, other.most);
}

int64_t middle(const Bucket& bucket) { return bucket.first + (bucket.last - bucket.first) / 2; }

void drop(auto& buckets, int64_t place) {
  while (!buckets.empty() && buckets.back().first >= place) buckets.pop_back();
  if (!buckets.empty() && buckets.back().last >= place) buckets.back().last = place - 1;
}

}  // namespace

void Series::add(int64_t place, double value) {
  if (!empty() && place <= last()) drop_from(place);
  if (!std::isfinite(value)) return;
  const Bucket point{place, place, 1, value, value, value};
  recent_.push_back(point);
  if (recent_.size() > capacity_) recent_.pop_front();
  if (!whole_.empty() && whole_.back().count < points_each_) return join(whole_.back(), point);
  if (whole_.size() == capacity_) halve();
  whole_.push_back(point);
}

void Series::halve() {
  for (size_t i = 0; i < whole_.size() / 2; ++i) {
    whole_[i] = whole_[2 * i];
    join(whole_[i], whole_[2 * i + 1]);
  }
  whole_.resize(whole_.size() / 2);
  points_each_ *= 2;
}

void Series::drop_from(int64_t place) {
  drop(whole_, place);
  drop(recent_, place);
}

void Series::clear() {
  whole_.clear();
  recent_.clear();
  points_each_ = 1;
}

std::optional<double> Series::newest() const {
  if (!recent_.empty()) return recent_.back().mean;
  if (!whole_.empty()) return whole_.back().mean;
  return std::nullopt;
}

std::vector<Bucket> Series::range(int64_t first, int64_t last, size_t points) const {
  std::vector<Bucket> columns;
  if (empty() || points == 0 || last < first) return columns;
  // Places can be as far apart as the log says; the width of a column is rounded up, but for the widest.
  const uint64_t share = (static_cast<uint64_t>(last) - static_cast<uint64_t>(first)) / points;
  const uint64_t width = std::max(share, share + 1);
  uint64_t column = 0;
  const auto take = [&](const Bucket& bucket) {
    const uint64_t at = (static_cast<uint64_t>(middle(bucket)) - static_cast<uint64_t>(first)) / width;
    if (!columns.empty() && at == column) return join(columns.back(), bucket);
    columns.push_back(bucket);
    column = at;
  };
  const auto take_all = [&](const auto& buckets) {
    const auto begin = std::ranges::lower_bound(buckets, first, {}, middle);
    for (auto b = begin; b != buckets.end() && middle(*b) <= last; ++b) take(*b);
  };
  if (!recent_.empty() && first >= recent_.front().first) {
    take_all(recent_);
  } else {
    take_all(whole_);
  }
  return columns;
}

}  // namespace anemone::dashboard
