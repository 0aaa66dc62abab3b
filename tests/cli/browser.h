// A headless Chromium, told what to do through the pipe of its DevTools protocol.
//
//   Browser browser;
//   if (!browser.found()) GTEST_SKIP() << browser.why_not();
//   browser.open(url);
//   EXPECT_TRUE(browser.becomes("document.title === 'ready'"));
//   browser.size(390, 844);
//   browser.screenshot("phone.png");
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace anemone::cli {

class Browser {
 public:
  Browser();
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  bool found() const { return !session_.empty(); }
  const std::string& why_not() const { return why_not_; }

  void open(const std::string& url);
  void size(int width, int height);
  void prefer(const std::string& color_scheme);  // "light", "dark"
  // The value of a JavaScript expression; null where it throws.
  nlohmann::json value(const std::string& expression);
  // Whether it comes to be true within kPatience (process.h).
  bool becomes(const std::string& expression);
  void key(const std::string& name);  // "+", "ArrowLeft", "Tab": pressed and let go
  void drag(int from_x, int to_x, int y);
  void screenshot(const std::string& path);
  // What the page that is open wrote to the console as errors, and what its policy forbade.
  const std::string& complaints() const { return complaints_; }

 private:
  void start(const std::string& program);
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object());
  nlohmann::json read(std::chrono::steady_clock::time_point deadline);
  void note(const nlohmann::json& event);
  void mouse(const std::string& type, int x, int y);

  std::filesystem::path profile_;
  pid_t id_ = -1;
  int in_ = -1, out_ = -1, calls_ = 0;
  std::string received_, session_, why_not_, complaints_;
};

}  // namespace anemone::cli
