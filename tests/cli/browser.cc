#include "browser.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "process.h"

namespace anemone::cli {
namespace {

using nlohmann::json;

using Clock = std::chrono::steady_clock;

// The first of its names on the PATH; empty: none.
std::string find_program() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
      const std::string program = folder + "/" + name;
      if (access(program.c_str(), X_OK) == 0) return program;
    }
  }
  return "";
}

std::string decoded(const std::string& base64) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

// Commands come in by descriptor 3 and answers go out by 4.
[[noreturn]] void become(const std::vector<std::string>& words, int in, int out) {
  const int high_in = fcntl(in, F_DUPFD, 10), high_out = fcntl(out, F_DUPFD, 10);
  dup2(high_in, 3);
  dup2(high_out, 4);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int descriptor : {0, 1, 2}) dup2(nowhere, descriptor);
  for (int descriptor = 5; descriptor < 64; ++descriptor) close(descriptor);
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  execv(pointers.front(), pointers.data());
  _exit(127);
}

}  // namespace

Browser::Browser() {
  const std::string program = find_program();
  if (program.empty()) {
    why_not_ = "no Chromium is installed, so that the page is not driven";
    return;
  }
  start(program);
  const json target = call("Target.createTarget", {{"url", "about:blank"}});
  const json attached = call("Target.attachToTarget", {{"targetId", target.value("targetId", "")}, {"flatten", true}});
  session_ = attached.value("sessionId", "");
  if (session_.empty()) why_not_ = program + " does not start here";
  if (!found()) return;
  for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable"}) call(domain);
}

void Browser::start(const std::string& program) {
  profile_ = std::filesystem::temp_directory_path() / ("anemone_browser_" + std::to_string(getpid()));
  const std::vector<std::string> words = {program,
                                          "--headless",
                                          "--no-sandbox",
                                          "--disable-gpu",
                                          "--disable-dev-shm-usage",
                                          "--no-first-run",
                                          "--disable-background-networking",
                                          "--remote-debugging-pipe",
                                          "--user-data-dir=" + profile_.string()};
  std::array<int, 2> to, from;
  if (pipe(to.data()) != 0 || pipe(from.data()) != 0) return;
  id_ = fork();
  if (id_ == 0) {
    setpgid(0, 0);
    become(words, to[0], from[1]);
  }
  close(to[0]);
  close(from[1]);
  out_ = to[1];
  in_ = from[0];
  for (const int descriptor : {in_, out_}) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(out_, F_SETFL, O_NONBLOCK);  // one that takes no commands holds up nobody
}

Browser::~Browser() {
  if (id_ < 0) return;
  kill(-id_, SIGKILL);  // with the processes that it started
  waitpid(id_, nullptr, 0);
  close(in_);
  close(out_);
  std::error_code ignored;
  std::filesystem::remove_all(profile_, ignored);
}

json Browser::call(const std::string& method, const json& parameters) {
  if (id_ < 0) return json::object();
  const int id = ++calls_;
  json message{{"id", id}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  if (write(out_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return json::object();
  for (const auto deadline = Clock::now() + kPatience;;) {
    const json answer = read(deadline);
    if (answer.is_null()) return json::object();
    if (answer.value("id", 0) == id) return answer.value("result", json::object());
    note(answer);
  }
}

// The next message; null when none comes in time.
json Browser::read(Clock::time_point deadline) {
  for (;;) {
    if (const size_t end = received_.find('\0'); end != std::string::npos) {
      const std::string text = received_.substr(0, end);
      received_.erase(0, end + 1);
      return json::parse(text, nullptr, false);
    }
    pollfd ready{.fd = in_, .events = POLLIN, .revents = 0};
    std::array<char, 1 << 16> piece;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) return nullptr;
    const ssize_t count = ::read(in_, piece.data(), piece.size());
    if (count <= 0) return nullptr;
    received_.append(piece.data(), static_cast<size_t>(count));
  }
}

void Browser::note(const json& event) {
  const std::string method = event.value("method", "");
  if (method == "Runtime.exceptionThrown") complaints_ += event["params"]["exceptionDetails"].dump() + "\n";
  if (method != "Log.entryAdded") return;
  const json& entry = event["params"]["entry"];
  if (entry.value("level", "") == "error") complaints_ += entry.value("text", "") + " " + entry.value("url", "") + "\n";
}

void Browser::open(const std::string& url) {
  call("Page.navigate", {{"url", url}});
  complaints_.clear();
}

void Browser::size(int width, int height) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 600}});
}

void Browser::prefer(const std::string& color_scheme) {
  const json feature{{"name", "prefers-color-scheme"}, {"value", color_scheme}};
  call("Emulation.setEmulatedMedia", {{"features", json::array({feature})}});
}

json Browser::value(const std::string& expression) {
  const json answer = call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}});
  return answer.value("result", json::object()).value("value", json(nullptr));
}

bool Browser::becomes(const std::string& expression) {
  const auto deadline = Clock::now() + kPatience;
  while (value(expression) != true) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

void Browser::key(const std::string& name) {
  json event{{"type", "keyDown"}, {"key", name}};
  if (name == "Tab") event["windowsVirtualKeyCode"] = 9;
  if (name == "Enter") event.update(json{{"windowsVirtualKeyCode", 13}, {"text", "\r"}});
  call("Input.dispatchKeyEvent", event);
  event["type"] = "keyUp";
  call("Input.dispatchKeyEvent", event);
}

void Browser::mouse(const std::string& type, int x, int y) {
  call("Input.dispatchMouseEvent",
       {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"buttons", 1}, {"clickCount", 1}});
}

void Browser::drag(int from_x, int to_x, int y) {
  mouse("mousePressed", from_x, y);
  mouse("mouseMoved", (from_x + to_x) / 2, y);
  mouse("mouseMoved", to_x, y);
  mouse("mouseReleased", to_x, y);
}

void Browser::screenshot(const std::string& path) {
  const json picture = call("Page.captureScreenshot", {{"format", "png"}, {"captureBeyondViewport", true}});
  std::ofstream(path, std::ios::binary) << decoded(picture.value("data", ""));
}

}  // namespace anemone::cli
