// A process of our own making, its output (stdout and stderr together) at hand.
//
//   Process process = TRY(Process::start({program, "generate", …}, {.idle = true}));
//   text += process.read();
//   if (const auto end = process.ended()) ...
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace anemone::dashboard {

struct ProcessOptions {
  bool idle = false;      // takes only what other processes leave of the processor
  bool outlives = false;  // goes on when we are gone: its output is kept in a nameless file, not in a pipe
};

// How a process ended.
struct ProcessEnd {
  int code = 0;    // the exit status, or
  int signal = 0;  // above 0: the signal that ended it
  bool well() const { return code == 0 && signal == 0; }
};
std::string to_string(const ProcessEnd& end);  // "exit status 1", "signal 9 (Killed)"

class Process {
 public:
  // `words`: the program, looked up on the PATH, and its arguments. It leads a process group, so that keys of the
  // terminal do not reach it.
  static Result<Process> start(const std::vector<std::string>& words, const ProcessOptions& options = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();  // ends one that still runs, unless it outlives us

  pid_t id() const { return id_; }
  // What it has written since the last call, at most a megabyte; never waits.
  std::string read();
  std::optional<ProcessEnd> ended();
  void signal(int number) const;  // to the process, as long as it has not ended

 private:
  Process(pid_t id, int output, bool outlives) : id_(id), output_(output), outlives_(outlives) {}

  pid_t id_ = -1;
  int output_ = -1;
  int64_t offset_ = 0;  // of a file
  bool outlives_ = false;
  std::optional<ProcessEnd> end_;
};

// The path of this program.
Result<std::string> own_program();

}  // namespace anemone::dashboard
