// A log and the run that it tells of.
//
//   Watch watch("runs/tiny.jsonl");
//   while (watch.poll()) continue;          // true: there is more to read at once
//   show(watch.run());
//
// To be used by one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "dashboard/log.h"
#include "dashboard/run.h"

namespace anemone::dashboard {

class Watch {
 public:
  explicit Watch(std::string path) : log_(std::move(path)) {}

  // Each record goes to `hear` as well, after the run has taken it.
  using Hear = std::function<void(const Record&)>;
  bool poll(const Hear& hear = nullptr);
  // Whether a run that nobody writes to any more has died, which is so at first; else its parent will say.
  void judge_writer(bool judge) { judges_writer_ = judge; }

  const Run& run() const { return run_; }
  Run& run() { return run_; }
  const std::string& path() const { return log_.path(); }
  std::optional<pid_t> writer() const { return writer_; }
  const std::string& error() const { return error_; }  // why the log cannot be read; empty: it can
  int64_t garbage() const { return log_.garbage(); }

 private:
  LogFollower log_;
  Run run_;
  std::string error_;
  std::optional<pid_t> writer_;
  bool judges_writer_ = true;
};

}  // namespace anemone::dashboard
