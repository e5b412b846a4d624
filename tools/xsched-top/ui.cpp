// SPDX-License-Identifier: Apache-2.0
//
// Keys. What they draw is in draw.cpp.
#include "ui.h"

#include <algorithm>
#include <utility>

namespace xsched::top {
namespace {

constexpr size_t kLongestText = 64;

}  // namespace

void Ui::update(Snapshot&& snapshot) {
  model_.update(std::move(snapshot));
  std::set<Key> there;
  for (const Row& row : model_.rows()) {
    if (tagged_.count(row.key) != 0) there.insert(row.key);
  }
  tagged_ = std::move(there);
  arrange_again();
}

void Ui::resize(int width, int height) {
  width_ = width;
  height_ = height;
  move(0);
}

// What a line is over snapshots; a heading is its first member's.
std::pair<Line::Kind, Key> Ui::name_of(const Line& line) const {
  const Key& key = model_.rows()[line.members.empty() ? line.row : line.members[0]].key;
  if (line.kind == Line::Kind::kQueue) return {line.kind, key};
  return {line.kind, Key{key.pid, false, 0}};
}

// The cursor stays on its line if that is still there, else where it was.
void Ui::arrange_again() {
  lines_ = arrange(model_, options_.order);
  for (size_t i = 0; i < lines_.size() && cursor_on_; ++i) {
    if (name_of(lines_[i]) != *cursor_on_) continue;
    cursor_ = static_cast<int>(i);
    break;
  }
  move(0);
}

void Ui::move(int by) {
  const int last = static_cast<int>(lines_.size()) - 1;
  cursor_ = std::clamp(cursor_ + by, 0, std::max(last, 0));
  top_ = std::clamp(top_, std::max(cursor_ - page() + 1, 0), cursor_);
  top_ = std::max(std::min(top_, last - page() + 1), 0);
  cursor_on_.reset();
  if (last >= 0) cursor_on_ = name_of(lines_[static_cast<size_t>(cursor_)]);
}

int Ui::page() const {
  return std::max(height_ - header_height() - 2, 1);
}

void Ui::move_sort(int by) {
  const int count = static_cast<int>(columns().size());
  int& column = options_.order.column;
  column = std::clamp(column + by, -1, count - 1);
  arrange_again();
}

std::vector<size_t> Ui::chosen() const {
  std::vector<size_t> rows;
  for (size_t i = 0; i < model_.rows().size(); ++i) {
    if (tagged_.count(model_.rows()[i].key) != 0) rows.push_back(i);
  }
  if (!rows.empty() || lines_.empty()) return rows;
  const Line& line = lines_[static_cast<size_t>(cursor_)];
  if (line.kind != Line::Kind::kQueue) return line.members;
  return {line.row};
}

void Ui::tag() {
  if (lines_.empty()) return;
  const Line& line = lines_[static_cast<size_t>(cursor_)];
  const std::vector<size_t> rows =
      line.kind == Line::Kind::kQueue ? std::vector{line.row} : line.members;
  const bool all = std::all_of(rows.begin(), rows.end(),
                               [&](size_t i) { return tagged_.count(model_.rows()[i].key) != 0; });
  for (size_t i : rows) {
    if (all) {
      tagged_.erase(model_.rows()[i].key);
    } else {
      tagged_.insert(model_.rows()[i].key);
    }
  }
  move(1);
}

void Ui::ask(Action::Kind kind, int32_t change) {
  Action action;
  action.kind = kind;
  action.change = change;
  for (size_t i : chosen()) {
    const Row& row = model_.rows()[i];
    action.targets.push_back({row.pid, row.xq, row.handle});
  }
  if (!action.targets.empty()) actions_.push_back(std::move(action));
}

std::vector<Action> Ui::take_actions() {
  return std::exchange(actions_, {});
}

void Ui::report(const Answer& answer) {
  message_ = answer;
}

void Ui::key(int code) {
  message_.reset();
  switch (mode_) {
    case Mode::kTable:
      return table_key(code);
    case Mode::kSort:
      return sort_key(code);
    case Mode::kFilter:
    case Mode::kPolicy:
      return text_key(code);
    case Mode::kHelp:
      if (code == kKeyDown || code == kKeyPageDown || code == ' ') {
        ++help_top_;
      } else if (code == kKeyUp || code == kKeyPageUp) {
        help_top_ = std::max(help_top_ - 1, 0);
      } else {
        mode_ = Mode::kTable;
      }
      return;
  }
}

void Ui::table_key(int code) {
  Order& order = options_.order;
  switch (code) {
    case 'q':
    case kKeyF10:
      quit_ = true;
      return;
    case 'h':
    case '?':
    case kKeyF1:
      help_top_ = 0;
      mode_ = Mode::kHelp;
      return;
    case kKeyUp:
    case 'k':
      return move(-1);
    case kKeyDown:
    case 'j':
      return move(1);
    case kKeyPageUp:
      return move(-page());
    case kKeyPageDown:
      return move(page());
    case kKeyHome:
      return move(-static_cast<int>(lines_.size()));
    case kKeyEnd:
      return move(static_cast<int>(lines_.size()));
    case ' ':
      return tag();
    case 'U':
      tagged_.clear();
      return;
    case 't':
    case kKeyF5:
      order.tree = !order.tree;
      return arrange_again();
    case 'a':
      order.sdma = !order.sdma;
      return arrange_again();
    case 'I':
      order.descending = !order.descending;
      return arrange_again();
    case '<':
      return move_sort(-1);
    case '>':
      return move_sort(1);
    case kKeyF6:
      sort_cursor_ = order.column + 1;
      mode_ = Mode::kSort;
      return;
    case '/':
    case kKeyF4:
      text_ = text_before_ = order.filter;
      mode_ = Mode::kFilter;
      return;
    case kKeyEscape:
      order.filter.clear();
      return arrange_again();
    case 's':
      return ask(Action::Kind::kSuspend);
    case 'r':
      return ask(Action::Kind::kResume);
    case '+':
    case '=':
    case kKeyF8:
      return ask(Action::Kind::kPriority, 1);
    case '-':
    case kKeyF7:
      return ask(Action::Kind::kPriority, -1);
    case 'p':
      text_.clear();
      mode_ = Mode::kPolicy;
      return;
    default:
      return;
  }
}

void Ui::sort_key(int code) {
  const int last = static_cast<int>(columns().size());  // and one for "none"
  switch (code) {
    case kKeyUp:
    case 'k':
      sort_cursor_ = std::max(sort_cursor_ - 1, 0);
      return;
    case kKeyDown:
    case 'j':
      sort_cursor_ = std::min(sort_cursor_ + 1, last);
      return;
    case kKeyEnter:
      options_.order.column = sort_cursor_ - 1;
      mode_ = Mode::kTable;
      return arrange_again();
    case 'I':
      options_.order.descending = !options_.order.descending;
      return arrange_again();
    case 'q':
    case kKeyF6:
    case kKeyEscape:
      mode_ = Mode::kTable;
      return;
    default:
      return;
  }
}

void Ui::text_key(int code) {
  const bool filter = mode_ == Mode::kFilter;
  if (code == kKeyEnter) {
    mode_ = Mode::kTable;
    if (!filter && !text_.empty()) {
      actions_.emplace_back();
      actions_.back().kind = Action::Kind::kPolicy;
      actions_.back().policy = text_;
    }
    return;
  }
  if (code == kKeyEscape) {
    text_ = text_before_;
    mode_ = Mode::kTable;
  } else if (code == kKeyBackspace || code == '\b') {
    if (!text_.empty()) text_.pop_back();
  } else if (code >= ' ' && code <= '~' && text_.size() < kLongestText) {
    text_ += static_cast<char>(code);
  }
  if (!filter) return;
  options_.order.filter = text_;
  arrange_again();
}

}  // namespace xsched::top
