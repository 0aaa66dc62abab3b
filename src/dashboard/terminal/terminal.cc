#include "dashboard/terminal/terminal.h"

#define NCURSES_NOMACROS 1  // which would take the names of functions here
#include <curses.h>
#include <langinfo.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <cstring>

#include "dashboard/terminal/panels.h"

namespace anemone::dashboard {
namespace {

constexpr int kFrame = 100;       // milliseconds from one picture to the next, at most
constexpr int kMostPolls = 20;    // between two pictures, while an old log is being read
constexpr int kEscapeDelay = 25;  // milliseconds in which an arrow's bytes follow ESC
constexpr short kPairs[] = {COLOR_CYAN, COLOR_GREEN, COLOR_YELLOW, COLOR_RED, COLOR_BLUE, COLOR_MAGENTA, COLOR_WHITE};

// Owns the terminal: as it was, when this is destroyed.
class Curses {
 public:
  static Result<std::unique_ptr<Curses>> open(const ShowOptions& options) {
    std::setlocale(LC_ALL, "");
    SCREEN* terminal = newterm(nullptr, options.out, options.in);
    if (terminal == nullptr) {
      return fail("the terminal (TERM={}) cannot be drawn on: redirect the output to get plain lines",
                  std::getenv("TERM") ? std::getenv("TERM") : "");
    }
    return std::unique_ptr<Curses>(new Curses(terminal, options.colour));
  }
  ~Curses() {
    endwin();
    delscreen(terminal_);
  }
  Curses(const Curses&) = delete;
  Curses& operator=(const Curses&) = delete;

  bool colour() const { return colour_; }
  Screen blank() const {
    int rows = 0, columns = 0;
    getmaxyx(stdscr, rows, columns);
    return {rows, columns};
  }
  void show(const Screen& screen) const {
    for (int row = 0; row < screen.rows(); ++row) {
      for (int column = 0; column < screen.columns(); ++column) {
        const Cell& cell = screen.at(row, column);
        if (cell.glyph.empty()) continue;
        const bool ascii = static_cast<unsigned char>(cell.glyph[0]) < 0x80;
        attrset(attributes(cell.style));
        mvaddstr(row, column, ascii || unicode_ ? cell.glyph.c_str() : "?");
      }
    }
    refresh();
  }
  bool unicode() const { return unicode_; }

 private:
  Curses(SCREEN* terminal, bool colour) : terminal_(terminal), colour_(colour && has_colors()) {
    unicode_ = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    set_escdelay(kEscapeDelay);
    timeout(kFrame);
    if (!colour_) return;
    start_color();
    use_default_colors();
    for (size_t i = 0; i < std::size(kPairs); ++i) init_pair(static_cast<short>(i + 1), kPairs[i], -1);
  }

  attr_t attributes(Style style) const {
    const auto pair = [&](short number) { return colour_ ? static_cast<attr_t>(COLOR_PAIR(number)) : A_NORMAL; };
    switch (style) {
      case Style::plain:
        return A_NORMAL;
      case Style::dim:
        return A_DIM;
      case Style::title:
        return A_BOLD | pair(1);
      case Style::good:
        return pair(2);
      case Style::warning:
        return A_BOLD | pair(3);
      case Style::bad:
        return A_BOLD | pair(4);
      case Style::raw:
        return A_DIM | pair(5);
      case Style::smoothed:
        return A_BOLD | pair(3);
      default:
        break;
    }
    const int part = static_cast<int>(style) - static_cast<int>(Style::part);
    constexpr std::array<short, kPartStyles> kPartPairs = {1, 2, 3, 5, 6, 7};
    return pair(kPartPairs[static_cast<size_t>(part)]);
  }

  SCREEN* terminal_;
  bool colour_, unicode_ = false;
};

class Keys {
 public:
  Keys(const Sessions& sessions, ViewState& view) : sessions_(sessions), view_(view) { name_run(); }

