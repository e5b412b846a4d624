// SPDX-License-Identifier: Apache-2.0
//
// One XQueue in the trace. Producers leave events in rings; the writer's thread
// makes states, batches and preemptions of them.
//
// States, one at a time: "ready" (has work, is kept back and had nothing in
// the hardware queue when that began), "running" (has work and may run; until a
// suspend holds, not until it is decided), "suspended" (had work when a suspend took hold).
// No state: no work.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "json_lines.h"
#include "ring.h"

namespace xsched {

class Trace;

class TraceTrack {
 public:
  // Packets that wait at the gate, and that are in the hardware queue.
  struct Depth {
    uint64_t at_gate = 0;
    uint64_t in_hardware = 0;
    bool operator==(const Depth&) const = default;
  };
  enum Cause : uint32_t { kByScheduler = 0, kByProcess = 1 };
  struct Suspend {
    uint64_t took_ns = 0;  // decision to holding
    uint64_t in_flight = 0;
    uint32_t level = 0;
    uint32_t engine = 0;  // EngineKind
    Cause cause = kByScheduler;
    bool by_daemon = false;  // the scheduler stopped the hardware queue itself
  };

  // `wake` wakes the writer's thread: no lock, may be a system call.
  TraceTrack(uint32_t id, std::string title, std::function<Depth()> depth,
             std::function<void()> wake);

  // Called by the gate's owner; wait-free.
  void moved(uint64_t packets, uint64_t at_ns) noexcept;
  void ready(bool on, uint64_t at_ns) noexcept;
  // Called under the XQueue's lock.
  void suspended(const Suspend& suspend, uint64_t at_ns) noexcept;
  void resumed(uint64_t at_ns) noexcept;
  // The queue goes away: `depth` is not called any more when this returns, and
  // no event may follow.
  void end() noexcept;

  // Writer's thread. `scheduler`: who decides, in words. False after the last.
  bool write(JsonLines& out, uint64_t now, const std::string& scheduler);

 private:
  enum Kind : uint32_t { kMoved, kReady, kIdle, kSuspended, kResumed };
  enum class State { kNone, kReady, kRunning, kSuspended };

  void push(TraceRing& ring, const TraceEvent& event) noexcept;
  void enter(JsonLines& out, State state, uint64_t at);
  void apply(JsonLines& out, const TraceEvent& event, const std::string& scheduler);
  void preemption(JsonLines& out, const TraceEvent& event, const std::string& scheduler);
  void flush_batch(JsonLines& out);
  void look(JsonLines& out, uint64_t now, bool moved);
  int64_t row(int number) const noexcept { return first_row_ + number; }

  const std::string title_;
  const int64_t first_row_;
  const std::function<Depth()> depth_;
  const std::function<void()> wake_;
  TraceRing packets_;  // the gate's owner
  TraceRing control_;  // who holds the XQueue's lock
  std::mutex mutex_;   // guards ended_, and depth_'s use
  bool ended_ = false;

  // The writer's own.
  bool named_ = false;
  State state_ = State::kNone;
  bool kept_back_ = false;
  uint64_t last_at_ = 0;
  Depth last_depth_;
  struct Batch {
    uint64_t begin = 0, end = 0, packets = 0;
  } batch_;
  std::vector<TraceEvent> events_;
};

}  // namespace xsched
