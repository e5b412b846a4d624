// SPDX-License-Identifier: Apache-2.0
//
// The screen: header (sources, GPUs, latency), table, footer, and the two
// windows that may cover them.
#include <algorithm>

#include "ui.h"

namespace xsched::top {
namespace {

constexpr int kGpuWidth = 36;  // at least, for two beside each other
constexpr int kMostGpuLines = 8;

std::string cut(const std::string& text, int width) {
  return text.size() > static_cast<size_t>(std::max(width, 0))
             ? text.substr(0, static_cast<size_t>(std::max(width, 0)))
             : text;
}

// Fixed width; what does not fit keeps its beginning and shows the cut.
std::string cell(const std::string& text, int width, bool right) {
  const int size = static_cast<int>(text.size());
  if (size > width) return cut(text, width - 1) + "+";
  const std::string pad(static_cast<size_t>(width - size), ' ');
  return right ? pad + text : text + pad;
}

Style state_style(const Row& row) {
  switch (row.state) {
    case State::kRunning:
      return Style::kGood;
    case State::kSuspending:
    case State::kSuspended:
    case State::kUnmapped:
      return Style::kWarn;
    case State::kDead:
      return Style::kBad;
    default:
      return Style::kPlain;
  }
}

Style cell_style(const Row& row, const Column& column, const std::string& text) {
  if (text == kUnknown) return Style::kDim;
  const std::string_view title = column.title;
  if (title == "STATE") return state_style(row);
  // Lower than wanted is what an operator must see.
  if (title == "LV" && row.level_wanted && row.level_actual &&
      *row.level_actual < *row.level_wanted)
    return Style::kBad;
  return Style::kPlain;
}

struct HelpLine {
  const char* keys;
  const char* text;
};
constexpr HelpLine kHelp[] = {
    {"arrows, PgUp, PgDn, Home, End", "move"},
    {"F6  <  >  I", "sort by: menu, column to the left, to the right, invert"},
    {"/  F4   Esc", "filter rows while typing; Esc clears it"},
    {"t  F5", "tree: GPUs, processes, queues"},
    {"a", "SDMA queues too"},
    {"space  U", "tag (a heading: all of it); untag all"},
    {"s", "suspend the tagged, else the line: until r, or the end of xsched-top"},
    {"r", "resume: ends operators' suspends, whoever made them"},
    {"+ -  F8 F7", "priority up, down"},
    {"p", "policy of xschedd, by name"},
    {"h  ?  F1", "this"},
    {"q  F10", "quit"},
};

}  // namespace

int Ui::gpu_lines() const {
  const int count = static_cast<int>(model_.gpus().size());
  const int beside = width_ >= 2 * kGpuWidth ? 2 : 1;
  // The table is what the screen is for.
  return std::min({(count + beside - 1) / beside, kMostGpuLines, std::max(height_ / 3 - 2, 0)});
}

int Ui::header_height() const {
  if (height_ < 8) return 0;
  return 1 + gpu_lines() + 1;
}

void Ui::draw_gpu(Grid& grid, int x, int y, int width, const Gpu& gpu) const {
  const std::string label = gpu.index ? std::to_string(*gpu.index) : std::to_string(gpu.gpu_id);
  x = grid.put(x, y, label, Style::kStrong);
  width -= static_cast<int>(label.size());
  std::string value = gpu.used ? percent_text(*gpu.used) + "%" : kUnknown;
  if (gpu.used && gpu.used_what != "busy") value += " " + gpu.used_what;
  const int inside = width - 3;
  if (inside < static_cast<int>(value.size()) + 1) return;
  x = grid.put(x, y, "[", Style::kStrong);
  const int full = gpu.used ? static_cast<int>(*gpu.used * inside + 0.5) : 0;
  for (int i = 0; i < full; ++i) {
    const Style style = i * 10 < inside * 6   ? Style::kBarLow
                        : i * 10 < inside * 9 ? Style::kBarMid
                                              : Style::kBarHigh;
    grid.set(x + i, y, '|', style);
  }
  grid.put(x + inside - static_cast<int>(value.size()), y, value,
           gpu.used ? Style::kStrong : Style::kDim);
  grid.put(x + inside, y, "]", Style::kStrong);
}

void Ui::draw_latency(Grid& grid, int y) const {
  const auto& all = model_.latencies();
  uint64_t worst = 0;
  bool any = false;
  for (const auto& one : all) {
    if (!one) continue;
    worst = std::max(worst, *one);
    any = true;
  }
  int x = grid.put(0, y, "preempt ", Style::kStrong);
  const std::string tail = any ? " worst " + time_text(worst) : std::string(" none seen");
  const int room = std::min(grid.width() - x - static_cast<int>(tail.size()), 60);
  const int shown = std::clamp(room, 0, static_cast<int>(all.size()));
  static constexpr char32_t kBlocks[] = U"▁▂▃▄▅▆▇█";
  static constexpr char32_t kAscii[] = U"_.,-=+*#";
  for (int i = 0; i < shown; ++i) {
    const auto& one = all[all.size() - static_cast<size_t>(shown - i)];
    if (!one) {
      grid.set(x++, y, U' ');
      continue;
    }
    const size_t height = worst == 0 ? 0 : static_cast<size_t>(*one * 7 / worst);
    grid.set(x++, y, options_.unicode ? kBlocks[height] : kAscii[height], Style::kBarLow);
  }
  grid.put(x, y, tail, any ? Style::kPlain : Style::kDim);
}

void Ui::draw_header(Grid& grid) const {
  if (header_height() == 0) return;
  std::set<int32_t> processes;
  size_t stopped = 0;
  for (const Row& row : model_.rows()) {
    processes.insert(row.pid);
    stopped += row.state == State::kSuspended || row.state == State::kSuspending ? 1 : 0;
  }
  int x = grid.put(0, 0, "xsched-top", Style::kStrong);
  if (!options_.clock.empty()) x = grid.put(x + 1, 0, options_.clock);
  x = grid.put(x + 1, 0,
               std::to_string(model_.rows().size()) + " queues, " +
                   std::to_string(processes.size()) + " processes, " + std::to_string(stopped) +
                   " suspended");
  for (const SourceStatus& source : model_.sources()) {
    if (!source.ok) continue;
    x = grid.put(x + 2, 0, source.name, Style::kGood);
    if (source.name == "xschedd") x = grid.put(x + 1, 0, model_.policy());
  }
  const int lines = gpu_lines();
  const bool two = width_ >= 2 * kGpuWidth && model_.gpus().size() > 1;
  const int width = two ? grid.width() / 2 - 1 : std::min(grid.width(), 2 * kGpuWidth);
  const size_t fits = static_cast<size_t>(lines * (two ? 2 : 1));
  for (size_t i = 0; i < std::min(model_.gpus().size(), fits); ++i) {
    const int column = static_cast<int>(i) / std::max(lines, 1);
    draw_gpu(grid, column * (width + 2), 1 + static_cast<int>(i) % std::max(lines, 1), width,
             model_.gpus()[i]);
  }
  draw_latency(grid, 1 + lines);
}

void Ui::draw_line(Grid& grid, int y, const Line& line, const std::vector<int>& shown,
                   bool cursor) const {
  const bool heading = line.kind != Line::Kind::kQueue;
  Row sums;
  if (heading) sums = summary(model_, line);
  const Row& row = heading ? sums : model_.rows()[line.row];
  const bool is_tagged = !heading && tagged_.count(row.key) != 0;
  grid.set(0, y, is_tagged ? U'*' : U' ', Style::kTagged);
  int x = 1;
  for (int i : shown) {
    const Column& column = columns()[static_cast<size_t>(i)];
    const bool command = std::string_view(column.title) == "COMMAND";
    const bool gpu = line.kind == Line::Kind::kGpu;
    std::string text;
    if (heading && !column.known(row)) {
      text = "";  // members differ: not one value
    } else if (gpu && (i == 0 || std::string_view(column.title) == "USER")) {
      text = i == 0 ? "GPU " + gpu_text(row) : "";
    } else {
      text = column.text(row);
    }
    if (command) {
      std::string tree;
      if (options_.order.tree && !heading) tree = line.last ? "  `- " : "  |- ";
      if (gpu) text = std::to_string(line.members.size()) + " queues";
      grid.put(x, y, cut(tree + text, grid.width() - x), heading ? Style::kHeading : Style::kPlain);
    } else {
      const Style style = heading ? Style::kHeading : cell_style(row, column, text);
      grid.put(x, y, cell(text, column.width, column.right), style);
    }
    x += column.width + 1;
  }
  if (is_tagged) grid.paint(y, Style::kTagged);
  if (cursor) grid.paint(y, Style::kCursor);
}

void Ui::draw_table(Grid& grid) {
  const int y0 = header_height();
  const std::vector<int> shown = fitting(grid.width());
  grid.paint(y0, Style::kTitle);
  int x = 1;
  for (int i : shown) {
    const Column& column = columns()[static_cast<size_t>(i)];
    const bool sorts = i == options_.order.column;
    grid.put(x, y0, cell(column.title, column.width, column.right),
             sorts ? Style::kSorted : Style::kTitle);
    // In the gap, so that the title keeps its place.
    if (sorts)
      grid.set(x + column.width, y0, options_.order.descending ? U'v' : U'^', Style::kSorted);
    x += column.width + 1;
  }
  const int rows = page();
  for (int i = 0; i < rows && top_ + i < static_cast<int>(lines_.size()); ++i) {
    draw_line(grid, y0 + 1 + i, lines_[static_cast<size_t>(top_ + i)], shown, top_ + i == cursor_);
  }
  if (!lines_.empty()) return;
  int y = y0 + 1;
  if (!model_.rows().empty()) {
    grid.put(1, y, "no queue matches '" + options_.order.filter + "' (Esc shows all)", Style::kDim);
    return;
  }
  grid.put(1, y++, "no queues. Asked were:", Style::kDim);
  for (const SourceStatus& source : model_.sources()) {
    grid.put(1, y++, (source.ok ? "+ " : "- ") + source.name + ": " + source.text, Style::kDim);
  }
}

void Ui::draw_footer(Grid& grid) const {
  const int y = grid.height() - 1;
  if (mode_ == Mode::kFilter || mode_ == Mode::kPolicy) {
    const int x = grid.put(0, y, mode_ == Mode::kFilter ? "filter: " : "policy: ", Style::kStrong);
    grid.set(grid.put(x, y, text_), y, U'_', Style::kStrong);
    return;
  }
  if (message_) {
    grid.put(0, y, message_->text, message_->ok ? Style::kGood : Style::kBad);
    return;
  }
  static constexpr HelpLine kKeys[] = {
      {"h", "Help"},  {"q", "Quit"},    {"/", "Filter"}, {"F6", "Sort"},     {"t", "Tree"},
      {"spc", "Tag"}, {"s", "Suspend"}, {"r", "Resume"}, {"+-", "Priority"}, {"p", "Policy"}};
  int x = 0;
  for (const HelpLine& key : kKeys) {
    const int needs =
        static_cast<int>(std::string_view(key.keys).size() + std::string_view(key.text).size() + 1);
    if (x + needs > grid.width()) break;
    x = grid.put(x, y, key.keys, Style::kKey);
    x = grid.put(x, y, key.text, Style::kLabel) + 1;
  }
  if (!options_.order.filter.empty())
    grid.put(x + 1, y, "filter '" + options_.order.filter + "'", Style::kWarn);
}

void Ui::draw_help(Grid& grid) const {
  std::vector<std::pair<std::string, std::string>> text;
  text.emplace_back("xsched-top: every hardware queue, live. Any other key: back", "");
  text.emplace_back("", "");
  for (const HelpLine& line : kHelp) text.emplace_back(line.keys, line.text);
  text.emplace_back("", "");
  for (const Column& column : columns()) text.emplace_back(column.title, column.help);
  text.emplace_back("", "");
  text.emplace_back(kUnknown, "no source knows it");
  for (const SourceStatus& source : model_.sources())
    text.emplace_back(source.name, (source.ok ? "" : "not there: ") + source.text);
  const int last = std::max(static_cast<int>(text.size()) - grid.height(), 0);
  const int narrow = grid.width() < 70 ? 12 : 31;
  int y = 0;
  for (size_t i = static_cast<size_t>(std::min(help_top_, last)); i < text.size(); ++i, ++y) {
    grid.put(0, y, text[i].first, Style::kKey);
    const int x = std::max(narrow, static_cast<int>(text[i].first.size()) + 1);
    if (!text[i].second.empty()) grid.put(x, y, text[i].second);
  }
}

void Ui::draw_sort(Grid& grid) const {
  const int count = static_cast<int>(columns().size()) + 1;
  const int rows = std::min(count, std::max(grid.height() - 2, 1));
  const int first = std::clamp(sort_cursor_ - rows + 1, 0, count - rows);
  grid.put(0, 0, cell("Sort by", 20, false), Style::kTitle);
  for (int i = 0; i < rows; ++i) {
    const int item = first + i;
    const std::string title =
        item == 0 ? "GPU, process, queue" : columns()[static_cast<size_t>(item - 1)].title;
    grid.put(0, i + 1, cell(" " + title, 20, false),
             item == sort_cursor_ ? Style::kCursor : Style::kLabel);
  }
  grid.put(0, rows + 1, cell("Enter, I, Esc", 20, false), Style::kTitle);
}

Grid Ui::draw() {
  Grid grid(width_, height_);
  if (mode_ == Mode::kHelp) {
    draw_help(grid);
    return grid;
  }
  draw_header(grid);
  draw_table(grid);
  draw_footer(grid);
  if (mode_ == Mode::kSort) draw_sort(grid);
  return grid;
}

}  // namespace xsched::top
