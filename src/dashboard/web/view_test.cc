#include "dashboard/web/view.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/json.h"

namespace anemone::dashboard {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Clock = std::chrono::steady_clock;

std::string run_line(const std::string& model, int64_t steps) {
  const json line{{"type", "run"},
                  {"time", 1000},
                  {"pid", 1},
                  {"model", model},
                  {"device", "sim:m4"},
                  {"steps", steps},
                  {"parameters", 1000000},
                  {"batch", 1},
                  {"accumulation", 1},
                  {"first_step", 0},
                  {"layers", 2},
                  {"dim", 8},
                  {"seq", 16},
                  {"checkpoint", ""},
                  {"vocab", 32}};
  return line.dump() + "\n";
}

std::string step_line(int64_t step) {
  return fmt::format(
      R"({{"type":"step","time":{},"step":{},"loss":{},"lr":0.001,"ms":10,"loss_scale":1,"skipped":false,"tokens":16,)"
      R"("t_ane":6,"t_adam":3,"device_ms":2,"device_ms_modelled":true}})"
      "\n",
      1000 + step, step, 9.0 - 8.0 * static_cast<double>(step) / static_cast<double>(step + 100));
}

std::string log_of(int64_t steps) {
  std::string text = run_line("tiny", steps);
  for (int64_t step = 0; step < steps; ++step) text += step_line(step);
  return text;
}

constexpr seconds kPatience{60};  // for what is there soon, on a machine that has much else to do

bool soon(const std::function<bool()>& holds) {
  const auto deadline = Clock::now() + kPatience;
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

// A view of logs, polled as the command does.
class WebViewTest : public testing::Test {
 protected:
  WebViewTest() : folder_(std::filesystem::temp_directory_path() / fmt::format("anemone_web_{}", getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~WebViewTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& text, std::ios::openmode mode = std::ios::trunc) {
    std::string path = folder_ / name;
    std::ofstream(path, mode) << text;
    return path;
  }
  void append(const std::string& name, const std::string& text) { write(name, text, std::ios::app); }

  void open(const std::vector<std::string>& logs, WebOptions options = {}) {
    Sessions sessions;
    for (const std::string& log : logs) {
      auto session = Session::attach({.log = log, .program = "/bin/false", .power = false, .previews = false});
      ASSERT_TRUE(session) << session.error().message;
      sessions.push_back(*std::move(session));
    }
    options.port = 0;
    auto view = WebView::open(options);
    ASSERT_TRUE(view) << view.error().message;
    view_ = *std::move(view);
    view_->show(std::move(sessions));
    poller_ = std::thread([this] {
      while (!done_) {
        if (!view_->poll()) std::this_thread::sleep_for(milliseconds(10));
      }
    });
  }
  void close() {
    done_ = true;
    if (poller_.joinable()) poller_.join();
    view_.reset();
  }

  httplib::Client client() const {
    httplib::Client made("127.0.0.1", view_->port());
    made.set_read_timeout(kPatience);
    return made;
  }
  httplib::Result get(const std::string& path, const httplib::Headers& headers = {}) const {
    return client().Get(path, headers);
  }
  json get_json(const std::string& path) const { return json::parse(get(path)->body); }
  httplib::Result post(const std::string& path, const httplib::Headers& headers = {}) const {
    return client().Post(path, headers, "", "text/plain");
  }
  httplib::Headers token() const { return {{"X-Anemone-Token", view_->token()}}; }
  int64_t steps_done() const { return get_json("/state")["runs"][0]["steps_done"]; }

  // A connection by hand, on which `request` is sent.
  int connect(const std::string& request, int receive_buffer = 0) const {
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer > 0) setsockopt(file, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(view_->port()));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(file, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(file, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    return file;
  }
  // Reads until each of `texts` has come, or the other end has closed.
  static std::string read_until(int file, const std::vector<std::string>& texts) {
    const auto deadline = Clock::now() + kPatience;
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string got;
    std::array<char, 4096> piece;
    const auto come = [&](const std::string& text) { return got.find(text) != std::string::npos; };
    while (Clock::now() < deadline && !std::ranges::all_of(texts, come)) {
      const ssize_t count = recv(file, piece.data(), piece.size(), 0);
      if (count <= 0) break;
      got.append(piece.data(), static_cast<size_t>(count));
    }
    return got;
  }
  static std::string read_to_end(int file) { return read_until(file, {"what nobody sends"}); }
  static std::string events_request() { return "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"; }

  std::filesystem::path folder_;
  std::unique_ptr<WebView> view_;
  std::thread poller_;
  std::atomic<bool> done_ = false;
};

TEST_F(WebViewTest, ServesThePageWithItsPartsAndNothingElse) {
  open({write("a.jsonl", log_of(10))});
  for (const char* path : {"/", "/style.css", "/app.js", "/charts.js", "/live.js", "/text.js", "/icon.svg"}) {
    const auto response = get(path);
    EXPECT_EQ(response->status, 200) << path;
    EXPECT_GT(response->body.size(), 100u) << path;
    EXPECT_THAT(response->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(response->get_header_value("Content-Security-Policy"), Not(HasSubstr("unsafe")));
    EXPECT_EQ(response->get_header_value("X-Content-Type-Options"), "nosniff");
  }
  for (const char* path : {"/nothing", "/../view.cc", "/etc/passwd"}) EXPECT_EQ(get(path)->status, 404) << path;
  EXPECT_EQ(client().Delete("/state")->status, 405);
}

// What the policy forbids would not work: script and style within the page, and what comes from elsewhere.
TEST_F(WebViewTest, ThePageKeepsItsOwnPolicy) {
  open({write("a.jsonl", log_of(1))});
  const std::string page = get("/")->body;
  for (const char* forbidden : {"style=", "onclick", "<style", "://"}) EXPECT_THAT(page, Not(HasSubstr(forbidden)));
  for (const char* script : {"/app.js", "/charts.js", "/live.js", "/text.js"}) {
    EXPECT_THAT(get(script)->body, Not(HasSubstr("innerHTML"))) << script;
    EXPECT_THAT(get(script)->body, Not(HasSubstr("insertAdjacent"))) << script;
  }
}

TEST_F(WebViewTest, TellsTheStateOfEachRun) {
  open({write("one.jsonl", log_of(10)), write("two.jsonl", run_line("other", 50))});
  const json runs = get_json("/state")["runs"];
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0]["name"], "one");
  EXPECT_EQ(runs[0]["steps_done"], 10);
  EXPECT_EQ(runs[0]["newest"]["step"], 9);
  EXPECT_EQ(runs[0]["speed"]["ms"], 10);
  EXPECT_EQ(runs[0]["speed"]["modelled"], true);
  EXPECT_EQ(runs[0]["best"]["step"], 9);
  EXPECT_EQ(runs[1]["description"]["model"], "other");
  EXPECT_EQ(runs[1]["steps_planned"], 50);
  EXPECT_EQ(runs[1]["newest"], nullptr);
}

TEST_F(WebViewTest, TextOfALogStaysTextAndUtf8) {
  const std::string nasty = "<script>alert(1)</script>\x1b[31m\xff\xe2\x80\xae";
  const json line{{"type", "run"}, {"model", "MODEL"}, {"steps", 1}};
  std::string text = line.dump() + "\n";
  text.replace(text.find("MODEL"), 5, "<script>alert(1)</script>\\u001b[31m\\u202e");
  open({write("a.jsonl", text + nasty + "\n")});
  const auto response = get("/state");
  EXPECT_EQ(response->get_header_value("Content-Type"), "application/json");
  const json run = json::parse(response->body)["runs"][0];
  EXPECT_EQ(run["description"]["model"], "<script>alert(1)</script> [31m ");
  EXPECT_EQ(run["garbage"], 1);
}

TEST_F(WebViewTest, SeriesAreBoundedWhateverIsAsked) {
  open({write("a.jsonl", log_of(5000))});
  ASSERT_TRUE(soon([&] { return steps_done() == 5000; }));
  const auto points = [&](const std::string& query) {
    return get_json("/series?" + query)["series"]["loss"]["mean"].size();
  };
  EXPECT_LE(points("points=120"), 120u);
  EXPECT_GT(points("points=120"), 100u);
  EXPECT_LE(points("points=1000000000"), kMostPoints);
  EXPECT_LE(points("points=1000&from=-9223372036854775808&to=9223372036854775807"), kMostPoints);
  EXPECT_EQ(points("points=0"), 0u);
  EXPECT_EQ(points("points=-5"), 0u);
  EXPECT_EQ(points("from=9000&to=100"), 0u);

  const json all = get_json("/series?points=1000000000");
  EXPECT_EQ(all["last"].get<int64_t>() / 100, 49);
  for (const auto& [name, series] : all["series"].items()) {
    EXPECT_EQ(series["x"].size(), series["mean"].size()) << name;
    EXPECT_LE(series["x"].size(), kMostPoints) << name;
  }
}

// What browsers ask for: Brotli would cost the run more than all else that the server does.
TEST_F(WebViewTest, AnswersAreCompressedCheaply) {
  open({write("a.jsonl", log_of(500))});
  const auto response = get("/series", {{"Accept-Encoding", "gzip, deflate, br, zstd"}});
  EXPECT_EQ(response->get_header_value("Content-Encoding"), "gzip");
  EXPECT_TRUE(json::parse(response->body).contains("series"));
  EXPECT_EQ(get("/series", {{"Accept-Encoding", "br"}})->get_header_value("Content-Encoding"), "");
}

TEST_F(WebViewTest, ARangeIsToldMoreFinely) {
  open({write("a.jsonl", log_of(5000))});
  ASSERT_TRUE(soon([&] { return steps_done() == 5000; }));
  const json loss = get_json("/series?from=4900&to=4950&points=100")["series"]["loss"];
  ASSERT_THAT(loss["x"], SizeIs(51));
  EXPECT_EQ(loss["x"][0], 4900);
  EXPECT_EQ(loss["x"][50], 4950);
  EXPECT_EQ(loss["least"][7], loss["most"][7]);
  EXPECT_NEAR(loss["mean"][0].get<double>(), 9 - 8 * 4900.0 / 5000, 1e-4);
  const json whole = get_json("/series?points=100")["series"]["loss"];
  EXPECT_LT(whole["least"][0].get<double>(), whole["mean"][0].get<double>());
  EXPECT_LT(whole["mean"][0].get<double>(), whole["most"][0].get<double>());
}

TEST_F(WebViewTest, BadQuestionsGetASentence) {
  open({write("a.jsonl", log_of(1))});
  EXPECT_EQ(get("/series?points=many")->status, 400);
  EXPECT_THAT(get("/series?from=1e9")->body, HasSubstr("from must be a whole number"));
  EXPECT_EQ(get("/series?over=space")->status, 400);
  EXPECT_EQ(get("/series?run=7")->status, 404);
  EXPECT_EQ(get("/series?run=-1")->status, 404);
  EXPECT_THAT(get("/series?run=7")->body, HasSubstr("no such run, of 1"));
}

TEST_F(WebViewTest, CommandsWantTheToken) {
  open({write("a.jsonl", log_of(1))});
  for (const char* command : {"/pause", "/save", "/stop", "/continue", "/restart", "/generate"}) {
    EXPECT_EQ(post(command)->status, 403) << command;
    EXPECT_EQ(post(command, {{"X-Anemone-Token", "0123"}})->status, 403) << command;
    EXPECT_EQ(get(command)->status, 404) << command;  // no link or image commands anything
  }
  // Nobody writes this log, so that there is nobody to command.
  EXPECT_EQ(post("/stop", token())->status, 409);
  EXPECT_THAT(post("/stop", token())->body, HasSubstr("no trainer is running"));
  EXPECT_EQ(post("/generate", token())->status, 200);
  EXPECT_EQ(post("/stop?run=3", token())->status, 404);
}

TEST_F(WebViewTest, OtherSitesAndNamesAreRefused) {
  open({write("a.jsonl", log_of(1))});
  EXPECT_EQ(get("/state", {{"Host", "evil.example"}})->status, 403);
  EXPECT_EQ(get("/", {{"Host", "evil.example"}})->status, 403);
  EXPECT_EQ(get("/state", {{"Origin", "http://evil.example"}})->status, 403);
  EXPECT_EQ(get("/events", {{"Sec-Fetch-Site", "cross-site"}})->status, 403);
  httplib::Headers foreign = token();
  foreign.emplace("Origin", "http://evil.example");
  EXPECT_EQ(post("/stop", foreign)->status, 403);
  const std::string own = fmt::format("http://127.0.0.1:{}", view_->port());
  EXPECT_EQ(get("/state", {{"Origin", own}, {"Sec-Fetch-Site", "same-origin"}})->status, 200);
}

TEST_F(WebViewTest, OnOtherAddressesReadingWantsTheTokenToo) {
  open({write("a.jsonl", log_of(1))}, {.address = "0.0.0.0"});
  EXPECT_EQ(get("/")->status, 200);
  EXPECT_EQ(get("/state")->status, 403);
  EXPECT_EQ(get("/events")->status, 403);
  EXPECT_EQ(get("/state", token())->status, 200);
  EXPECT_THAT(view_->url(), HasSubstr("#token=" + view_->token()));
}

// A body without a length, or one too long, is not read at all.
TEST_F(WebViewTest, BodiesAreBounded) {
  open({write("a.jsonl", log_of(1))});
  const std::string head =
      fmt::format("POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Anemone-Token: {}\r\n", view_->token());
  for (const char* length : {"Content-Length: 1048576", "Transfer-Encoding: chunked",
                             "Content-Length: 99999999999999999999", "Content-Length: -1"}) {
    const int file = connect(head + length + "\r\n\r\n");
    EXPECT_THAT(read_to_end(file), HasSubstr("413")) << length;
    ::close(file);
  }
}

TEST_F(WebViewTest, EventsTellWhatIsAndWhatComes) {
  open({write("a.jsonl", log_of(3))});
  const int file = connect(events_request());
  const std::string begin = read_until(file, {"event: lines"});
  EXPECT_THAT(begin, HasSubstr("text/event-stream"));
  EXPECT_THAT(begin, HasSubstr("event: state\ndata: {\"runs\":"));
  append("a.jsonl", step_line(3));
  const std::string news = read_until(file, {"step 3 ", "\"steps_done\":4"});  // in either order
  EXPECT_THAT(news, HasSubstr("step 3 "));
  EXPECT_THAT(news, HasSubstr("\"steps_done\":4"));
  ::close(file);
}

TEST_F(WebViewTest, ListenersThatAreGoneGiveTheirSeatsBack) {
  open({write("a.jsonl", log_of(3))}, {.most_listeners = 2, .heartbeat = milliseconds(20)});
  const int one = connect(events_request()), two = connect(events_request());
  ASSERT_TRUE(soon([&] { return view_->listeners() == 2; }));
  const auto refused = get("/events");
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->get_header_value("Retry-After"), "10");
  EXPECT_THAT(refused->body, HasSubstr("2 pages watch already"));
  ::close(one);
  EXPECT_TRUE(soon([&] { return view_->listeners() == 1; }));
  ::close(two);
  EXPECT_TRUE(soon([&] { return view_->listeners() == 0; }));
}

// One that never reads fills its buffers and is dropped; another hears all the while, and so do questions.
TEST_F(WebViewTest, OneThatDoesNotReadIsDroppedAndHoldsUpNobody) {
  open({write("a.jsonl", log_of(100))},
       {.heartbeat = milliseconds(1), .write_timeout = seconds(2), .send_buffer = 4096});
  const int deaf = connect(events_request(), 2048);
  ASSERT_TRUE(soon([&] { return view_->listeners() == 1; }));
  const int good = connect(events_request());
  ASSERT_TRUE(soon([&] { return view_->listeners() == 2; }));
  EXPECT_TRUE(soon([&] {
    EXPECT_EQ(get("/state")->status, 200);
    std::array<char, 1 << 16> rest;
    while (recv(good, rest.data(), rest.size(), MSG_DONTWAIT) > 0) continue;
    return view_->listeners() == 1;
  }));
  append("a.jsonl", step_line(100));
  EXPECT_THAT(read_until(good, {"\"steps_done\":101"}), HasSubstr("\"steps_done\":101"));
  ::close(deaf);
  ::close(good);
}

// Half a request, and none at all, hold a thread each for a moment only.
TEST_F(WebViewTest, HalfRequestsHoldUpNobody) {
  open({write("a.jsonl", log_of(1))}, {.most_listeners = 1});
  std::vector<int> files;
  for (int i = 0; i < 8; ++i) files.push_back(connect(i % 2 ? "" : "GET /state HTTP/1.1\r\nHost: 127"));
  EXPECT_EQ(get("/state")->status, 200);
  for (const int file : files) ::close(file);
}

TEST_F(WebViewTest, SeveralListenersHearTheSame) {
  open({write("a.jsonl", log_of(1))});
  std::vector<int> files;
  for (int i = 0; i < 8; ++i) files.push_back(connect(events_request()));
  ASSERT_TRUE(soon([&] { return view_->listeners() == 8; }));
  append("a.jsonl", step_line(1));
  for (const int file : files) {
    EXPECT_THAT(read_until(file, {"\"steps_done\":2"}), HasSubstr("\"steps_done\":2"));
    ::close(file);
  }
}

TEST_F(WebViewTest, ATruncatedLogBeginsAgain) {
  open({write("a.jsonl", log_of(50))});
  ASSERT_EQ(steps_done(), 50);
  write("a.jsonl", log_of(2));
  EXPECT_TRUE(soon([&] { return steps_done() == 2; }));
  const json loss = get_json("/series")["series"]["loss"];
  EXPECT_THAT(loss["x"], SizeIs(2));
}

TEST_F(WebViewTest, AReplacedLogBeginsAgain) {
  open({write("a.jsonl", log_of(5))});
  std::filesystem::rename(write("b.jsonl", log_of(9)), folder_ / "a.jsonl");
  EXPECT_TRUE(soon([&] { return steps_done() == 9; }));
}

TEST_F(WebViewTest, ARunThatFailedIsShownWithItsWords) {
  open({write("a.jsonl", log_of(5))});
  append("a.jsonl", "{\"type\":\"error\",\"message\":\"the device <b>went</b> away\"}\n");
  EXPECT_TRUE(soon([&] { return get_json("/state")["runs"][0]["status"] == "failed"; }));
  EXPECT_EQ(get_json("/state")["runs"][0]["error"], "the device <b>went</b> away");
}

TEST_F(WebViewTest, ClosingEndsThoseWhoListen) {
  open({write("a.jsonl", log_of(1))}, {.heartbeat = seconds(1000)});  // does not wait for that
  const int file = connect(events_request());
  read_until(file, {"event: state"});
  const auto begun = Clock::now();
  close();
  EXPECT_LT(Clock::now() - begun, kPatience);
  EXPECT_THAT(read_to_end(file), HasSubstr("0\r\n\r\n"));
  ::close(file);
}

TEST_F(WebViewTest, ATakenPortIsSaid) {
  open({write("a.jsonl", log_of(1))});
  const auto second = WebView::open({.port = view_->port()});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("is it taken"));
  EXPECT_FALSE(WebView::open({.address = "no.such.address.invalid", .port = 0}));
}

}  // namespace
}  // namespace anemone::dashboard
