#include "dashboard/session.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace anemone::dashboard {
namespace {

using Kind = LogLine::Kind;
using Clock = std::chrono::steady_clock;

constexpr auto kMeasureEvery = std::chrono::seconds(1);
constexpr size_t kLastWords = 3;  // lines

// For its colour alone; what is shown of the run comes from its log.
Kind kind_of(std::string_view line) {
  if (line.starts_with("step ")) return Kind::step;
  if (line.starts_with("  [ckpt")) return Kind::checkpoint;
  if (line.starts_with("anemone: ")) return Kind::error;
  return Kind::plain;
}

LogLine line_of(const RunRecord& r) {
  return {Kind::notice, r.first_step > 0 ? fmt::format("{} resumed at step {} on {}", r.model, r.first_step, r.device)
                                         : fmt::format("{} started on {}", r.model, r.device)};
}
LogLine line_of(const StepRecord& r) {
  return {Kind::step, fmt::format("step {:<5} loss={:.4f}  lr={:.2e}  {:.1f}ms/step{}", r.step, r.loss, r.rate,
                                  r.milliseconds, r.skipped ? "  overflow: update skipped" : "")};
}
LogLine line_of(const CheckpointRecord& r) {
  return {Kind::checkpoint, fmt::format("checkpoint at step {}: {}{}{}", r.step, r.path,
                                        r.validation ? fmt::format(", validation loss={:.4f}", *r.validation) : "",
                                        r.best ? ", the best so far" : "")};
}
LogLine line_of(const PauseRecord& r) {
  return {Kind::notice, fmt::format("{} after step {}", r.paused ? "paused" : "going on", r.step)};
}
LogLine line_of(const EndRecord& r) {
  return {Kind::notice, fmt::format("{} after {} steps", r.finished ? "finished" : "stopped", r.step)};
}
LogLine line_of(const ErrorRecord& r) { return {Kind::error, r.message}; }

int64_t milliseconds_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

Session::Session(SessionOptions options)
    : options_(std::move(options)),
      watch_(options_.log),
      preview_({.program = options_.program, .automatic = options_.previews}),
      power_source_(options_.power ? open_power_source() : no_power_source("it was not asked for")) {}

Result<std::unique_ptr<Session>> Session::start(SessionOptions options) {
  if (options.program.empty()) options.program = TRY(own_program());
  std::unique_ptr<Session> session(new Session(std::move(options)));
  session->owns_ = true;
  session->watch_.judge_writer(false);
  TRY(session->start_trainer(session->options_.trainer));
  return session;
}

Result<std::unique_ptr<Session>> Session::attach(SessionOptions options) {
  if (options.program.empty()) options.program = TRY(own_program());
  std::unique_ptr<Session> session(new Session(std::move(options)));
  session->poll();
  if (!session->watch_.error().empty()) return fail("{}", session->watch_.error());
  return session;
}

Result<> Session::start_trainer(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {options_.program, "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"--log", options_.log});
  process_ = TRY(Process::start(words, {.outlives = true}));
  started_id_ = process_->id();
  return {};
}

bool Session::over() const {
  if (owns_) return !process_ && !restarting_;
  return status() != Status::running && status() != Status::paused;
}

// The process that signals go to: ours once it listens, or the one that writes the log.
std::optional<pid_t> Session::trainer() const {
  const std::optional<pid_t> writer = watch_.writer();
  if (!owns_) return writer && *writer > 0 ? writer : std::nullopt;
  return process_ ? std::optional(process_->id()) : std::nullopt;
}

bool Session::poll() {
  const auto end = process_ ? process_->ended() : std::nullopt;  // before what it wrote last is read
  const bool more = watch_.poll(owns_ ? Watch::Hear(nullptr) : [this](const Record& r) { hear(r); });
  if (process_) read_output();
  if (end && !more) take_end(*end);
  forget_pending();
  preview_.poll(run());
  if (Clock::now() - measured_ >= kMeasureEvery) measure();
  return more;
}

void Session::hear(const Record& record) {
  add_line(std::visit([](const auto& r) { return line_of(r); }, record));
}

void Session::add_line(LogLine line) {
  lines_.push_back(std::move(line));
  ++lines_total_;
  if (lines_.size() > kMostLines) lines_.pop_front();
}

void Session::read_output() {
  output_ += process_->read();
  for (size_t end; (end = output_.find('\n')) != std::string::npos; output_.erase(0, end + 1)) {
    const std::string line = output_.substr(0, end);
    add_line({kind_of(line), line});
  }
  constexpr size_t kLongestLine = 1 << 16;
  if (output_.size() > kLongestLine) output_.clear();
}

// A trainer that ended on its own account has said why in its log; one that did not is quoted.
void Session::take_end(const ProcessEnd& end) {
  if (!output_.empty()) add_line({kind_of(output_), std::exchange(output_, "")});
  process_.reset();
  stopping_ = false;
  pending_.clear();
  const bool told = status() == Status::failed || status() == Status::finished || status() == Status::stopped;
  if (!end.well() && !(told && logged_since_start())) {
    std::string words;
    const size_t count = std::min(kLastWords, lines_.size());
    for (size_t i = lines_.size() - count; i < lines_.size(); ++i)
      words += (words.empty() ? "" : " / ") + lines_[i].text;
    watch_.run().declare_dead(
        fmt::format("the trainer ended with {}{}{}", to_string(end), words.empty() ? "" : "; its last words: ", words));
    add_line({Kind::error, run().error()});
  }
  if (std::exchange(restarting_, false)) restart();
}

// Whether what the log tells is of the process that was started last.
bool Session::logged_since_start() const { return run().description() && run().description()->pid == started_id_; }

void Session::restart() {
  if (const Result<> started = start_trainer(options_.resumption); !started) {
    add_line({Kind::error, started.error().message});
  } else {
    add_line({Kind::notice, "going on from the checkpoint"});
  }
}

void Session::forget_pending() {
  const bool waits_for_pause = pending_command_ == Command::pause && status() == Status::paused;
  const bool waits_for_go_on = pending_command_ == Command::go_on && status() != Status::paused;
  const bool saved = pending_command_ == Command::save && newest_checkpoint() > checkpoint_before_;
  const bool waits_in_vain = !stopping_ && !restarting_ && over();
  if (waits_for_pause || waits_for_go_on || saved || waits_in_vain) pending_.clear();
}

double Session::newest_checkpoint() const { return run().checkpoints().empty() ? 0 : run().checkpoints().back().time; }

void Session::measure() {
  measured_ = Clock::now();
  const int64_t now = milliseconds_now();
  power_ = power_source_->read();
  if (power_.cpu) cpu_power_.add(now, *power_.cpu);
  if (power_.device) device_power_.add(now, *power_.device);
  const std::optional<pid_t> id = trainer();
  usage_ = id ? meter_.read(*id) : std::nullopt;
  if (!usage_) return;
  cpu_.add(now, usage_->cores);
  memory_.add(now, static_cast<double>(usage_->memory_bytes));
}

std::string Session::refusal(Command command) const {
  if (command == Command::generate) return preview_.generating() ? "a preview is being made" : "";
  if (command == Command::restart) return owns_ ? "" : "the run was started elsewhere: it is not ours to restart";
  if (!trainer()) return "no trainer is running";
  if (!owns_ && kill(*trainer(), 0) != 0) {
    return fmt::format("the trainer (process {}) takes no signals from us: {}", *trainer(), std::strerror(errno));
  }
  const bool listens = !owns_ || logged_since_start();
  if (command == Command::stop) return "";
  if (!listens) return "the trainer has not begun yet";
  if (command == Command::go_on && !pausing()) return "the run is not paused";
  if (command == Command::save && status() == Status::paused && !awaits(Command::go_on)) {
    return "the run is paused: let it go on first";
  }
  return "";
}

Result<> Session::ask(Command command) {
  if (const std::string why = refusal(command); !why.empty()) return fail("{}", why);
  pending_command_ = command;
  switch (command) {
    case Command::generate:
      preview_.ask();
      return {};
    case Command::restart:
      if (!process_) {
        restart();
        return {};
      }
      restarting_ = true;
      return stop("stopping after this step, to go on anew");
    case Command::stop:
      return stop("stopping after this step, with a checkpoint");
    case Command::pause:
      return send(SIGTSTP, "pausing after this step");
    case Command::go_on:
      return send(SIGCONT, "going on");
    case Command::save:
      checkpoint_before_ = newest_checkpoint();
      return send(SIGUSR1, "saving after this step");
  }
  return {};
}

// A trainer that has begun stops after its step; a second signal ends it at once.
Result<> Session::stop(std::string what) {
  const pid_t id = *trainer();
  TRY(send(SIGINT, std::move(what)));
  stopping_ = owns_;
  kill(id, SIGCONT);
  return {};
}

Result<> Session::send(int signal, std::string what) {
  if (kill(*trainer(), signal) != 0) return fail("the trainer takes no signal: {}", std::strerror(errno));
  pending_ = std::move(what);
  return {};
}

}  // namespace anemone::dashboard
