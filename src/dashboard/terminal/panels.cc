#include "dashboard/terminal/panels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "dashboard/printable.h"
#include "dashboard/terminal/chart.h"

namespace anemone::dashboard {
namespace {

using train::Timer;

constexpr int64_t kPast = 300;  // seconds that the small charts go back

std::string millions(int64_t count) { return fmt::format("{:.2f}M", static_cast<double>(count) / 1e6); }

std::string modelled(const std::optional<train::DeviceTime>& time) {
  return time && time->modelled ? " (modelled)" : "";
}

Style style_of(Status status) {
  if (status == Status::failed || status == Status::died) return Style::bad;
  return status == Status::running || status == Status::finished ? Style::good : Style::warning;
}

Style style_of(LogLine::Kind kind) {
  switch (kind) {
    case LogLine::Kind::step:
      return Style::plain;
    case LogLine::Kind::checkpoint:
      return Style::good;
    case LogLine::Kind::notice:
      return Style::warning;
    case LogLine::Kind::error:
      return Style::bad;
    case LogLine::Kind::plain:
      break;
  }
  return Style::dim;
}

// "── title ─────"; the place below it.
Rect titled(Screen& screen, const Rect& place, const std::string& title, bool unicode) {
  const std::string dash = unicode ? "─" : "-";
  std::string line;
  for (int i = 0; i < place.columns; ++i) line += dash;
  screen.put(place.row, place.column, line, Style::dim, place.columns);
  screen.put(place.row, place.column + 2, " " + title + " ", Style::title, std::max(0, place.columns - 3));
  return {place.row + 1, place.column, place.rows - 1, place.columns};
}

using Parts = std::vector<std::string>;

// As many parts as there is room for, and the first at any rate, two blanks between them.
std::string fitting(const Parts& parts, int columns) {
  std::string line = parts.front();
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string longer = line + "  " + parts[i];
    if (width_of(printable(longer)) > columns) break;
    line = longer;
  }
  return line;
}

// What matters most first.
Parts summary(const Session& session) {
  const Run& run = session.run();
  const Speed speed = run.speed();
  const auto planned = run.steps_planned();
  Parts parts{std::string(to_string(run.status())),
              fmt::format("step {}{}", run.steps_done(), planned ? fmt::format("/{}", *planned) : "")};
  if (run.newest()) parts.push_back(fmt::format("loss {:.4f}", run.newest()->loss));
  if (run.best()) parts.push_back(fmt::format("best {:.4f}", run.best()->loss));
  if (speed.milliseconds > 0) {
    parts.push_back(fmt::format("{:.1f} ms/step", speed.milliseconds));
    parts.push_back(fmt::format("{:.0f} tokens/s", speed.tokens_per_second));
  }
  if (const auto& usage = session.usage()) {
    parts.push_back(fmt::format("{:.1f} cores", usage->cores));
    parts.push_back(fmt::format("{} MiB", usage->memory_bytes >> 20));
  }
  if (run.seconds_left()) parts.push_back(duration(*run.seconds_left()) + " left");
  return parts;
}

// Of a run whose log has not described it.
std::string why_undescribed(const Session& session) {
  const std::string& error = session.watch().error();
  if (session.run().steps_done() > 0) return "the log does not describe its run";
  return error.empty() || !session.attached() ? "waiting for the trainer to begin" : error;
}

std::string name_of(const RunRecord& run) { return fmt::format("{} on {}", run.model, run.device); }

void draw_wide_header(Screen& screen, const Session& session, const ViewState& view) {
  const auto& r = session.run().description();
  int column = screen.put(0, 0, view.which.empty() ? "anemone " : fmt::format("anemone {} ", view.which), Style::title);
  if (r) column = screen.put(0, column, fmt::format(" {} ", name_of(*r)), Style::plain);
  column = screen.put(0, column, fmt::format(" {}", to_string(session.status())), style_of(session.status()));
  if (!session.pending().empty()) screen.put(0, column, ": " + session.pending(), Style::warning);
  if (!r) {
    screen.put(1, 0, why_undescribed(session), Style::dim);
    return;
  }
  const std::string shape = fmt::format("dim={} hidden={} heads={}/{} seq={} vocab={} layers={}", r->dim, r->hidden,
                                        r->heads, r->kv_heads, r->seq, r->vocab, r->layers);
  screen.put(1, 0, fitting({shape, millions(r->parameters) + " parameters"}, screen.columns()), Style::dim);
  const std::string batch = fmt::format("batch {} accum {}", r->batch, r->accumulation);
  const std::string optimizer = fmt::format("{} lr={:.1e} {}", r->optimizer, r->rate, r->schedule);
  const std::string numbers = fmt::format("{} weights {}", r->precision, r->weights);
  screen.put(2, 0, fitting({"kernels " + r->kernels, batch, optimizer, numbers}, screen.columns()), Style::dim);
}

// Status, step and loss before the rest; what is under way in the place of the name.
void draw_narrow_header(Screen& screen, const Session& session, const ViewState& view) {
  const Parts parts = summary(session);
  screen.put(0, 0, fitting(parts, screen.columns()));
  screen.put(0, 0, parts.front(), style_of(session.status()));
  if (!session.pending().empty()) {
    screen.put(1, 0, session.pending(), Style::warning);
    return;
  }
  const auto& r = session.run().description();
  Parts about = r ? Parts{name_of(*r), millions(r->parameters) + " parameters"} : Parts{why_undescribed(session)};
  if (!view.which.empty()) about.front() = view.which + "  " + about.front();
  screen.put(1, 0, fitting(about, screen.columns()), Style::dim);
}

// The row below it. An address has as many rows as it takes: cut, it would be of no use.
int draw_header(Screen& screen, const Session& session, const ViewState& view, bool wide) {
  constexpr size_t kMostRows = 3;  // of an address
  wide ? draw_wide_header(screen, session, view) : draw_narrow_header(screen, session, view);
  int row = wide ? 3 : 2;
  if (view.page.empty()) return row;
  const std::vector<std::string> lines = wrap(view.page, screen.columns());
  for (size_t i = 0; i < std::min(lines.size(), kMostRows); ++i) screen.put(row++, 0, lines[i], Style::title);
  return row;
}

using Figures = std::vector<std::pair<std::string, std::string>>;

void add_speed(Figures& figures, const Run& run) {
  const Speed speed = run.speed();
  if (speed.milliseconds > 0) {
    figures.emplace_back("speed",
                         fmt::format("{:.1f} ms/step  {:.1f} steps/s", speed.milliseconds, speed.steps_per_second));
    figures.emplace_back("", fmt::format("{:.0f} tokens/s", speed.tokens_per_second));
  }
  if (speed.device) {
    figures.emplace_back("device", fmt::format("{:.1f} ms/step{}", speed.device->milliseconds, modelled(speed.device)));
  }
  if (speed.total_tflops > 0) {
    figures.emplace_back("TFLOPS", fmt::format("{:.3f} device  {:.3f} all", speed.device_tflops, speed.total_tflops));
  }
  if (speed.utilization) {
    figures.emplace_back("used", fmt::format("{:.1f}% of {:.1f} TFLOPS{}", 100 * *speed.utilization,
                                             *run.description()->device_peak_flops / 1e12, modelled(speed.device)));
  }
}

Figures figures_of(const Run& run) {
  Figures figures;
  const auto planned = run.steps_planned();
  figures.emplace_back("step", fmt::format("{}{}", run.steps_done(), planned ? fmt::format(" of {}", *planned) : ""));
  if (run.newest()) {
    figures.emplace_back("loss", fmt::format("{:.4f}  smoothed {:.4f}", run.newest()->loss,
                                             run.series(Quantity::smoothed_loss).newest().value_or(NAN)));
  }
  if (run.best()) figures.emplace_back("best", fmt::format("{:.4f} at step {}", run.best()->loss, run.best()->step));
  if (const auto& best = run.best_validation()) {
    figures.emplace_back("valid.", fmt::format("{:.4f} at step {}", best->loss, best->step));
  }
  add_speed(figures, run);
  if (run.newest()) figures.emplace_back("lr", fmt::format("{:.2e}", run.newest()->rate));
  figures.emplace_back("time", fmt::format("{} trained{}", duration(run.trained_seconds()),
                                           run.seconds_left() ? ", " + duration(*run.seconds_left()) + " left" : ""));
  if (run.compiled_seconds() > 0) figures.emplace_back("compile", duration(run.compiled_seconds()));
  if (!run.checkpoints().empty()) {
    figures.emplace_back("saved", fmt::format("at step {}", run.checkpoints().back().step));
  }
  return figures;
}

void draw_figures(Screen& screen, const Rect& place, const Figures& figures) {
  int row = 0;
  for (const auto& [name, value] : figures) {
    if (row == place.rows) return;
    screen.put(place.row + row, place.column, name, Style::dim, place.columns);
    screen.put(place.row + row++, place.column + 8, value, Style::plain, std::max(0, place.columns - 8));
  }
}

// Parts of a step, one after the other. Weight gradients (dw) have a queue of their own, beside them where there are
// threads for it.
constexpr std::array<Timer, 9> kParts = {Timer::ane,  Timer::cls,   Timer::io,         Timer::elem,   Timer::rms,
                                         Timer::adam, Timer::stage, Timer::cblas_wait, Timer::compile};

std::string part_name(Timer timer, const Run& run) {
  if (timer == Timer::ane && run.description()) return run.description()->device;
  return std::string(train::kTimerNames[static_cast<size_t>(timer)]);
}

// Where there is no colour, each part is made of its own letter.
void draw_bar(Screen& screen, const Rect& place, const Speed& speed, const ViewState& view) {
  const double scale = place.columns / std::max(speed.milliseconds, 1e-9);
  double end = 0;
  int column = 0;
  for (size_t i = 0; i < kParts.size(); ++i) {
    end += speed.components[static_cast<size_t>(kParts[i])];
    const std::string letter(1, static_cast<char>('A' + i));
    const std::string glyph = view.colour && view.unicode ? "█" : letter;
    const int stop = std::min(place.columns, static_cast<int>(std::lround(end * scale)));
    for (; column < stop; ++column) screen.put(place.row, place.column + column, glyph, part_style(i));
  }
}

void draw_components(Screen& screen, const Rect& place, const Run& run, const ViewState& view) {
  const Speed speed = run.speed();
  if (!(speed.milliseconds > 0) || place.rows < 1) return;
  draw_bar(screen, place, speed, view);
  int row = 1, column = 0;
  const auto put = [&](const std::string& text, Style style) {
    if (column + width_of(text) > place.columns) {
      ++row;
      column = 0;
    }
    if (row < place.rows) screen.put(place.row + row, place.column + column, text, style, place.columns);
    column += width_of(text) + 2;
  };
  for (size_t i = 0; i < kParts.size(); ++i) {
    const double ms = speed.components[static_cast<size_t>(kParts[i])];
    if (ms < 0.05) continue;
    put(fmt::format("{} {} {:.1f}", view.colour && view.unicode ? "█" : std::string(1, static_cast<char>('A' + i)),
                    part_name(kParts[i], run), ms),
        part_style(i));
  }
  put(fmt::format("dw {:.1f}, on a queue of its own", speed.components[static_cast<size_t>(Timer::dw)]), Style::dim);
}

// "name   value  ▁▂▃"
void draw_gauge(Screen& screen, int row, const Rect& place, const std::string& name, const std::string& value,
                const Series& series, const ViewState& view) {
  screen.put(row, place.column, name, Style::dim, place.columns);
  const int end = screen.put(row, place.column + 8, value, Style::plain, std::max(0, place.columns - 8)) + 2;
  const int room = place.column + place.columns - end;
  if (room >= 4) screen.put(row, end, sparkline(series, room, kPast, view.unicode), part_style(0), room);
}

std::string watts(const std::optional<double>& power) {
  return power ? fmt::format("{:.1f} W", *power) : "not available";
}

void draw_machine(Screen& screen, const Rect& place, const Session& session, const ViewState& view) {
  const auto& usage = session.usage();
  const double share = usage ? 100 * usage->cores / processors() : 0;
  draw_gauge(screen, place.row, place, "CPU",
             usage ? fmt::format("{:.0f}% of {} processors", share, processors()) : "-", session.cpu(), view);
  if (place.rows < 2) return;
  const double megabytes = usage ? static_cast<double>(usage->memory_bytes) / (1 << 20) : 0;
  draw_gauge(screen, place.row + 1, place, "memory", usage ? fmt::format("{:.0f} MiB", megabytes) : "-",
             session.memory(), view);
  if (place.rows < 3) return;
  const Power& power = session.power();
  const bool none = !power.cpu && !power.device;
  if (none) {
    const auto lines = wrap("power not available: " + power.missing, place.columns);
    for (size_t i = 0; i < lines.size() && static_cast<int>(i) < place.rows - 2; ++i) {
      screen.put(place.row + 2 + static_cast<int>(i), place.column, lines[i], Style::dim, place.columns);
    }
    return;
  }
  draw_gauge(screen, place.row + 2, place, "CPU", watts(power.cpu), session.cpu_power(), view);
  if (place.rows > 3) {
    draw_gauge(screen, place.row + 3, place, "engine", watts(power.device), session.device_power(), view);
  }
}

void draw_text(Screen& screen, const Rect& place, const std::string& text, Style style, int& row) {
  for (const std::string& line : wrap(printable_lines(text), std::max(1, place.columns - 1))) {
    if (row >= place.rows) return;
    screen.put(place.row + row++, place.column, line, style, place.columns);
  }
}

void draw_preview(Screen& screen, const Rect& place, const Session& session, const ViewState& view) {
  const Preview& preview = session.preview();
  std::string title = "the model's words";
  if (!preview.text().empty()) title += fmt::format(" at step {}", preview.step());
  if (preview.generating()) title += ", generating";
  const Rect below = titled(screen, place, title, view.unicode);
  int row = 0;
  if (!preview.error().empty()) draw_text(screen, below, "no text: " + preview.error(), Style::bad, row);
  draw_text(screen, below, preview.text(), Style::plain, row);
  if (row > 1 || !preview.text().empty() || !preview.error().empty()) return;
  row = 0;
  draw_text(screen, below,
            session.previews() ? "comes with the first checkpoint" : "press g to let the newest checkpoint speak",
            Style::dim, row);
}

void draw_log(Screen& screen, const Rect& place, const Session& session, const ViewState& view) {
  const int64_t total = std::ssize(session.lines());
  const int64_t back = view.follow ? 0 : std::clamp<int64_t>(view.scrolled, 0, std::max<int64_t>(total - 1, 0));
  const Rect below = titled(
      screen, place, view.follow ? "log" : fmt::format("log, {} lines back: p follows it again", back), view.unicode);
  const int64_t end = total - back, begin = std::max<int64_t>(end - below.rows, 0);
  for (int64_t i = begin; i < end; ++i) {
    const LogLine& line = session.lines()[static_cast<size_t>(i)];
    screen.put(below.row + static_cast<int>(i - begin), below.column, line.text, style_of(line.kind), below.columns);
  }
}

void draw_footer(Screen& screen, const Session& session, const ViewState& view) {
  const int row = screen.rows() - 1;
  const bool bad = session.status() == Status::failed || session.status() == Status::died;
  if (!view.message.empty()) {
    screen.put(row, 0, view.message, Style::warning);
  } else if (bad) {
    screen.put(row, 0, session.run().error(), Style::bad);
  } else {
    Parts keys = {"q quit", "h help", "space pause", "s save", "g generate", "r restart", "p follow"};
    if (!view.which.empty()) keys.insert(keys.begin() + 2, "tab next run");
    screen.put(row, 0, fitting(keys, screen.columns()), Style::dim);
  }
}

void draw_help(Screen& screen, bool attached, bool several) {
  std::vector<std::string> lines = {
      "q        quit" + std::string(attached ? "; the run goes on" : ": stop the run, with a checkpoint"),
      "space    pause after this step; go on",
      "s        save a checkpoint after this step",
      "r        stop, then go on from the checkpoint",
      "g        let the newest checkpoint speak",
      "p        let the log follow its end, or not",
      "arrows   scroll the log; page up and down too",
      "h, ?     this help; any key closes it"};
  if (several) lines.insert(lines.begin() + 1, "tab      the next run");
  const int width = std::min(54, screen.columns()), column = (screen.columns() - width) / 2;
  int row = std::max(0, (screen.rows() - static_cast<int>(lines.size()) - 2) / 2);
  const std::string blank(static_cast<size_t>(width), ' ');
  const auto put = [&](const std::string& text, Style style) {
    screen.put(row, column, blank);
    screen.put(row++, column + 2, text, style, width - 3);
  };
  put("keys", Style::title);
  for (const std::string& line : lines) put(line, Style::plain);
  put("", Style::plain);
}

// From `row` on: loss and figures side by side, then where time and power go, then text and log.
void draw_wide(Screen& screen, int row, const Session& session, const ViewState& view) {
  const int rows = screen.rows(), columns = screen.columns();
  const int figures = 38, middle = 5, upper = std::max(8, (rows - row - 1 - middle) / 2);
  const int left = columns - figures - 2, half = columns / 2;
  const Rect loss = titled(screen, {row, 0, upper, left}, "loss", view.unicode);
  draw_loss(screen, loss, session.run(), view.unicode);
  draw_figures(screen, titled(screen, {row, left + 2, upper, figures}, "training", view.unicode),
               figures_of(session.run()));
  row += upper;
  draw_components(screen, titled(screen, {row, 0, middle, half - 1}, "where a step goes, ms", view.unicode),
                  session.run(), view);
  draw_machine(screen, titled(screen, {row, half + 1, middle, columns - half - 1}, "the trainer", view.unicode),
               session, view);
  row += middle;
  const int rest = rows - 1 - row;
  draw_preview(screen, {row, 0, rest, half - 1}, session, view);
  draw_log(screen, {row, half + 1, rest, columns - half - 1}, session, view);
}

// One below the other; what has no room is left out, as is the step, which the header has.
void draw_narrow(Screen& screen, int row, const Session& session, const ViewState& view) {
  const int columns = screen.columns(), rest = screen.rows() - 1 - row;
  const int loss = std::max(5, rest / 3), figures = std::clamp(rest / 4, 3, 9);
  draw_loss(screen, {row, 0, loss, columns}, session.run(), view.unicode);
  row += loss;
  Figures rows = figures_of(session.run());
  rows.erase(rows.begin());
  draw_figures(screen, {row, 0, figures, columns}, rows);
  row += figures;
  int left = screen.rows() - 1 - row;
  if (left >= 9) {
    draw_components(screen, {row, 0, 2, columns}, session.run(), view);
    draw_machine(screen, {row + 2, 0, 3, columns}, session, view);
    row += 5;
    left -= 5;
  }
  if (left >= 9) {
    draw_preview(screen, {row, 0, left / 2, columns}, session, view);
    row += left / 2;
    left -= left / 2;
  }
  draw_log(screen, {row, 0, left, columns}, session, view);
}

}  // namespace

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::min(seconds, 1e12)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

void draw(Screen& screen, const Session& session, const ViewState& view) {
  if (screen.columns() < kLeastColumns || screen.rows() < kLeastRows) {
    screen.put(
        0, 0,
        fmt::format("{}x{} is too small: make it {}x{}", screen.columns(), screen.rows(), kLeastColumns, kLeastRows));
    screen.put(1, 0, summary_line(session), Style::dim);
    return;
  }
  const bool wide = screen.columns() >= 80 && screen.rows() >= 22;
  const int row = draw_header(screen, session, view, wide);
  wide ? draw_wide(screen, row, session, view) : draw_narrow(screen, row, session, view);
  draw_footer(screen, session, view);
  if (view.help) draw_help(screen, session.attached(), !view.which.empty());
}

std::string summary_line(const Session& session) { return fmt::format("{}", fmt::join(summary(session), "  ")); }

}  // namespace anemone::dashboard
