// SPDX-License-Identifier: Apache-2.0
//
// The terminal, through ncurses: the only file that knows it.
#pragma once

#include <memory>
#include <string>

#include "grid.h"

namespace xsched::top {

class Terminal {
 public:
  static constexpr int kNothing = -1;  // the time is over
  static constexpr int kResized = -2;
  static constexpr int kGone = -3;  // nobody types there any more

  // Null and one line in `error` if this is no terminal for us.
  static std::unique_ptr<Terminal> open(bool colours, std::string& error);
  ~Terminal();
  Terminal(const Terminal&) = delete;

  int width() const;
  int height() const;
  void show(const Grid& grid);
  // The next key (ui.h), or one of the above.
  int key(int timeout_ms);

 private:
  explicit Terminal(bool colours);
  struct Look;
  std::unique_ptr<Look> look_;
};

}  // namespace xsched::top
