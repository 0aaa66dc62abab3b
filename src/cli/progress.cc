#include "cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cmath>
#include <utility>

namespace anemone::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalPeriod{100};
constexpr std::chrono::seconds kPlainPeriod{10};

std::string quantity(Progress::Unit unit, int64_t amount) {
  return unit == Progress::Unit::bytes ? fmt::format("{:.1f}", amount / 1e6) : fmt::format("{}", amount);
}

std::string rate(Progress::Unit unit, double speed) {
  if (unit == Progress::Unit::bytes) return fmt::format("{:.1f} MB/s", speed / 1e6);
  return speed < 10 ? fmt::format("{:.1f}/s", speed) : fmt::format("{:.0f}/s", speed);
}

std::string clock_time(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string progress_line(std::string_view label, Progress::Unit unit, int64_t done, int64_t total, double speed) {
  std::string line(label);
  if (total > 0) line += fmt::format("  {:3.0f} %", std::floor(100.0 * done / total));
  line += "  " + quantity(unit, done);
  if (total > 0) line += " of " + quantity(unit, total);
  if (unit == Progress::Unit::bytes) line += " MB";
  if (speed > 0) line += "  " + rate(unit, speed);
  if (speed > 0 && total > done) line += fmt::format("  {} left", clock_time((total - done) / speed));
  return line;
}

Progress::Progress(std::string label, Unit unit, std::FILE* out)
    : label_(std::move(label)), unit_(unit), out_(out), is_terminal_(isatty(fileno(out)) != 0), start_(Clock::now()) {
  shown_ = start_;
}

void Progress::update(int64_t done, int64_t total, std::string_view note) {
  if (first_ < 0) first_ = done;
  done_ = done;
  total_ = total;
  note_ = note;
  stale_ = true;
  const Clock::time_point now = Clock::now();
  if (now - shown_ >= (is_terminal_ ? Clock::duration(kTerminalPeriod) : Clock::duration(kPlainPeriod))) show(now);
}

void Progress::finish() {
  if (first_ < 0) return;
  if (stale_) show(Clock::now());
  if (is_terminal_) std::fputc('\n', out_);
  first_ = -1;
}

void Progress::show(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double speed = seconds > 0 ? (done_ - first_) / seconds : 0;
  std::string line = progress_line(label_, unit_, done_, total_, speed);
  if (!note_.empty()) line += "  " + note_;
  // ESC [K clears what a longer line has left to the right.
  fmt::print(out_, "{}", is_terminal_ ? "\r" + line + "\x1b[K" : line + "\n");
  std::fflush(out_);
  shown_ = now;
  stale_ = false;
}

}  // namespace anemone::cli
