// Runs the program as people do: in a folder, with its output in files or on a terminal.
//
//   Outcome outcome = run({"train", "--steps", "3"}, folder);     // code, out, err
//   Process process({"train"}, folder);                           // stays in the background
//   process.signal(SIGINT);
//   Outcome outcome = process.wait();
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace anemone::cli {

struct Outcome {
  int code = -1;  // the exit status, or 128 + the signal that ended it
  std::string out, err;
};

using Arguments = std::vector<std::string>;

// A run of `program` (a path; the first argument it sees). Its stdout and stderr go to files in the folder.
class Process {
 public:
  explicit Process(const Arguments& arguments, std::string folder, const std::string& program = ANEMONE_BINARY);
  ~Process();  // ends it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string out() const;  // so far
  // Whether `text` appears on stdout, at byte `from` or later, before half a minute has passed.
  bool prints(const std::string& text, size_t from = 0) const;
  void signal(int number) const;
  Outcome wait();

 private:
  std::string folder_;
  pid_t id_ = -1;
};

Outcome run(const Arguments& arguments, const std::string& folder, const std::string& program = ANEMONE_BINARY);
// With stdout and stderr on a terminal; both come as `out`.
Outcome run_on_terminal(const Arguments& arguments, const std::string& folder);

}  // namespace anemone::cli
