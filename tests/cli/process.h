// Runs the program as people do: in a folder, with its output in files (on a terminal: terminal.h).
//
//   Outcome outcome = run({"train", "--steps", "3"}, folder);     // code, out, err
//   Process process({"train"}, folder);                           // stays in the background
//   process.signal(SIGINT);
//   Outcome outcome = process.wait();
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace anemone::cli {

struct Outcome {
  int code = -1;  // the exit status, or 128 + the signal that ended it
  std::string out, err;
};

using Arguments = std::vector<std::string>;

// No wait is without an end. These are far from what any takes on a machine that has much else to do.
inline constexpr std::chrono::seconds kPatience{60};     // for something to be said or shown
inline constexpr std::chrono::seconds kLongestRun{300};  // of a process: it never ends by itself after that

// A run of `program` (a path; the first argument it sees). Its stdout and stderr go to files in the folder.
class Process {
 public:
  explicit Process(const Arguments& arguments, std::string folder, const std::string& program = ANEMONE_BINARY);
  ~Process();  // ends it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string out() const;  // so far
  // Whether `text` appears on stdout, at byte `from` or later, within kPatience.
  bool prints(const std::string& text, size_t from = 0) const;
  void signal(int number) const;
  Outcome wait();

 private:
  std::string folder_;
  pid_t id_ = -1;
};

Outcome run(const Arguments& arguments, const std::string& folder, const std::string& program = ANEMONE_BINARY);

// What a new process needs, made before the fork.
class Command {
 public:
  Command(std::string program, Arguments arguments);
  Command(const Command&) = delete;  // it points into itself
  Command& operator=(const Command&) = delete;
  [[noreturn]] void execute() const;

 private:
  Arguments words_;
  std::vector<char*> pointers_;
};

// How a child ended: the exit status, or 128 + the signal. One that has not within kLongestRun is ended, so that its
// test fails and the next can run.
int exit_code(pid_t id);

}  // namespace anemone::cli
