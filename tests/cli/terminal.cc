#include "terminal.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#ifdef __APPLE__
#include <util.h>
#else
#include <pty.h>
#endif

#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace anemone::cli {

using std::chrono::steady_clock;

Terminal::Terminal(const Arguments& arguments, const std::string& folder, const Look& look) {
  const Command command(ANEMONE_BINARY, arguments);
  winsize size{.ws_row = look.rows, .ws_col = look.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  id_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (id_ != 0) return;
  setenv("TERM", look.type, 1);
  setenv("LC_ALL", std::string_view(look.type) == "vt100" ? "C" : "C.UTF-8", 1);
  if (!look.colour) setenv("NO_COLOR", "1", 1);
  if (chdir(folder.c_str()) != 0) _exit(126);
  command.execute();
}

Terminal::~Terminal() {
  if (id_ > 0) {
    kill(id_, SIGKILL);
    exit_code(id_);
  }
  close(terminal_);
}

bool Terminal::shows(const std::string& text) {
  const Deadline deadline = steady_clock::now() + kPatience;
  size_t at = seen_.find(text);
  while (at == std::string::npos && read(deadline)) at = seen_.find(text);
  if (at == std::string::npos) return false;
  seen_.erase(0, at + text.size());
  return true;
}

void Terminal::press(char key) { EXPECT_EQ(write(terminal_, &key, 1), 1); }

void Terminal::resize(unsigned short rows, unsigned short columns) {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(terminal_, TIOCSWINSZ, &size);
}

void Terminal::signal(int number) const { kill(id_, number); }

Outcome Terminal::wait() {
  const Deadline deadline = steady_clock::now() + kLongestRun;
  while (read(deadline)) continue;
  return {.code = exit_code(std::exchange(id_, -1)), .out = all_, .err = {}};
}

// False: nothing came in time, or the program has ended.
bool Terminal::read(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
  if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
  std::array<char, 4096> piece;
  const ssize_t got = ::read(terminal_, piece.data(), piece.size());
  if (got <= 0) return false;
  seen_.append(piece.data(), static_cast<size_t>(got));
  all_.append(piece.data(), static_cast<size_t>(got));
  return true;
}

}  // namespace anemone::cli
