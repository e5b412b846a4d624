// SPDX-License-Identifier: Apache-2.0
//
// See terminal.h.
#define NCURSES_WIDECHAR 1
#include "terminal.h"

#include <curses.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "ui.h"

namespace xsched::top {
namespace {

// A meaning's attributes without colours, and its colour with them.
struct Dress {
  attr_t plain;
  attr_t coloured;
  short foreground;  // -1: the terminal's own
  short background;
};

constexpr Dress dress(Style style) {
  switch (style) {
    case Style::kDim:
      return {A_DIM, A_DIM, -1, -1};
    case Style::kStrong:
      return {A_BOLD, A_BOLD, -1, -1};
    case Style::kTitle:
      return {A_REVERSE, 0, COLOR_BLACK, COLOR_GREEN};
    case Style::kSorted:
      return {A_REVERSE | A_BOLD, A_BOLD, COLOR_BLACK, COLOR_CYAN};
    case Style::kCursor:
      return {A_REVERSE, 0, COLOR_BLACK, COLOR_CYAN};
    case Style::kTagged:
      return {A_BOLD, A_BOLD, COLOR_YELLOW, -1};
    case Style::kHeading:
      return {A_BOLD, A_BOLD, COLOR_CYAN, -1};
    case Style::kGood:
    case Style::kBarLow:
      return {0, 0, COLOR_GREEN, -1};
    case Style::kWarn:
    case Style::kBarMid:
      return {0, 0, COLOR_YELLOW, -1};
    case Style::kBad:
    case Style::kBarHigh:
      return {A_BOLD, A_BOLD, COLOR_RED, -1};
    case Style::kKey:
      return {A_BOLD, 0, -1, -1};
    case Style::kLabel:
      return {A_REVERSE, 0, COLOR_BLACK, COLOR_CYAN};
    default:
      return {0, 0, -1, -1};
  }
}

int translate(int code) {
  switch (code) {
    case KEY_UP:
      return kKeyUp;
    case KEY_DOWN:
      return kKeyDown;
    case KEY_LEFT:
      return kKeyLeft;
    case KEY_RIGHT:
      return kKeyRight;
    case KEY_PPAGE:
      return kKeyPageUp;
    case KEY_NPAGE:
      return kKeyPageDown;
    case KEY_HOME:
      return kKeyHome;
    case KEY_END:
      return kKeyEnd;
    case KEY_BACKSPACE:
      return kKeyBackspace;
    case KEY_ENTER:
    case '\r':
      return kKeyEnter;
    case KEY_RESIZE:
      return Terminal::kResized;
    default:
      if (code >= KEY_F(1) && code <= KEY_F(10)) return kKeyF1 + (code - KEY_F(1));
      return code < KEY_MIN ? code : 0;
  }
}

}  // namespace

struct Terminal::Look {
  SCREEN* screen = nullptr;
  std::array<attr_t, static_cast<size_t>(Style::kCount_)> attributes{};
  std::array<short, static_cast<size_t>(Style::kCount_)> pairs{};
  int empty_reads = 0;
};

std::unique_ptr<Terminal> Terminal::open(bool colours, std::string& error) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    error = "this is no terminal: use --once or --json";
    return nullptr;
  }
  SCREEN* screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* type = getenv("TERM");
    error = std::string("terminal type '") + (type != nullptr ? type : "") +
            "' (TERM) is not known: use --once or --json";
    return nullptr;
  }
  std::unique_ptr<Terminal> terminal(new Terminal(colours));
  terminal->look_->screen = screen;
  return terminal;
}

Terminal::Terminal(bool colours) : look_(std::make_unique<Look>()) {
  set_escdelay(25);  // Esc is a key here
  cbreak();
  noecho();
  nonl();
  intrflush(stdscr, FALSE);
  keypad(stdscr, TRUE);
  curs_set(0);
  const bool use = colours && has_colors();
  if (use) {
    start_color();
    use_default_colors();
  }
  for (size_t i = 0; i < look_->attributes.size(); ++i) {
    const Dress d = dress(static_cast<Style>(i));
    look_->attributes[i] = use ? d.coloured : d.plain;
    if (!use || (d.foreground < 0 && d.background < 0)) continue;
    const short pair = static_cast<short>(i + 1);
    init_pair(pair, d.foreground, d.background);
    look_->pairs[i] = pair;
  }
}

Terminal::~Terminal() {
  endwin();
  delscreen(look_->screen);
}

int Terminal::width() const {
  return getmaxx(stdscr);
}

int Terminal::height() const {
  return getmaxy(stdscr);
}

void Terminal::show(const Grid& grid) {
  erase();
  for (int y = 0; y < grid.height(); ++y) {
    for (int x = 0; x < grid.width(); ++x) {
      const Cell& cell = grid.at(x, y);
      if (cell == Cell{}) continue;
      const size_t style = static_cast<size_t>(cell.style);
      const wchar_t text[2] = {static_cast<wchar_t>(cell.ch), 0};
      cchar_t out;
      setcchar(&out, text, look_->attributes[style], look_->pairs[style], nullptr);
      mvadd_wch(y, x, &out);
    }
  }
  refresh();
}

int Terminal::key(int timeout_ms) {
  // ncurses may have read more than one key already, so it is asked first.
  timeout(0);
  int code = getch();
  if (code == ERR) {
    pollfd fd{STDIN_FILENO, POLLIN, 0};
    const int n = poll(&fd, 1, timeout_ms);
    if (n == 0) return kNothing;
    code = getch();  // also after a signal: a new size is a key
    // A terminal that hung up is readable for ever and never has a key.
    const bool empty = n > 0 && code == ERR;
    look_->empty_reads = empty ? look_->empty_reads + 1 : 0;
    if ((n > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) || look_->empty_reads > 8)
      return kGone;
    if (code == ERR) return kNothing;
  }
  return translate(code);
}

}  // namespace xsched::top
