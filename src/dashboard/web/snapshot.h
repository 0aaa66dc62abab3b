// What the page is told, as JSON.
//
//   state_json(sessions)                                  // each run: status, figures, text; some kilobytes
//   series_json(session, {.over = Over::steps, .first = 0, .last = 5000, .points = 300})
//   lines_json(session, run, next)                        // of the log, from the line `next` on
//
// All text is made printable (dashboard/printable.h) and is UTF-8; what is no number is null.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/session.h"

namespace anemone::dashboard {

std::string state_json(const Sessions& sessions);

enum class Over { steps, time };  // time: milliseconds since 1970, of power and memory

struct SeriesRequest {
  Over over = Over::steps;
  std::optional<int64_t> first{}, last{};  // places; else all that there is
  size_t points = 300;
};

// At most that many points of each series are told, whatever is asked.
inline constexpr size_t kMostPoints = 1000;
std::string series_json(const Session& session, const SeriesRequest& request);

// At most that many lines are told at once: the newest.
inline constexpr int64_t kMostLinesTold = 200;
std::string lines_json(const Session& session, size_t run, int64_t next);

}  // namespace anemone::dashboard
