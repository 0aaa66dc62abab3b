// anemone dashboard: a run, watched while it goes on.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "cli/command.h"
#include "cli/dashboard_web.h"
#include "cli/train_flags.h"
#include "dashboard/terminal/terminal.h"

namespace anemone::cli {
namespace {

namespace fs = std::filesystem;
using dashboard::Session;
using dashboard::SessionOptions;
using Words = std::vector<std::string>;

struct DashboardFlags {
  TrainFlags train;
  WebFlags web;
  Words attach;  // logs
  bool infinite = false, no_powermetrics = false, no_generate = false;
  int interval = 5;
};

constexpr const char* kGroup = "Dashboard";
constexpr int64_t kInfinite = 999'999'999;  // steps, as the seed's

std::atomic<bool> stop_requested = false;
extern "C" void request_quit(int) { stop_requested = true; }

// The trainer's flags as they were given, but for those that are left out or that another takes the place of.
Words given_flags(const CLI::App& app, const Words& left_out) {
  Words words;
  for (const CLI::Option* option : app.get_options()) {
    const bool ours = option->get_group() == kGroup || option->get_lnames() == Words{"help"};
    const std::string name = option->get_name(false, true);
    const bool out = std::ranges::any_of(left_out, [&](const std::string& o) { return option->check_name(o); });
    if (ours || out || option->count() == 0) continue;
    const bool positional = option->get_lnames().empty();
    const bool flag = option->get_items_expected_max() == 0;
    if (!positional) words.push_back("--" + option->get_lnames().front());
    if (flag) continue;
    for (const std::string& value : option->results()) words.push_back(value);
  }
  return words;
}

// Of the preset, the weights to start from, or the configuration.
Result<std::string> checkpoint_of(const TrainFlags& flags) {
  if (flags.checkpoint) return *flags.checkpoint;
  if (flags.preset) return default_checkpoint(*flags.preset);
  if (flags.init) return default_checkpoint(fs::path(*flags.init).stem().string());
  return default_checkpoint(TRY(model::find_config(config_name(flags))).name);
}

// What the trainer is started with, at first and to go on.
struct Invocations {
  Words first, resumption;
  std::string log;
};

Result<Invocations> invocations(const CLI::App& app, const DashboardFlags& flags) {
  const std::string checkpoint = TRY(checkpoint_of(flags.train));
  const Words model = {"--config", "--init", "--scratch", "MODEL"};
  const Words always = {"--ckpt", "--log", "--steps", "--resume", "SEQ", "STEPS", "LR", "MODEL"};
  Words common = always, fresh = always;
  common.insert(common.end(), model.begin(), model.end());
  Invocations calls{.first = given_flags(app, fresh),
                    .resumption = given_flags(app, common),
                    .log = flags.train.log.value_or(fs::path(checkpoint).replace_extension(".jsonl").string())};
  if (flags.train.init && app.get_option("MODEL")->count() > 0)
    calls.first.insert(calls.first.end(), {"--init", *flags.train.init});
  std::optional<int64_t> steps = flags.train.steps;
  if (flags.infinite) steps = kInfinite;
  for (Words* words : {&calls.first, &calls.resumption}) {
    words->insert(words->end(), {"--ckpt", checkpoint});
    if (steps) words->insert(words->end(), {"--steps", fmt::format("{}", *steps)});
    if (app.get_option("SEQ")->count() > 0) words->insert(words->end(), {"--seq", fmt::format("{}", *flags.train.seq)});
    if (app.get_option("LR")->count() > 0) words->insert(words->end(), {"--lr", fmt::format("{}", *flags.train.rate)});
  }
  calls.resumption.push_back("--resume");
  if (flags.train.resume) calls.first = calls.resumption;
  return calls;
}

// A finished run says how to see it again, a stopped one how to go on.
void print_end(const Session& session) {
  const dashboard::Run& run = session.run();
  if (session.attached() || !run.description()) return;
  fmt::print("{} after step {}; its log: {}\n", to_string(run.status()), run.steps_done(), session.watch().path());
  if (run.status() != dashboard::Status::stopped) return;
  fmt::print("Go on with: anemone dashboard --resume --ckpt {}\n", run.description()->checkpoint);
}

// The error of a run of our own that failed.
Result<> end(const dashboard::Sessions& sessions) {
  for (const auto& session : sessions) print_end(*session);
  for (const auto& session : sessions) {
    const bool failed = session->status() == dashboard::Status::failed || session->status() == dashboard::Status::died;
    if (failed && !session->attached()) return fail("{}", session->run().error());
  }
  return {};
}

Result<std::unique_ptr<Session>> start_session(const CLI::App& app, const DashboardFlags& flags) {
  Invocations calls = TRY(invocations(app, flags));
  SessionOptions options{.log = calls.log,
                         .trainer = std::move(calls.first),
                         .resumption = std::move(calls.resumption),
                         .power = !flags.no_powermetrics,
                         .previews = !flags.no_generate};
  std::error_code ignored;  // the trainer will say what is wrong
  if (const fs::path folder = fs::path(options.log).parent_path(); !folder.empty()) {
    fs::create_directories(folder, ignored);
  }
  return Session::start(std::move(options));
}

// One that we start, or those of the logs.
Result<dashboard::Sessions> open_sessions(const CLI::App& app, const DashboardFlags& flags) {
  dashboard::Sessions sessions;
  for (const std::string& log : flags.attach) {
    sessions.push_back(
        TRY(Session::attach({.log = log, .power = !flags.no_powermetrics, .previews = !flags.no_generate})));
  }
  if (sessions.empty()) sessions.push_back(TRY(start_session(app, flags)));
  return sessions;
}

void say(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

bool on_terminal() { return isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0; }

dashboard::ShowOptions show_options(const DashboardFlags& flags) {
  return {.out = stdout,
          .in = stdin,
          .colour = std::getenv("NO_COLOR") == nullptr,
          .say = say,
          .every = std::chrono::seconds(flags.interval),
          .stop = &stop_requested};
}

// On the terminal and in the browser at once, or in the browser alone.
Result<> show_page(dashboard::WebView& page, const DashboardFlags& flags) {
  if (!on_terminal()) return serve(page, stop_requested);
  dashboard::ShowOptions options = show_options(flags);
  options.page = page.url();
  options.poll = [&] { return page.poll(); };
  options.lock = [&] { return page.lock(); };
  return show_on_terminal(page.sessions(), options);
}

Result<> show(const dashboard::Sessions& sessions, const DashboardFlags& flags) {
  const dashboard::ShowOptions options = show_options(flags);
  return on_terminal() ? show_on_terminal(sessions, options) : show_as_lines(*sessions.front(), options);
}

Result<> run(const CLI::App& app, const DashboardFlags& flags) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, request_quit);
  if (!flags.web.port) {
    const dashboard::Sessions sessions = TRY(open_sessions(app, flags));
    TRY(show(sessions, flags));
    return end(sessions);
  }
  const auto page = TRY(open_page(flags.web));  // the port is taken before anything is started
  page->show(TRY(open_sessions(app, flags)));
  TRY(show_page(*page, flags));
  page->close();
  return end(page->sessions());
}

// What goes with --attach is no flag of the trainer, whose run has its own.
std::string why_not(const CLI::App& app, const DashboardFlags& flags) {
  if (flags.infinite && flags.train.steps) return "--infinite goes on for ever: leave out --steps";
  if (flags.attach.size() > 1 && !flags.web.port) return "several logs are shown in a browser: add --web";
  if (flags.train.golden) return "--golden keeps no log to watch: run it with `anemone train`";
  const Words given = given_flags(app, {});
  if (flags.attach.empty() || given.empty()) return "";
  return fmt::format("--attach watches a run that has its own flags: leave out {}", given.front());
}

}  // namespace

