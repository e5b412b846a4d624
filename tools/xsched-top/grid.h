// SPDX-License-Identifier: Apache-2.0
//
// A screen's content without a terminal: characters with a meaning, which the
// terminal turns into colours or attributes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace xsched::top {

enum class Style : unsigned char {
  kPlain,
  kDim,
  kStrong,
  kTitle,   // the table's head
  kSorted,  // ... of the column that sorts
  kCursor,
  kTagged,
  kHeading,  // a group's line
  kGood,
  kWarn,
  kBad,
  kBarLow,
  kBarMid,
  kBarHigh,
  kKey,    // the name of a key
  kLabel,  // what it does
  kCount_,
};

struct Cell {
  char32_t ch = U' ';
  Style style = Style::kPlain;
  bool operator==(const Cell&) const = default;
};

class Grid {
 public:
  Grid(int width, int height)
      : width_(std::max(width, 0)),
        height_(std::max(height, 0)),
        cells_(static_cast<size_t>(width_) * static_cast<size_t>(height_)) {}

  int width() const { return width_; }
  int height() const { return height_; }

  const Cell& at(int x, int y) const { return cells_[index(x, y)]; }

  // What is outside is cut off. Returns the column behind the last character.
  int put(int x, int y, std::u32string_view text, Style style = Style::kPlain) {
    for (char32_t c : text) set(x++, y, c, style);
    return x;
  }
  int put(int x, int y, std::string_view ascii, Style style = Style::kPlain) {
    for (char c : ascii) set(x++, y, static_cast<unsigned char>(c), style);
    return x;
  }
  void set(int x, int y, char32_t c, Style style = Style::kPlain) {
    if (x >= 0 && y >= 0 && x < width_ && y < height_) cells_[index(x, y)] = {c, style};
  }
  void paint(int y, Style style) {
    for (int x = 0; x < width_ && y >= 0 && y < height_; ++x) cells_[index(x, y)].style = style;
  }

  // A line without its trailing blanks, for tests; '?' for what is not ASCII.
  std::string line(int y) const {
    std::string text;
    for (int x = 0; x < width_; ++x) {
      const char32_t c = at(x, y).ch;
      text += c < 128 ? static_cast<char>(c) : '?';
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

 private:
  size_t index(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
  }
  int width_, height_;
  std::vector<Cell> cells_;
};

}  // namespace xsched::top
