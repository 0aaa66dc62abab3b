// Runs the program on a terminal of its own, whose keys are pressed.
//
//   Terminal terminal({"dashboard", "--infinite"}, folder);
//   EXPECT_TRUE(terminal.shows("running"));
//   terminal.press('q');
//   EXPECT_EQ(terminal.wait().code, 0);
#pragma once

#include <chrono>
#include <string>

#include "process.h"

namespace anemone::cli {

class Terminal {
 public:
  struct Look {
    const char* type = "xterm-256color";  // TERM; the locale is UTF-8, but for vt100
    bool colour = true;                   // else NO_COLOR is set
    unsigned short rows = 30, columns = 100;
  };
  Terminal(const Arguments& arguments, const std::string& folder) : Terminal(arguments, folder, Look()) {}
  Terminal(const Arguments& arguments, const std::string& folder, const Look& look);
  ~Terminal();  // ends the program if it still runs
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Reads until `text` has been drawn since the last call, for kPatience at most.
  bool shows(const std::string& text);
  void press(char key);
  void resize(unsigned short rows, unsigned short columns);
  void signal(int number) const;
  // All that was drawn so far.
  const std::string& all() const { return all_; }
  Outcome wait();  // stdout and stderr both come as `out`

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  bool read(Deadline deadline);

  pid_t id_ = -1;
  int terminal_ = -1;
  std::string seen_, all_;
};

}  // namespace anemone::cli