void add_dashboard(CLI::App& root, Action& action) {
  auto flags = std::make_shared<DashboardFlags>();
  CLI::App* app = root.add_subcommand("dashboard", "Train a model and watch it, or watch a run that is under way");
  app->add_option("--attach", flags->attach,
                  "Watch the run that writes this log (`anemone train --log FILE`); with --web, several")
      ->type_name("LOG")
      ->expected(1, dashboard::WebView::kMostRuns)
      ->group(kGroup);
  add_web_flags(*app, flags->web, kGroup);
  app->add_flag("--infinite", flags->infinite, "Go on until stopped")->group(kGroup);
  app->add_flag("--no-powermetrics", flags->no_powermetrics, "Measure no power")->group(kGroup);
  app->add_flag("--no-generate", flags->no_generate, "No text from each new checkpoint, only at the key g")
      ->group(kGroup);
  app->add_option("--interval", flags->interval, "Seconds from line to line where there is no terminal")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400))
      ->group(kGroup);
  add_train_flags(*app, flags->train);
  app->footer(
      "Example: anemone dashboard --scratch\n"
      "         anemone dashboard --resume --ckpt runs/tiny.safetensors --steps 3000\n"
      "         anemone dashboard --attach runs/tiny.jsonl\n"
      "         anemone dashboard --web --attach runs/one.jsonl runs/two.jsonl");
  app->callback([&action, app, flags] {
    if (const std::string why = why_not(*app, *flags); !why.empty()) throw CLI::ValidationError(why);
    action = [app, flags] { return run(*app, *flags); };
  });
}

}  // namespace anemone::cli
