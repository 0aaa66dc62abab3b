#include <thread>

#include "dashboard/printable.h"
#include "dashboard/terminal/panels.h"
#include "dashboard/terminal/terminal.h"

namespace anemone::dashboard {
namespace {

using Clock = std::chrono::steady_clock;

// What came since `told`, but for steps, which the line of the run tells of.
void say_news(const Session& session, const ShowOptions& options, int64_t& told) {
  const int64_t kept = session.lines_total() - std::ssize(session.lines());
  for (int64_t i = std::max(told, kept); i < session.lines_total(); ++i) {
    const LogLine& line = session.lines()[static_cast<size_t>(i - kept)];
    if (line.kind == LogLine::Kind::plain || line.kind == LogLine::Kind::step) continue;
    options.say(printable(line.text));
  }
  told = session.lines_total();
}

}  // namespace

Result<> show_as_lines(Session& session, const ShowOptions& options) {
  Clock::time_point next = Clock::now() + options.every;
  bool stopping = false;
  int64_t told = 0;
  std::string shown_text;
  while (true) {
    const bool more = session.poll();
    say_news(session, options, told);
    const Preview& preview = session.preview();
    if (!preview.text().empty() && preview.text() != shown_text) {
      shown_text = preview.text();
      options.say(fmt::format("at step {}: {}", preview.step(), printable(shown_text)));
    }
    if (more) continue;
    if (session.over()) break;
    const bool wanted = options.stop != nullptr && *options.stop;
    if (wanted && session.attached()) break;
    if (wanted && !stopping) {
      TRY(session.ask(Command::stop));
      stopping = true;
    }
    if (Clock::now() >= next) {
      options.say(printable(summary_line(session)));
      next += options.every;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  options.say(printable(summary_line(session)));
  return {};
}

}  // namespace anemone::dashboard
