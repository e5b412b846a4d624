// SPDX-License-Identifier: Apache-2.0
//
// How much GPU time each XQueue used, measured from outside: what
// PolicyInput::run_ns wants. XQueues that are on a GPU together are charged
// equal parts, so that the sum is the time the GPU was in use.
//
// One clock a GPU that advances by dt / n while n XQueues are on it: an
// XQueue's time is how far that clock went while it was on, and a change costs
// the same however many there are.
#pragma once

#include <cstdint>

namespace xsched {

class GpuTime {
 public:
  struct Account {  // one XQueue, on one GPU
    bool on = false;
    uint64_t used_ns = 0;  // up to when it was last taken off
    uint64_t since = 0;    // GpuTime's clock when it was put on
  };

  // On the GPU: ready, and decided to run or its suspend does not hold yet.
  void set(Account& account, bool on, uint64_t now_ns) {
    if (account.on == on) return;
    advance(now_ns);
    if (on) {
      account.since = clock_;
      ++on_;
    } else {
      account.used_ns += clock_ - account.since;
      --on_;
    }
    account.on = on;
  }

  uint64_t used(const Account& account, uint64_t now_ns) {
    if (!account.on) return account.used_ns;
    advance(now_ns);
    return account.used_ns + (clock_ - account.since);
  }

 private:
  void advance(uint64_t now_ns) {
    if (now_ns > last_ns_ && on_ > 0) {
      const uint64_t passed = now_ns - last_ns_ + remainder_;
      clock_ += passed / on_;
      remainder_ = passed % on_;  // else every event would lose up to n ns
    }
    if (now_ns > last_ns_) last_ns_ = now_ns;
  }

  uint64_t clock_ = 0;
  uint64_t last_ns_ = 0;
  uint64_t remainder_ = 0;
  uint64_t on_ = 0;
};

}  // namespace xsched
