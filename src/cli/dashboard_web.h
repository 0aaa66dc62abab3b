// The dashboard in a browser: its flags, and the server's life.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "dashboard/web/view.h"

namespace anemone::cli {

struct WebFlags {
  std::optional<int> port;  // none: no browser
  std::optional<std::string> address;
};
void add_web_flags(CLI::App& app, WebFlags& flags, const std::string& group);

// The page, which has no sessions yet.
Result<std::unique_ptr<dashboard::WebView>> open_page(const WebFlags& flags);

// Tells its address and serves it until `stop` is set; then a run of our own is stopped, and if it is set again at
// once.
Result<> serve(dashboard::WebView& page, std::atomic<bool>& stop);

}  // namespace anemone::cli
