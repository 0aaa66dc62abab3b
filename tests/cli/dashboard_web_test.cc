// `anemone dashboard --web` as people see it: its page in a headless Chromium, where one is installed. With
// ANEMONE_SCREENSHOTS=FOLDER pictures of it are left there.
#include <gmock/gmock.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/json.h"
#include "browser.h"
#include "process.h"
#include "small_run.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string step_line(int64_t step, double base) {
  const double ripple = std::sin(static_cast<double>(step * step)) * 0.2;
  const json line{{"type", "step"},
                  {"time", 1.7e9 + static_cast<double>(step) / 20},
                  {"step", step},
                  {"loss", base + 7 * std::exp(-static_cast<double>(step) / 400) + ripple},
                  {"lr", 3e-4},
                  {"ms", 40},
                  {"loss_scale", 1024},
                  {"skipped", false},
                  {"tokens", 512},
                  {"t_ane", 15},
                  {"t_cls", 8},
                  {"t_adam", 5},
                  {"t_io", 3},
                  {"device_ms", 3.5},
                  {"device_ms_modelled", true}};
  return line.dump() + "\n";
}

std::string log_of(const std::string& model, int64_t steps, double base) {
  const json run{{"type", "run"},       {"model", model},      {"device", "sim:m4"},  {"steps", 2 * steps},
                 {"first_step", 0},     {"layers", 2},         {"dim", 64},           {"seq", 128},
                 {"parameters", 1000},  {"batch", 1},          {"accumulation", 4},   {"flops", 4e9},
                 {"device_flops", 3e9}, {"precision", "fp16"}, {"weights", "dynamic"}};
  std::string text = run.dump() + "\n";
  for (int64_t step = 0; step < steps; ++step) text += step_line(step, base);
  return text;
}

class DashboardWeb : public testing::Test {
 protected:
  // One for all tests: it takes its time to start.
  static void SetUpTestSuite() { browser_ = std::make_unique<Browser>(); }
  static void TearDownTestSuite() { browser_.reset(); }
  static inline std::unique_ptr<Browser> browser_;

