// SPDX-License-Identifier: Apache-2.0
//
// How much GPU time each XQueue used, measured from outside: what
// PolicyInput::run_ns wants. XQueues that are on a GPU together are charged
// equal parts, so that the sum is the time the GPU was in use.
//
// One clock a GPU that advances by dt / n while n XQueues are on it: an
// XQueue's time is how far that clock went while it was on. The caller counts
// afresh each time, so that one that vanished leaves nothing behind.
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

  // Until now, `on` accounts were on. Call it before set() and used().
  void advance(uint64_t now_ns, uint64_t on) {
    if (now_ns <= last_ns_) return;
    if (on > 0) {
      const uint64_t passed = now_ns - last_ns_ + remainder_;
      clock_ += passed / on;
      remainder_ = passed % on;  // else every event would lose up to n ns
    }
    last_ns_ = now_ns;
  }

  // From now on. On the GPU: ready, and decided to run.
  void set(Account& account, bool on) const {
    account.used_ns = used(account);
    account.since = clock_;
    account.on = on;
  }

  uint64_t used(const Account& account) const {
    // Not less than 0: an account may have been put on by another GPU's clock.
    return account.used_ns + (account.on && clock_ > account.since ? clock_ - account.since : 0);
  }

 private:
  uint64_t clock_ = 0;
  uint64_t last_ns_ = 0;
  uint64_t remainder_ = 0;
};

}  // namespace xsched
