// The dashboard in a browser: its flags, and the server's life.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "dashboard/web/view.h"

namespace anemone::cli {

struct WebFlags {
  std::optional<int> port;  // none: no browser
  std::optional<std::string> address;
};
void add_web_flags(CLI::App& app, WebFlags& flags, const std::string& group);

// Serves the sessions until `stop` is set; then a run of our own is stopped, and if it is set again at once. The port
// is taken before `start` starts or attaches to anything.
using StartSessions = std::function<Result<dashboard::Sessions>()>;
using TellEnd = std::function<void(const dashboard::Session&)>;
Result<> serve_sessions(const WebFlags& flags, const StartSessions& start, std::atomic<bool>& stop, const TellEnd& end);

}  // namespace anemone::cli
