#include "dashboard/web/view.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <thread>

#include "base/json.h"
#include "base/text_file.h"
#include "dashboard/web/access.h"
#include "dashboard/web/feed.h"

namespace anemone {
std::span<const TextFile> web_files();
}

namespace anemone::dashboard {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMostBody = 1024;  // bytes; commands have none
constexpr int kSpareThreads = 16;   // for what is not a listener
constexpr auto kTellEvery = milliseconds(1000);
constexpr const char* kTokenHeader = "X-Anemone-Token";
constexpr const char* kJson = "application/json";

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

struct Part {
  std::string_view path, file, type;
};
constexpr std::array kParts = {Part{"/", "index", "text/html; charset=utf-8"},
                               Part{"/style.css", "style", "text/css; charset=utf-8"},
                               Part{"/app.js", "app", "text/javascript; charset=utf-8"},
                               Part{"/charts.js", "charts", "text/javascript; charset=utf-8"},
                               Part{"/live.js", "live", "text/javascript; charset=utf-8"},
                               Part{"/text.js", "text", "text/javascript; charset=utf-8"},
                               Part{"/chart.js", "chart", "text/javascript; charset=utf-8"},
                               Part{"/icon.svg", "icon", "image/svg+xml"}};

const Part* part_at(std::string_view path) {
  const auto* found = std::ranges::find(kParts, path, &Part::path);
  return found == kParts.end() ? nullptr : found;
}

std::string_view text_of(const Part& part) {
  for (const TextFile& file : web_files()) {
    if (file.name == part.file) return file.text;
  }
  return {};  // a build without Chart.js
}

void answer(httplib::Response& response, int status, std::string_view error) {
  response.status = status;
  response.set_content(nlohmann::json{{"error", error}}.dump(), kJson);
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// A parameter that is a number; nothing where it is left out, or, with an error, where it is something else.
std::optional<int64_t> parameter(const httplib::Request& request, const char* name, std::string& error) {
  if (!request.has_param(name)) return std::nullopt;
  const std::optional<int64_t> number = whole_number(request.get_param_value(name));
  if (!number) error = fmt::format("{} must be a whole number", name);
  return number;
}

Result<SeriesRequest> series_request(const httplib::Request& request) {
  SeriesRequest wanted;
  std::string error;
  const std::string over = request.has_param("over") ? request.get_param_value("over") : "steps";
  if (over != "steps" && over != "time") return fail("over must be steps or time");
  wanted.over = over == "steps" ? Over::steps : Over::time;
  wanted.first = parameter(request, "from", error);
  wanted.last = parameter(request, "to", error);
  const std::optional<int64_t> points = parameter(request, "points", error);
  if (points) wanted.points = static_cast<size_t>(std::max<int64_t>(*points, 0));
  if (!error.empty()) return fail("{}", error);
  return wanted;
}

// cpp-httplib has no setting for it: it takes Brotli at its best wherever a browser takes Brotli, which made 6.4 kB of
// a series in 43 ms, where gzip makes 9.3 kB in 1 ms.
void ask_for_gzip(httplib::Request& request) {
  constexpr const char* kHeader = "Accept-Encoding";
  const bool takes_gzip = request.get_header_value(kHeader).find("gzip") != std::string::npos;
  request.headers.erase(kHeader);
  if (takes_gzip) request.set_header(kHeader, "gzip");
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

bool send(httplib::DataSink& sink, const std::string& text) { return sink.write(text.data(), text.size()); }

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// What to put into a browser for an address that was listened on.
std::string shown_host(const std::string& address) {
  if (address == "0.0.0.0" || address == "::") return machine_name();
  return address.find(':') == std::string::npos ? address : fmt::format("[{}]", address);
}

}  // namespace

// cpp-httplib's server: a thread for each request under way.
class WebView::Server {
 public:
  Server(WebView& view, Access access) : view_(view), access_(std::move(access)), feed_(view.options_.most_listeners) {
    set_limits();
    set_routes();
  }
  ~Server() {
    feed_.close();
    http_.stop();
    if (thread_.joinable()) thread_.join();
  }

  const Access& access() const { return access_; }
  Feed& feed() { return feed_; }
  // The port that it listens on.
  Result<int> listen();

 private:
  struct Listener;
  using Request = httplib::Request;
  using Response = httplib::Response;

  void set_limits();
  void set_routes();
  bool let_in(const Request& request, Response& response);
  static Wish wish_of(const Request& request);
  static void give_part(const Request& request, Response& response);
  void give_series(const Request& request, Response& response);
  void give_events(Response& response);
  bool tell(Listener& listener, httplib::DataSink& sink);
  bool tell_lines(Listener& listener, httplib::DataSink& sink);
  void command(Command command, const Request& request, Response& response);
  // The one that `run=` names, else the first; null, with an answer, where there is none such.
  Session* session_of(const Request& request, Response& response);

  WebView& view_;
  Access access_;
  Feed feed_;
  httplib::Server http_;
  std::thread thread_;
};

struct WebView::Server::Listener {
  std::unique_ptr<Feed::Seat> seat;
  std::vector<int64_t> next_lines{};  // a run
};

void WebView::Server::set_limits() {
  const WebOptions& options = view_.options_;
  http_.new_task_queue = [threads = options.most_listeners + kSpareThreads] {
    return new httplib::ThreadPool(static_cast<size_t>(threads));
  };
  http_.set_payload_max_length(kMostBody);
  http_.set_keep_alive_max_count(1);  // threads are few
  http_.set_keep_alive_timeout(2);
  http_.set_read_timeout(2);
  http_.set_write_timeout(options.write_timeout);
  http_.set_tcp_nodelay(true);
  // Not as cpp-httplib does, which lets two servers share a port.
  http_.set_socket_options([buffer = options.send_buffer](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  });
  http_.set_default_headers({{"Content-Security-Policy", kPolicy},
                             {"X-Content-Type-Options", "nosniff"},
                             {"Referrer-Policy", "no-referrer"},
                             {"Cross-Origin-Resource-Policy", "same-origin"},
                             {"Cross-Origin-Opener-Policy", "same-origin"},
                             {"Cache-Control", "no-store"}});
}

void WebView::Server::set_routes() {
  using Handled = httplib::Server::HandlerResponse;
  http_.set_pre_routing_handler([this](const Request& request, Response& response) {
    ask_for_gzip(const_cast<Request&>(request));
    return let_in(request, response) ? Handled::Unhandled : Handled::Handled;
  });
  for (const Part& part : kParts) http_.Get(std::string(part.path), give_part);
  http_.Get("/state", [this](const Request&, Response& response) {
    const auto lock = view_.lock();
    response.set_content(state_json(view_.sessions_), kJson);
  });
  http_.Get("/series", [this](const Request& q, Response& r) { give_series(q, r); });
  http_.Get("/events", [this](const Request&, Response& r) { give_events(r); });
  for (size_t i = 0; i < kCommandNames.size(); ++i) {
    http_.Post(fmt::format("/{}", kCommandNames[i]),
               [this, i](const Request& q, Response& r) { command(static_cast<Command>(i), q, r); });
  }
  http_.set_error_handler([](const Request&, Response& response) {
    if (response.body.empty()) answer(response, response.status, "there is nothing here");
  });
}

Wish WebView::Server::wish_of(const Request& request) {
  if (request.method == "POST") return Wish::command;
  return part_at(request.path) ? Wish::page : Wish::read;
}

// Before anything of a body is read: of one without a length cpp-httplib would read for ever.
bool WebView::Server::let_in(const Request& request, Response& response) {
  const bool known = request.method == "GET" || request.method == "HEAD" || request.method == "POST";
  const RequestHeaders headers{.host = request.get_header_value("Host"),
                               .origin = request.get_header_value("Origin"),
                               .fetch_site = request.get_header_value("Sec-Fetch-Site"),
                               .token = request.get_header_value(kTokenHeader)};
  const std::optional<int64_t> length = whole_number(request.get_header_value("Content-Length"));
  const bool long_body = length.value_or(0) > static_cast<int64_t>(kMostBody);
  if (!known) {
    answer(response, 405, "only GET and POST are answered");
  } else if (const std::string refusal = access_.refusal(headers, wish_of(request)); !refusal.empty()) {
    answer(response, 403, refusal);
  } else if (request.has_header("Transfer-Encoding") || long_body ||
             (request.has_header("Content-Length") && !length)) {
    answer(response, 413, "commands have no body");
  } else {
    return true;
  }
  return false;
}

void WebView::Server::give_part(const Request& request, Response& response) {
  const Part& part = *part_at(request.path);
  const std::string_view text = text_of(part);
  response.set_content(text.data(), text.size(), std::string(part.type));
}

Session* WebView::Server::session_of(const Request& request, Response& response) {
  std::string error;
  const int64_t run = parameter(request, "run", error).value_or(0);
  const auto count = static_cast<int64_t>(view_.sessions_.size());
  if (error.empty() && run >= 0 && run < count) return view_.sessions_[static_cast<size_t>(run)].get();
  answer(response, 404, fmt::format("there is no such run, of {}", count));
  return nullptr;
}

void WebView::Server::give_series(const Request& request, Response& response) {
  const Result<SeriesRequest> wanted = series_request(request);
  if (!wanted) return answer(response, 400, wanted.error().message);
  const auto lock = view_.lock();
  const Session* session = session_of(request, response);
  if (session) response.set_content(series_json(*session, *wanted), kJson);
}

void WebView::Server::give_events(Response& response) {
  auto listener = std::make_shared<Listener>(Listener{.seat = feed_.join()});
  if (!listener->seat) {
    response.set_header("Retry-After", "10");
    return answer(response, 503, fmt::format("{} pages watch already: close one", view_.options_.most_listeners));
  }
  response.set_chunked_content_provider("text/event-stream",
                                        [this, listener, begun = false](size_t, httplib::DataSink& sink) mutable {
                                          if (begun) return tell(*listener, sink);
                                          begun = true;
                                          std::string state;
                                          {
                                            const auto lock = view_.lock();
                                            state = state_json(view_.sessions_);
                                          }
                                          return send(sink, event("state", state)) && tell_lines(*listener, sink);
                                        });
}

// Waits for news, and passes them on. False: the listener is gone.
bool WebView::Server::tell(Listener& listener, httplib::DataSink& sink) {
  const std::optional<Feed::Told> told = feed_.wait(*listener.seat, view_.options_.heartbeat);
  if (!told) {
    sink.done();
    return true;
  }
  if (!*told) return send(sink, ": still here\n\n");
  return send(sink, **told) && tell_lines(listener, sink);
}

bool WebView::Server::tell_lines(Listener& listener, httplib::DataSink& sink) {
  std::string events;
  {
    const auto lock = view_.lock();
    listener.next_lines.resize(view_.sessions_.size());
    for (size_t run = 0; run < view_.sessions_.size(); ++run) {
      const Session& session = *view_.sessions_[run];
      if (session.lines_total() == listener.next_lines[run]) continue;
      events += event("lines", lines_json(session, run, listener.next_lines[run]));
      listener.next_lines[run] = session.lines_total();
    }
  }
  return events.empty() || send(sink, events);
}

void WebView::Server::command(Command command, const Request& request, Response& response) {
  const auto lock = view_.lock();
  Session* session = session_of(request, response);
  if (!session) return;
  const Result<> done = session->ask(command);
  if (!done) return answer(response, 409, done.error().message);
  response.set_content(nlohmann::json{{"pending", session->pending()}}.dump(), kJson);
}

Result<int> WebView::Server::listen() {
  const WebOptions& options = view_.options_;
  int port = options.port;
  if (port == 0) {
    port = http_.bind_to_any_port(options.address);
  } else if (!http_.bind_to_port(options.address, port)) {
    port = -1;
  }
  if (port < 0) {
    return fail("cannot listen on {} port {}: is it taken, or not an address of this machine? --web 0 takes any port",
                options.address, options.port);
  }
  thread_ = std::thread([this] { http_.listen_after_bind(); });
  while (!http_.is_running()) std::this_thread::sleep_for(milliseconds(1));
  return port;
}

// ---- the view

WebView::WebView(WebOptions options) : options_(std::move(options)) {}
WebView::~WebView() = default;

void WebView::close() { server_.reset(); }

Result<std::unique_ptr<WebView>> WebView::open(WebOptions options) {
  auto access = TRY(Access::to(options.address));
  std::unique_ptr<WebView> view(new WebView(std::move(options)));
  view->server_ = std::make_unique<Server>(*view, std::move(access));
  view->port_ = TRY(view->server_->listen());
  view->url_ = fmt::format("http://{}:{}/#token={}", shown_host(view->options_.address), view->port_, view->token());
  return view;
}

void WebView::show(Sessions sessions) {
  const auto held = lock();
  sessions_ = std::move(sessions);
}

const std::string& WebView::token() const { return server_->access().token(); }

int WebView::listeners() const { return server_->feed().listeners(); }

bool WebView::poll() {
  const auto held = lock();
  bool more = false;
  for (const auto& session : sessions_) more |= session->poll();
  if (std::chrono::steady_clock::now() - told_ >= kTellEvery) tell();
  return more;
}

// Where nobody listens, nothing is written.
void WebView::tell() {
  if (listeners() == 0) return;
  told_ = std::chrono::steady_clock::now();
  std::string state = state_json(sessions_);
  if (state == last_told_) return;
  server_->feed().tell(event("state", state));
  last_told_ = std::move(state);
}

}  // namespace anemone::dashboard
