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
  Keys(Session& session, ViewState& view) : session_(session), view_(view) {}

  bool quitting() const { return quitting_; }
  void press(int key) {
    if (key == KEY_RESIZE) return;
    view_.message.clear();
    if (view_.help) {
      view_.help = false;
      return;
    }
    if (key == 'q' || key == 'Q') quit();
    if (key == 'h' || key == '?') view_.help = true;
    if (key == 'g') ask(Command::generate);
    if (key == 'r') ask(Command::restart);
    if (key == 's') ask(Command::save);
    if (key == ' ') ask(session_.status() == Status::paused ? Command::go_on : Command::pause);
    if (key == 'p') view_.follow = !view_.follow;
    scroll(key);
  }
  // A run of our own is stopped first; asked again, at once.
  void quit() {
    quitting_ = true;
    if (session_.attached() || session_.over()) return;
    ask(Command::stop);
    if (view_.message.empty()) view_.message = "stopping, with a checkpoint: q again ends it at once";
  }

 private:
  void ask(Command command) {
    const Result<> asked = session_.ask(command);
    if (!asked) view_.message = asked.error().message;
  }
  void scroll(int key) {
    const int64_t lines = key == KEY_UP ? 1 : key == KEY_DOWN ? -1 : key == KEY_PPAGE ? 10 : key == KEY_NPAGE ? -10 : 0;
    if (lines == 0) return;
    view_.scrolled = std::clamp<int64_t>((view_.follow ? 0 : view_.scrolled) + lines, 0, std::ssize(session_.lines()));
    view_.follow = view_.scrolled == 0;
  }

  Session& session_;
  ViewState& view_;
  bool quitting_ = false;
};

}  // namespace

Result<> show_on_terminal(Session& session, const ShowOptions& options) {
  const std::unique_ptr<Curses> curses = TRY(Curses::open(options));
  ViewState view{.unicode = curses->unicode(), .colour = curses->colour()};
  Keys keys(session, view);
  while (true) {
    const int64_t lines = session.lines_total();
    for (int i = 0; i < kMostPolls && session.poll(); ++i) continue;
    if (!view.follow) view.scrolled += session.lines_total() - lines;  // what is looked at stays
    if (options.stop != nullptr && *options.stop && !keys.quitting()) keys.quit();
    if (keys.quitting() && (session.attached() || session.over())) return {};
    Screen screen = curses->blank();
    draw(screen, session, view);
    curses->show(screen);
    const int key = getch();
    if (key != ERR) keys.press(key);
  }
}

}  // namespace anemone::dashboard
