// What the newest checkpoint of a run has to tell: `anemone generate` as a process of its own, which takes only the
// time that the run leaves.
//
//   Preview preview({.program = TRY(own_program())});
//   preview.poll(run);          // starts one when there is a new checkpoint, takes in what the running one tells
//   preview.ask();              // one now
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/process.h"
#include "dashboard/run.h"

namespace anemone::dashboard {

struct PreviewOptions {
  std::string program;                  // this one
  bool automatic = true;                // at new checkpoints; else only when asked
  std::chrono::seconds interval{5};     // at least, from one start to the next
  double rest = 40;                     // and as many times as long as the last took: below 3 % of the time
  std::vector<std::string> flags = {};  // further ones of `anemone generate`
};

class Preview {
 public:
  explicit Preview(PreviewOptions options) : options_(std::move(options)) {}

  void poll(const Run& run);
  void ask() { asked_ = true; }

  bool generating() const { return process_.has_value(); }
  // Whole UTF-8, not yet made printable; of the newest preview that ended well.
  const std::string& text() const { return text_; }
  int64_t step() const { return step_; }               // after so many steps
  const std::string& error() const { return error_; }  // why the last one failed; empty: it did not

 private:
  using Clock = std::chrono::steady_clock;
  bool due(const Run& run) const;
  void start(const Run& run);
  void finish(const ProcessEnd& end);

  PreviewOptions options_;
  bool asked_ = false;
  std::optional<Process> process_;
  std::string output_, text_, error_;
  int64_t step_ = 0, starting_step_ = 0;
  double previewed_time_ = 0;  // when that checkpoint was saved
  Clock::time_point started_{}, next_{};
};

}  // namespace anemone::dashboard
