// SPDX-License-Identifier: Apache-2.0
//
// How long a packet that is work occupies the GPU, from looks at a queue whose
// window is full: then it is busy from one look to the next, and the time that
// passes belongs to the packets that retire. Smoothed as TCP does round trips
// (RFC 6298). Pure: the caller says what time it is.
//
// What it says is what a suspend would have to wait for, so whatever delays a
// packet counts: a dependency, neighbours on the GPU, a dispatcher that is late.
#pragma once

#include <cstdint>

namespace xsched {

class WorkTime {
 public:
  struct Look {
    uint64_t now_ns;
    uint64_t retired;  // counted while the marks stay
    // Whatever may have kept the queue from being busy since the last look
    // changes one of these.
    uint64_t marks[3];
    bool full;
  };

  // True if typical_ns() and spread_ns() have moved far enough from what was
  // said the last time to be said again.
  bool look(const Look& look) {
    const bool same = full_ && look.full && look.marks[0] == last_.marks[0] &&
                      look.marks[1] == last_.marks[1] && look.marks[2] == last_.marks[2];
    full_ = look.full;
    if (!same) {
      last_ = look;
      since_ns_ = 0;
      return false;
    }
    if (look.retired <= last_.retired) return false;
    const uint64_t packets = look.retired - last_.retired;
    const uint64_t since_ns = since_ns_;
    since_ns_ = look.now_ns;
    last_ = look;
    // When the first one began nobody knows.
    if (since_ns == 0 || look.now_ns <= since_ns) return false;
    add((look.now_ns - since_ns) / packets);
    return news();
  }

  uint64_t typical_ns() const { return typical_; }
  uint64_t spread_ns() const { return spread_; }

 private:
  void add(uint64_t sample) {
    if (sample == 0) sample = 1;
    if (typical_ == 0) {
      typical_ = sample;
      spread_ = sample / 2;
      return;
    }
    const uint64_t off = sample > typical_ ? sample - typical_ : typical_ - sample;
    spread_ = spread_ - spread_ / 4 + off / 4;
    typical_ = typical_ - typical_ / 8 + sample / 8;
    if (typical_ == 0) typical_ = 1;
  }

  bool news() {
    const uint64_t bound = typical_ + 4 * spread_;
    const uint64_t off = bound > said_ ? bound - said_ : said_ - bound;
    if (off <= said_ / 8) return false;
    said_ = bound;
    return true;
  }

  Look last_{};
  bool full_ = false;
  uint64_t since_ns_ = 0;  // when a packet was last seen to retire; 0: not yet
  uint64_t typical_ = 0, spread_ = 0;
  uint64_t said_ = 0;
};

}  // namespace xsched
