// The terminal's view of sessions: a screen with keys, or lines where there is no terminal.
//
//   const ShowOptions options = {.out = stdout, .in = stdin, .say = …, .stop = &signalled};
//   TRY(show_on_terminal(sessions, options));
//
// Beside a page that shows the same sessions, which its server's threads read and command:
//
//   options.page = page->url();
//   options.poll = [&] { return page->poll(); };
//   options.lock = [&] { return page->lock(); };
//
// Both stop a run of our own, with its checkpoint, before they return.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "dashboard/session.h"

namespace anemone::dashboard {

struct ShowOptions {
  std::FILE* out = nullptr;
  std::FILE* in = nullptr;
  bool colour = true;
  std::function<void(std::string_view)> say{};           // a line, where there is no terminal
  std::chrono::seconds every{5};                         // from one line to the next
  const std::atomic<bool>* stop = nullptr;               // set, from a signal: as the key q
  std::string page{};                                    // its address; empty: there is none
  std::function<bool()> poll{};                          // polls all sessions; empty: each is polled here
  std::function<std::unique_lock<std::mutex>()> lock{};  // held wherever they are looked at or asked; empty: needless
};

// One at a time, until q. Fails where the terminal cannot be drawn on.
Result<> show_on_terminal(const Sessions& sessions, const ShowOptions& options);
// Until the run is over.
Result<> show_as_lines(Session& session, const ShowOptions& options);

}  // namespace anemone::dashboard