  Session& session() const { return *sessions_[chosen_]; }
  bool quitting() const { return quitting_; }
  // Whether nothing is left to wait for.
  bool done() const { return quitting_ && std::ranges::none_of(sessions_, is_ours); }

  void press(int key) {
    if (key == KEY_RESIZE) return;
    view_.message.clear();
    if (view_.help) {
      view_.help = false;
      return;
    }
    if (key == 'q' || key == 'Q') quit();
    if (key == 'h' || key == '?') view_.help = true;
    if (key == '\t') next_run();
    if (key == 'g') ask(Command::generate);
    if (key == 'r') ask(Command::restart);
    if (key == 's') ask(Command::save);
    if (key == ' ') ask(session().pausing() ? Command::go_on : Command::pause);
    if (key == 'p') view_.follow = !view_.follow;
    scroll(key);
  }
  // What is looked at stays, however many lines have come.
  void hold_place() {
    const int64_t lines = session().lines_total();
    if (!view_.follow) view_.scrolled += lines - lines_;
    lines_ = lines;
  }
  // A run of our own is stopped first; asked again, at once.
  void quit() {
    quitting_ = true;
    if (!is_ours(sessions_[chosen_])) return;
    ask(Command::stop);
    if (view_.message.empty()) view_.message = "stopping, with a checkpoint: q again ends it at once";
  }

 private:
  static bool is_ours(const std::unique_ptr<Session>& session) { return !session->attached() && !session->over(); }
  void ask(Command command) {
    const Result<> asked = session().ask(command);
    if (!asked) view_.message = asked.error().message;
  }
  void next_run() {
    chosen_ = (chosen_ + 1) % sessions_.size();
    view_.follow = true;
    name_run();
  }
  void name_run() {
    if (sessions_.size() > 1) view_.which = fmt::format("{}/{}", chosen_ + 1, sessions_.size());
  }
  void scroll(int key) {
    const int64_t lines = key == KEY_UP ? 1 : key == KEY_DOWN ? -1 : key == KEY_PPAGE ? 10 : key == KEY_NPAGE ? -10 : 0;
    if (lines == 0) return;
    const int64_t most = std::ssize(session().lines());
    view_.scrolled = std::clamp<int64_t>((view_.follow ? 0 : view_.scrolled) + lines, 0, most);
    view_.follow = view_.scrolled == 0;
  }

  const Sessions& sessions_;
  ViewState& view_;
  size_t chosen_ = 0;
  int64_t lines_ = 0;  // of its log, at the last picture
  bool quitting_ = false;
};

// True: there is more to read at once.
bool poll_all(const Sessions& sessions, const ShowOptions& options) {
  if (options.poll) return options.poll();
  bool more = false;
  for (const auto& session : sessions) more |= session->poll();
  return more;
}

// Nothing, once there is nothing left to wait for.
std::optional<Screen> picture(const Curses& curses, Keys& keys, const ViewState& view, const ShowOptions& options) {
  keys.hold_place();
  if (options.stop != nullptr && *options.stop && !keys.quitting()) keys.quit();
  if (keys.done()) return std::nullopt;
  Screen screen = curses.blank();
  draw(screen, keys.session(), view);
  return screen;
}

}  // namespace

Result<> show_on_terminal(const Sessions& sessions, const ShowOptions& options) {
  const std::unique_ptr<Curses> curses = TRY(Curses::open(options));
  ViewState view{.unicode = curses->unicode(), .colour = curses->colour(), .page = options.page};
  Keys keys(sessions, view);
  const auto locked = [&](auto act) {
    const auto lock = options.lock ? options.lock() : std::unique_lock<std::mutex>();
    return act();
  };
  while (true) {
    for (int i = 0; i < kMostPolls && poll_all(sessions, options); ++i) continue;
    const std::optional<Screen> screen = locked([&] { return picture(*curses, keys, view, options); });
    if (!screen) return {};
    curses->show(*screen);
    const int key = getch();
    if (key != ERR) locked([&] { keys.press(key); });
  }
}

}  // namespace anemone::dashboard
