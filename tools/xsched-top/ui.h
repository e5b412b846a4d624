// SPDX-License-Identifier: Apache-2.0
//
// The program as a state machine: keys and snapshots go in, a grid and
// requests come out. Knows no terminal.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "grid.h"
#include "model.h"
#include "order.h"
#include "source.h"

namespace xsched::top {

// Characters are themselves; the rest stands above them.
enum KeyCode : int {
  kKeyEnter = '\n',
  kKeyEscape = 27,
  kKeyBackspace = 127,
  kKeyUp = 0x1000,
  kKeyDown,
  kKeyLeft,
  kKeyRight,
  kKeyPageUp,
  kKeyPageDown,
  kKeyHome,
  kKeyEnd,
  kKeyF1,
  kKeyF4 = kKeyF1 + 3,
  kKeyF5,
  kKeyF6,
  kKeyF7,
  kKeyF8,
  kKeyF10 = kKeyF1 + 9,
};

class Ui {
 public:
  enum class Mode { kTable, kHelp, kSort, kFilter, kPolicy };

  struct Options {
    Order order;
    bool unicode = false;  // bars and sparkline may leave ASCII
    std::string clock;     // the caller's time of day, "" for none
  };

  explicit Ui(Options options) : options_(std::move(options)) {}

  void key(int code);
  void update(Snapshot&& snapshot);
  void resize(int width, int height);
  void set_clock(std::string text) { options_.clock = std::move(text); }
  Grid draw();

  bool quit() const { return quit_; }
  // What the operator asked for since the last call.
  std::vector<Action> take_actions();
  // How it went: shown until the next key.
  void report(const Answer& answer);

  const Model& model() const { return model_; }
  const Order& order() const { return options_.order; }
  Mode mode() const { return mode_; }
  const std::set<Key>& tagged() const { return tagged_; }

 private:
  // ui.cpp
  void table_key(int code);
  void sort_key(int code);
  void text_key(int code);
  void move(int lines);
  void move_sort(int by);
  void tag();
  void ask(Action::Kind kind, int32_t change = 0);
  void arrange_again();
  std::pair<Line::Kind, Key> name_of(const Line& line) const;
  std::vector<size_t> chosen() const;  // rows that a request is about
  int page() const;

  // draw.cpp
  int header_height() const;
  int gpu_lines() const;
  void draw_header(Grid& grid) const;
  void draw_gpu(Grid& grid, int x, int y, int width, const Gpu& gpu) const;
  void draw_latency(Grid& grid, int y) const;
  void draw_table(Grid& grid);
  void draw_line(Grid& grid, int y, const Line& line, const std::vector<int>& shown,
                 bool cursor) const;
  void draw_footer(Grid& grid) const;
  void draw_help(Grid& grid) const;
  void draw_sort(Grid& grid) const;

  Options options_;
  Model model_;
  std::vector<Line> lines_;
  Mode mode_ = Mode::kTable;
  int width_ = 80, height_ = 24;
  int cursor_ = 0;                                       // index in lines_
  std::optional<std::pair<Line::Kind, Key>> cursor_on_;  // what it stands on
  int top_ = 0;                                          // first line shown
  int sort_cursor_ = 0;
  int help_top_ = 0;
  std::string text_;         // being typed
  std::string text_before_;  // the filter that Escape brings back
  std::set<Key> tagged_;
  std::vector<Action> actions_;
  std::optional<Answer> message_;
  bool quit_ = false;
};

}  // namespace xsched::top
