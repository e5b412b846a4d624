// SPDX-License-Identifier: Apache-2.0
//
// How an agent notices that its daemon hangs (stopped, swapped out, looping)
// while the socket stays open. While anything of the process is suspended the
// daemon increments SlotTable::heartbeat and the agent looks at it four times
// a lease. Three looks in a row without a change expire the lease: a beat
// just before the hang is noticed by the next look, one quarter later at
// most, so that a hang holds work up for at most one lease.
//
// Counted in looks and not in time, so that a process that was itself stopped
// does not blame the daemon. No timer runs while nothing is suspended.
#pragma once

#include <cstdint>

namespace xsched {

class Lease {
 public:
  explicit Lease(uint32_t lease_ms) : period_ns_(uint64_t{lease_ms} * 1'000'000 / 4) {}

  bool armed() const { return armed_; }
  uint64_t next_look_ns() const { return next_ns_; }

  // Idempotent while armed.
  void arm(uint64_t now_ns, uint64_t heartbeat) {
    if (armed_) return;
    armed_ = true;
    last_beat_ = heartbeat;
    stale_looks_ = 0;
    next_ns_ = now_ns + period_ns_;
  }
  void disarm() { armed_ = false; }

  enum class Look { kEarly, kAlive, kStale, kExpired };
  Look look(uint64_t now_ns, uint64_t heartbeat) {
    if (!armed_ || now_ns < next_ns_) return Look::kEarly;
    next_ns_ = now_ns + period_ns_;
    if (heartbeat != last_beat_) {
      last_beat_ = heartbeat;
      stale_looks_ = 0;
      return Look::kAlive;
    }
    if (stale_looks_ < kStaleLooks) ++stale_looks_;
    return stale_looks_ == kStaleLooks ? Look::kExpired : Look::kStale;
  }

 private:
  static constexpr int kStaleLooks = 3;
  uint64_t period_ns_;
  bool armed_ = false;
  uint64_t last_beat_ = 0;
  uint64_t next_ns_ = 0;
  int stale_looks_ = 0;
};

}  // namespace xsched