  DashboardWeb() {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("anemone_web_" + name);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  void write(const std::string& name, std::string_view text) const { std::ofstream(folder_ / name) << text; }
  std::unique_ptr<Process> start(Arguments arguments) const {
    arguments.insert(arguments.begin(), {"dashboard", "--no-powermetrics", "--web", "0"});
    return std::make_unique<Process>(arguments, folder_.string());
  }
  // What it says to open; empty: nothing.
  static std::string url_of(const Process& process) {
    if (!process.prints("(Ctrl-C")) return "";
    const std::string out = process.out();
    const size_t begin = out.find("http://");
    return out.substr(begin, out.find(' ', begin) - begin);
  }
  void picture(Browser& browser, const std::string& name) const {
    const char* folder = std::getenv("ANEMONE_SCREENSHOTS");
    if (folder != nullptr) browser.screenshot(std::string(folder) + "/" + name + ".png");
  }

  fs::path folder_;
};

// The middle of an element, in the window.
json middle_of(Browser& browser, const std::string& selector) {
  return browser.value("(() => { const e = document.querySelector('" + selector +
                       "'); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
                       "return {left: Math.round(r.left), right: Math.round(r.right),"
                       "y: Math.round((r.top + r.bottom) / 2)}; })()");
}

std::string text_of(const std::string& selector) { return "document.querySelector('" + selector + "').textContent"; }

TEST_F(DashboardWeb, ShowsSeveralRunsInBothThemesAndOnAPhone) {
  Browser& browser = *browser_;
  if (!browser.found()) GTEST_SKIP() << browser.why_not();
  const std::string nasty = "<img src=x onerror=document.title='broken'>";
  const json words{{"type", "error"}, {"message", nasty}};
  write("first.jsonl", log_of(nasty, 3000, 1.5) + words.dump() + "\n");
  write("second.jsonl", log_of("other", 2000, 2.0));
  const auto process = start({"--no-generate", "--attach", "first.jsonl", "second.jsonl"});
  browser.prefer("dark");
  browser.size(1300, 900);
  browser.open(url_of(*process));
  ASSERT_TRUE(browser.becomes("document.querySelectorAll('#chart-loss .legend button').length === 2"))
      << process->out();
  ASSERT_TRUE(browser.becomes("document.querySelectorAll('#log li').length > 100"));

  // What a log says is text.
  for (const char* place : {"#description", "#notice", "#log .error"}) {
    EXPECT_TRUE(browser.becomes(text_of(place) + ".includes('<img src=x')")) << place;
  }
  EXPECT_EQ(browser.value("document.querySelectorAll('img').length"), 0);
  EXPECT_EQ(browser.value("document.title.includes('broken')"), false);
  EXPECT_TRUE(browser.becomes(text_of("#figures") + ".includes('modelled')"));
  const std::string label = "document.querySelector('#chart-loss canvas').getAttribute('aria-label')";
  EXPECT_TRUE(browser.becomes(label + ".includes('second: smoothed: ')")) << browser.value(label);

  const std::string back = "getComputedStyle(document.body).backgroundColor";
  const json dark = browser.value(back);
  picture(browser, "dark");
  browser.prefer("light");
  EXPECT_TRUE(browser.becomes(back + " !== " + dark.dump()));
  picture(browser, "light");
  browser.value("document.querySelector('#theme').click(); document.querySelector('#theme').click()");
  EXPECT_TRUE(browser.becomes(back + " === " + dark.dump()));

  browser.size(390, 844);
  EXPECT_TRUE(browser.becomes("innerWidth === 390 && document.documentElement.scrollWidth === 390"));
  EXPECT_TRUE(
      browser.becomes("Math.round(document.querySelector('#chart-loss canvas').getBoundingClientRect().width) < 390"));
  picture(browser, "phone");

  EXPECT_THAT(browser.complaints(), IsEmpty());
  process->signal(SIGKILL);
  EXPECT_TRUE(browser.becomes(text_of("#status") + " === 'not connected'"));
  EXPECT_THAT(browser.value(text_of("#notice")).dump(), HasSubstr("trying again"));
}

TEST_F(DashboardWeb, ChartsAreLookedIntoByKeysAndByDragging) {
  Browser& browser = *browser_;
  if (!browser.found()) GTEST_SKIP() << browser.why_not();
  write("run.jsonl", log_of("tiny", 3000, 1.5));
  const auto process = start({"--no-generate", "--attach", "run.jsonl"});
  browser.size(1300, 900);
  browser.open(url_of(*process));
  const std::string label = "document.querySelector('#chart-loss canvas').getAttribute('aria-label')";
  ASSERT_TRUE(browser.becomes(label + ".includes(' at 2,')")) << process->out();
  EXPECT_EQ(browser.value("document.querySelector('#chart-loss .whole').hidden"), true);

  // From 0 … 2999 to its middle half, to the right, and back.
  browser.value("document.querySelector('#chart-loss canvas').focus()");
  browser.key("+");
  EXPECT_TRUE(browser.becomes("/each step: [^;]* at 7[45]., [^;]* at 2,2[45]./.test(" + label + ")"))
      << browser.value(label);
  EXPECT_EQ(browser.value("document.querySelector('#chart-loss .whole').hidden"), false);
  browser.key("ArrowRight");
  EXPECT_TRUE(browser.becomes("/each step: [^;]* at 1,1[12]., /.test(" + label + ")")) << browser.value(label);
  picture(browser, "zoomed");
  browser.key("Home");
  EXPECT_TRUE(browser.becomes("/each step: [^;]* at .,/.test(" + label + ")")) << browser.value(label);

  const json plot = middle_of(browser, "#chart-loss canvas");
  const int left = plot["left"], right = plot["right"];
  browser.drag(left + (right - left) / 2, right - 20, plot["y"]);
  EXPECT_TRUE(browser.becomes("/each step: [^;]* at 1,[45]../.test(" + label + ")")) << browser.value(label);

  // A legend's button takes its line out; a table tells the same in words.
  browser.value("document.querySelector('#chart-loss .legend button').click()");
  EXPECT_EQ(browser.value("document.querySelector('#chart-loss .legend button').getAttribute('aria-pressed')"),
            "false");
  browser.value("document.querySelector('#chart-loss details').open = true");
  EXPECT_TRUE(browser.becomes("document.querySelectorAll('#chart-loss tr').length > 10"));
  EXPECT_LE(browser.value("document.querySelectorAll('#chart-loss tr').length").get<int>(), 100);

  // Where the tabulator leads, it is seen.
  browser.key("Tab");
  EXPECT_TRUE(browser.becomes("document.activeElement !== document.body"));
  EXPECT_TRUE(browser.becomes("getComputedStyle(document.activeElement).outlineStyle !== 'none'"));
  EXPECT_THAT(browser.complaints(), IsEmpty());
}

// A run of our own, paused, saved and stopped from the page.
TEST_F(DashboardWeb, CommandsARun) {
  Browser& browser = *browser_;
  if (!browser.found()) GTEST_SKIP() << browser.why_not();
  write_small_run(folder_);
  const auto process = start(
      {"--infinite", "--no-generate", "--config", "small.json", "--data", "tokens.bin", "--ckpt", "run.safetensors"});
  browser.size(1300, 900);
  browser.open(url_of(*process));
  const std::string status = text_of("#status");
  ASSERT_TRUE(browser.becomes(status + " === 'running'")) << process->out();
  ASSERT_TRUE(browser.becomes("document.querySelector('#pause').getAttribute('aria-disabled') === 'false'"));
  browser.value("document.querySelector('#pause').click()");
  EXPECT_TRUE(browser.becomes(status + " === 'paused'"));
  EXPECT_TRUE(browser.becomes(text_of("#pause") + " === 'Go on'"));
  browser.value("document.querySelector('#pause').click()");
  EXPECT_TRUE(browser.becomes(status + " === 'running'"));
  EXPECT_TRUE(browser.becomes("document.querySelector('#save').getAttribute('aria-disabled') === 'false'"));
  browser.value("document.querySelector('#save').click()");
  EXPECT_TRUE(browser.becomes(text_of("#figures") + ".includes('Checkpoint')"));
  EXPECT_TRUE(browser.becomes(text_of("#figures") + ".includes('MiB')"));
  EXPECT_TRUE(browser.becomes("/smoothed: .* at [0-9]/.test(document.querySelector('#chart-loss canvas').ariaLabel)"));
  EXPECT_TRUE(browser.becomes("/memory: .*MiB/.test(document.querySelector('#chart-memory canvas').ariaLabel)"));
  picture(browser, "live");
  browser.value("document.querySelector('#stop').click()");
  EXPECT_TRUE(browser.becomes("document.querySelector('#ask-stop').open"));
  picture(browser, "asking");
  browser.value("document.querySelector('#ask-stop .danger').click()");
  EXPECT_TRUE(browser.becomes(status + " === 'stopped'"));
  EXPECT_TRUE(browser.becomes("document.querySelector('#stop').getAttribute('aria-disabled') === 'true'"));
  EXPECT_THAT(browser.complaints(), IsEmpty());
  process->signal(SIGINT);
  const Outcome outcome = process->wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("stopped after step"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1B")));  // no screen where there is no terminal
  EXPECT_TRUE(fs::exists(folder_ / "run.safetensors"));
}

// Without the token there is much to see and nothing to command.
TEST_F(DashboardWeb, WithoutTheTokenNothingIsCommanded) {
  Browser& browser = *browser_;
  if (!browser.found()) GTEST_SKIP() << browser.why_not();
  write("run.jsonl", log_of("tiny", 50, 1.5));
  const auto process = start({"--no-generate", "--attach", "run.jsonl"});
  const std::string url = url_of(*process);
  browser.open(url.substr(0, url.find('#')));
  ASSERT_TRUE(browser.becomes(text_of("#status") + " === 'died'")) << process->out();
  EXPECT_THAT(browser.value(text_of("#notice")).dump(), HasSubstr("nobody writes"));
  EXPECT_EQ(browser.value("document.querySelector('#generate').getAttribute('aria-disabled')"), "true");
  browser.value("document.querySelector('#generate').click()");
  EXPECT_TRUE(browser.becomes(text_of("#notice") + ".includes('token')"));
}

TEST_F(DashboardWeb, SaysWhatIsWrong) {
  write("run.jsonl", log_of("tiny", 5, 1.5));
  const auto fails = [&](const Arguments& arguments, int code, const std::string& message) {
    const Outcome outcome = run(arguments, folder_.string());
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  fails({"dashboard", "--attach", "run.jsonl", "run.jsonl"}, 2, "several logs are shown in a browser: add --web");
  fails({"dashboard", "--web-address", "0.0.0.0", "--attach", "run.jsonl"}, 2, "--web");
  fails({"dashboard", "--web", "70000", "--attach", "run.jsonl"}, 2, "70000");
  fails({"dashboard", "--web", "0", "--attach", "nothing.jsonl"}, 1, "nothing.jsonl");
  fails({"dashboard", "--web", "0", "--web-address", "198.51.100.1", "--attach", "run.jsonl"}, 1, "cannot listen on");

  const auto process = start({"--attach", "run.jsonl"});
  const std::string url = url_of(*process);
  const std::string port = url.substr(url.rfind(':') + 1, url.find("/#") - url.rfind(':') - 1);
  fails({"dashboard", "--web", port, "--attach", "run.jsonl"}, 1, "is it taken");
  process->signal(SIGINT);
  EXPECT_EQ(process->wait().code, 0);
}

}  // namespace
}  // namespace anemone::cli
