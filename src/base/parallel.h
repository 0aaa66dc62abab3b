// Loops over all threads of the process (OpenMP's pool, which oneDNN shares).
//
//   parallel_for(rows, 16, [&](int64_t begin, int64_t end) { for (int64_t r = begin; r < end; ++r) ...; });
//
// The range is cut into one contiguous piece a thread, so the same thread count gives the same bits.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace anemone {

inline int thread_count() { return omp_get_max_threads(); }
inline void set_thread_count(int count) { omp_set_num_threads(count); }

// Calls body(begin, end) on disjoint pieces that cover [0, count), each of at least `grain` items but for the last.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  const int64_t pieces = std::min<int64_t>(thread_count(), (count + grain - 1) / std::max<int64_t>(grain, 1));
  if (pieces <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  const int threads = static_cast<int>(pieces);
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int64_t p = 0; p < pieces; ++p) body(count * p / pieces, count * (p + 1) / pieces);
}

}  // namespace anemone
