#include "cli/dashboard_web.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace anemone::cli {
namespace {

using dashboard::Command;
using dashboard::WebOptions;
using dashboard::WebView;

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// The page's commands change sessions meanwhile.
bool all_over(WebView& view) {
  const auto lock = view.lock();
  return std::ranges::all_of(view.sessions(), [](const auto& session) { return session->over(); });
}

// Until it is asked to stop. The page outlives the run, whose end it shows.
void poll_until(WebView& view, const std::atomic<bool>& stop) {
  bool was_over = false;
  while (!stop) {
    if (!view.poll()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const bool over = all_over(view);
    if (over && !was_over) say("Nothing runs any more; the page stays until Ctrl-C");
    was_over = over;
  }
}

// Those of our own: with their checkpoint, or, asked again, at once.
Result<> stop_trainers(WebView& view, std::atomic<bool>& stop) {
  const auto runs = [](const auto& session) { return !session->attached() && !session->over(); };
  const auto any_runs = [&] {
    const auto lock = view.lock();
    return std::ranges::any_of(view.sessions(), runs);
  };
  while (any_runs()) {
    if (stop.exchange(false)) {
      const auto lock = view.lock();
      for (const auto& session : view.sessions()) {
        if (runs(session)) TRY(session->ask(Command::stop));
      }
    }
    if (!view.poll()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return {};
}

}  // namespace

void add_web_flags(CLI::App& app, WebFlags& flags, const std::string& group) {
  app.add_option("--web", flags.port,
                 fmt::format("Show it in a browser, at this port of 127.0.0.1 ({} where none is given; 0: any)",
                             WebOptions::kDefaultPort))
      ->expected(0, 1)
      ->default_str(fmt::format("{}", WebOptions::kDefaultPort))
      ->type_name("[PORT]")
      ->check(CLI::Range(0, 65535))
      ->group(group);
  app.add_option("--web-address", flags.address,
                 "Listen on this address instead, so that others reach the page; nothing is told without the token")
      ->needs("--web")
      ->group(group);
}

Result<std::unique_ptr<WebView>> open_page(const WebFlags& flags) {
  WebOptions options{.port = *flags.port};
  if (flags.address) options.address = *flags.address;
  return WebView::open(std::move(options));
}

Result<> serve(WebView& page, std::atomic<bool>& stop) {
  say(fmt::format("Open {} (Ctrl-C ends it)", page.url()));
  poll_until(page, stop);
  return stop_trainers(page, stop);
}

}  // namespace anemone::cli
