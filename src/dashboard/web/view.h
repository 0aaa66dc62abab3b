// Runs shown in a browser: one page, served to this machine or, where asked, to others.
//
//   auto view = TRY(WebView::open({.port = 0}));
//   view->show(std::move(sessions));
//   fmt::print("{}\n", view->url());           // http://127.0.0.1:40123/#token=…
//   while (!interrupted) {
//     view->poll();                            // takes in what has happened; tells the pages
//     sleep(200ms);
//   }
//
// GET   /             the page; /NAME.css, /NAME.js, /NAME.svg: its parts
// GET   /state        what each run is and does                                  (state_json)
// GET   /series?run=&over=steps|time&from=&to=&points=                           (series_json)
// GET   /events       server-sent events: `state`, whenever that changes, and `lines` of the logs
// POST  /NAME?run=    a command: /pause, /continue, /save, /stop, /restart, /generate
//
// `access.h` tells who may ask; the token travels in the header X-Anemone-Token. Errors are {"error": "a sentence"}.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "dashboard/web/snapshot.h"

namespace anemone::dashboard {

struct WebOptions {
  static constexpr int kDefaultPort = 7717;

  std::string address = "127.0.0.1";
  int port = kDefaultPort;  // 0: any that is free
  int most_listeners = 16;  // pages that watch at once
  std::chrono::milliseconds heartbeat{5000}, write_timeout{5000};
  int send_buffer = 1 << 18;  // bytes that the system takes for a page that does not read
};

class WebView {
 public:
  static constexpr int kMostRuns = 16;

  static Result<std::unique_ptr<WebView>> open(WebOptions options = {});
  // Once; what was shown before is nothing.
  void show(Sessions sessions);
  ~WebView();  // closes it
  // Ends what it still answers. Afterwards nobody else reads its sessions, of which alone it may be asked.
  void close();

  const std::string& url() const { return url_; }  // with the token
  int port() const { return port_; }
  const std::string& token() const;

  // True: there is more to read at once.
  bool poll();
  // The sessions, for as long as the lock is held: the server's threads read them too.
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  const Sessions& sessions() const { return sessions_; }
  int listeners() const;

 private:
  class Server;
  friend class Server;
  explicit WebView(WebOptions options);
  void tell();

  const WebOptions options_;
  std::mutex mutex_;
  Sessions sessions_;
  std::chrono::steady_clock::time_point told_{};
  std::string last_told_;
  std::string url_;
  int port_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace anemone::dashboard
