// How far long work is, on stderr: one line that is rewritten on a terminal, a plain line now and then elsewhere.
//
//   Progress progress("tokenising", Progress::Unit::bytes);
//   for (...) progress.update(done, total);      // cheap: shows a few times a second at most
//   progress.finish();                           // or the destructor: the last state stays, on a line of its own
//
// tokenising  41 %  3.0 of 7.3 MB  2.1 MB/s  0:02 left
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace anemone::cli {

class Progress {
 public:
  enum class Unit { count, bytes };

  explicit Progress(std::string label, Unit unit = Unit::count, std::FILE* out = stderr);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  // A total of 0 is unknown. `note` stands at the end of the line ("loss 2.31").
  void update(int64_t done, int64_t total, std::string_view note = {});
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  std::string label_;
  Unit unit_;
  std::FILE* out_;
  bool is_terminal_;
  Clock::time_point start_;
  Clock::time_point shown_;
  int64_t first_ = -1;  // the first `done`: what an earlier run did is not this one's speed
  int64_t done_ = 0;
  int64_t total_ = 0;
  std::string note_;
  bool stale_ = false;  // the last state has not been shown
};

// The line itself, without its end. `speed` in units a second; 0: unknown.
std::string progress_line(std::string_view label, Progress::Unit unit, int64_t done, int64_t total, double speed);

}  // namespace anemone::cli
