// What a view shows and commands: a run, started by us or by others, and what goes with it.
//
//   auto session = TRY(Session::start({.log = "runs/tiny.jsonl", .trainer = {"--steps", "500"}}));
//   auto session = TRY(Session::attach({.log = "runs/tiny.jsonl"}));
//   while (...) {
//     session->poll();                                 // a few times a second
//     show(session->run(), session->preview(), …);
//     if (key == 's') show(session->ask(Command::save));
//   }
//
// To be used by one thread at a time: views that have several lock around it. Nothing waits.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashboard/power.h"
#include "dashboard/preview.h"
#include "dashboard/process.h"
#include "dashboard/usage.h"
#include "dashboard/watch.h"

namespace anemone::dashboard {

enum class Command {
  stop,   // after the step, with a checkpoint; asked twice, at once
  pause,  // after the step
  go_on,
  save,      // a checkpoint after the step
  restart,   // stop, then go on from the checkpoint in a new process
  generate,  // a preview of the newest checkpoint
};
inline constexpr std::array<std::string_view, 6> kCommandNames = {"stop", "pause",   "continue",
                                                                  "save", "restart", "generate"};

struct SessionOptions {
  std::string log;                        // path
  std::vector<std::string> trainer{};     // arguments of `anemone train`, but for --log
  std::vector<std::string> resumption{};  // the same to resume it, with --resume and --ckpt
  std::string program{};                  // that trains and generates; empty: this one
  bool power = true, previews = true;     // whether to measure, and to generate by itself
};

struct LogLine {
  enum class Kind { plain, step, checkpoint, notice, error };
  Kind kind = Kind::plain;
  std::string text;  // as it came: to be made printable
};

class Session {
 public:
  static constexpr size_t kMostLines = 2000;

  // Starts a trainer, whose output becomes the lines of the log.
  static Result<std::unique_ptr<Session>> start(SessionOptions options);
  // Watches a run of others; the lines of the log are made of its records.
  static Result<std::unique_ptr<Session>> attach(SessionOptions options);

  // Takes in what has happened. True: there is more to read at once.
  bool poll();

  bool attached() const { return !owns_; }
  const Run& run() const { return watch_.run(); }
  const Watch& watch() const { return watch_; }
  Status status() const { return run().status(); }
  // Whether a command is under way: "saving after this step"; empty: none is.
  const std::string& pending() const { return pending_; }
  // Whether it stands still, or will after its step.
  bool pausing() const { return awaits(Command::pause) || (status() == Status::paused && !awaits(Command::go_on)); }
  const Preview& preview() const { return preview_; }
  bool previews() const { return options_.previews; }
  const std::deque<LogLine>& lines() const { return lines_; }
  int64_t lines_total() const { return lines_total_; }  // with those that have been dropped

  // Of the trainer itself, a second apart. Places of the series are milliseconds since 1970.
  const Power& power() const { return power_; }
  const std::optional<Usage>& usage() const { return usage_; }
  const Series& cpu_power() const { return cpu_power_; }        // watts
  const Series& device_power() const { return device_power_; }  // watts
  const Series& cpu() const { return cpu_; }                    // cores
  const Series& memory() const { return memory_; }              // bytes

  // Why the command is not to be had now, in a sentence; empty: it is.
  std::string refusal(Command command) const;
  Result<> ask(Command command);
  // No trainer of ours runs, or whoever wrote the log we are attached to is gone.
  bool over() const;

 private:
  explicit Session(SessionOptions options);
  Result<> start_trainer(const std::vector<std::string>& arguments);
  void restart();
  void read_output();
  void take_end(const ProcessEnd& end);
  void hear(const Record& record);
  void measure();
  void forget_pending();
  bool logged_since_start() const;
  bool awaits(Command command) const { return !pending_.empty() && pending_command_ == command; }
  double newest_checkpoint() const;
  Result<> stop(std::string what);
  Result<> send(int signal, std::string what);
  void add_line(LogLine line);
  std::optional<pid_t> trainer() const;

  SessionOptions options_;
  bool owns_ = false;
  Watch watch_;
  std::optional<Process> process_;
  pid_t started_id_ = -1;  // of the newest process
  bool restarting_ = false, stopping_ = false;
  Command pending_command_ = Command::generate;
  double checkpoint_before_ = 0;  // when the newest checkpoint was saved as another was asked for
  std::string pending_, output_;  // output_: a line begun
  Preview preview_;
  std::deque<LogLine> lines_;
  int64_t lines_total_ = 0;
  std::unique_ptr<PowerSource> power_source_;
  Power power_;
  UsageMeter meter_;
  std::optional<Usage> usage_;
  Series cpu_power_, device_power_, cpu_, memory_;
  std::chrono::steady_clock::time_point measured_{};
};

using Sessions = std::vector<std::unique_ptr<Session>>;

}  // namespace anemone::dashboard
