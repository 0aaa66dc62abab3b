// What the terminal shows of a session, at any size.
//
//   Screen screen(rows, columns);
//   draw(screen, session, view);
#pragma once

#include <string>

#include "dashboard/session.h"
#include "dashboard/terminal/screen.h"

namespace anemone::dashboard {

inline constexpr int kLeastColumns = 40, kLeastRows = 15;

// What the keys have changed.
struct ViewState {
  bool unicode = true, colour = true;
  bool help = false;
  bool follow = true;        // the log shows its newest lines
  int64_t scrolled = 0;      // else: lines from the newest back
  std::string message = {};  // the answer to a key
  std::string which = {};    // of several runs this is: "2/3"
  std::string page = {};     // the address of one in a browser that shows the same
};

void draw(Screen& screen, const Session& session, const ViewState& view);

// "1:02:03", "2:03"
std::string duration(double seconds);
// The run in one line: "running  step 120/1500  loss 2.031  …".
std::string summary_line(const Session& session);

}  // namespace anemone::dashboard
