// SPDX-License-Identifier: Apache-2.0
//
// The slot table: the memory that a scheduler and the XQueues of one process
// share. One memfd a process, sealed against shrinking, made by the process
// and (if there is an xschedd) mapped by the daemon too. One slot an XQueue.
//
// Data flows one way on each line: the scheduler writes ControlLine, the
// process writes all others. No line is written by both, so
// neither side can corrupt what the other relies on; a daemon copies and
// checks what it reads, since a client is not to be trusted.
//
// All fields are atomics of 4 or 8 bytes, lock-free, the same layout in every
// process of an architecture. Times are CLOCK_MONOTONIC nanoseconds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace xsched {

inline constexpr uint32_t kSlotMagic = 0x51585358;  // "XSXQ"
inline constexpr uint32_t kSlotAbi = 5;             // changes with any layout change
inline constexpr uint32_t kMaxSlots = 1024;         // XQueues a process

// Edges that the scheduler asks an XQueue to report (ControlLine::notify).
inline constexpr uint32_t kNotifyReady = 1;  // first packet after idle
inline constexpr uint32_t kNotifyIdle = 2;   // last packet completed
inline constexpr uint32_t kNotifyWaits = 4;  // it waits for an inter-process signal, or no longer
inline constexpr uint32_t kNotifyWork = 8;   // CounterLine::work_ns changed

// StateLine::inside where nobody counts.
inline constexpr uint32_t kInsideUnknown = UINT32_MAX;

enum class EngineKind : uint32_t { kNone = 0, kGate = 1, kKfd = 2, kKmod = 3 };
inline const char* to_string(EngineKind kind) noexcept {
  switch (kind) {
    case EngineKind::kGate:
      return "gate";
    case EngineKind::kKfd:
      return "kfd";
    case EngineKind::kKmod:
      return "kmod";
    case EngineKind::kNone:
      break;
  }
  return "none";  // and what a process wrote that is none of ours
}

// Who takes the hardware queue off the GPU at level 3 (ControlLine::carrier).
inline constexpr uint32_t kCarrierSelf = 0;       // the process, by its own engine
inline constexpr uint32_t kCarrierScheduler = 1;  // the scheduler, through the module

// Scheduler -> XQueue. The gate reads this line on every pump, so that a
// level-1 suspend takes effect without waking a thread; levels 2 and 3, and
// everything else that needs a hand, are carried out when the scheduler wakes
// the process's agent, which then calls XQueueSet::apply().
//
// The process writes this line at one time only: before it sets a slot's
// state to kUsed it stores run = 1 and all else 0 (whatever the slot's last
// XQueue left there). It never touches `sequence`, which only
// ever grows. A scheduler that still writes for the last XQueue is corrected
// by the slots_changed() that follows.
struct alignas(64) ControlLine {
  std::atomic<uint32_t> run;     // 1 = may run, 0 = suspended
  std::atomic<uint32_t> window;  // packets in the hardware queue at once; 0 = open (the whole ring)
  std::atomic<uint32_t> guard;   // level 2: a gate barrier every `guard` packets; 0 = none
  std::atomic<uint32_t> notify;  // kNotify* bits
  // Incremented after a change of the above, before the agent is woken.
  std::atomic<uint64_t> sequence;
  // kCarrierScheduler: with run = 0 the process closes its gate and leaves the
  // hardware queue alone; `taken` becomes 1 once the scheduler's own suspend
  // holds, `taken_ns` after the decision, and the sequence grows again.
  std::atomic<uint32_t> carrier;
  std::atomic<uint32_t> taken;
  std::atomic<uint64_t> taken_ns;
  // The highest level that the XQueue may use, 1..3; 0: as its process wants.
  std::atomic<uint32_t> level_cap;
  // With run = 0 at level 3. 0: take the hardware queue off the GPU. Else close
  // the gate and let run out what is inside; what has not after so many
  // microseconds is taken off all the same, by the process.
  std::atomic<uint32_t> patience_us;
};

// XQueue -> scheduler.
struct alignas(64) StateLine {
  // 1 while packets are uncompleted. Exact only while notify asks for edges;
  // otherwise a hint (1 after the first packet, cleared lazily).
  std::atomic<uint32_t> ready;
  std::atomic<uint32_t> suspended;  // 1 once a suspend holds (at its level)
  std::atomic<uint64_t> submitted;  // packets the application wrote
  std::atomic<uint64_t> moved;      // packets that entered the hardware queue
  std::atomic<uint64_t> retired;    // of those, behind its read index when last looked at
  std::atomic<uint64_t> applied;    // ControlLine::sequence last carried out
  std::atomic<uint64_t> edge_ns;    // when the last edge was reported; for statistics only
  // 1 while the process itself holds it back (in-process API): whatever its
  // priority, nobody is suspended for an XQueue that would not run.
  std::atomic<uint32_t> held;
  // 1 while its next packet waits for a signal. Kept up only while the process
  // says which inter-process signals it waits for (SignalLines::awaited).
  std::atomic<uint32_t> stalled;
  // Under a window: packets that are work in the hardware queue when last looked
  // at, or more (what entered before the window counts whole). Else kInsideUnknown.
  std::atomic<uint32_t> inside;
  std::atomic<uint32_t> refused;  // suspends that the module's rate limit turned away
};

// XQueue -> scheduler: counters that tools show.
struct alignas(64) CounterLine {
  std::atomic<uint64_t> suspends;         // suspends carried out
  std::atomic<uint64_t> last_suspend_ns;  // how long the last one took, decision to holding
  std::atomic<uint64_t> max_suspend_ns;
  std::atomic<uint64_t> inflight_sum;   // packets in the hardware queue at each suspend, summed
  std::atomic<uint64_t> last_inflight;  // ... at the last one
  std::atomic<uint64_t> dropped;        // packets dropped by a destroy while deferred
  // How long a packet that is work occupies the GPU, measured while a window is
  // full: typically, and how far it strays on average (xqueue/work_time.h). 0:
  // not measured.
  std::atomic<uint64_t> work_ns;
  std::atomic<uint64_t> work_spread_ns;
  // Of the suspends: by the gate alone because that was enough
  // (ControlLine::patience_us), and those of them that were not.
  std::atomic<uint64_t> patient;
  std::atomic<uint64_t> overdue;
};

// Written once before `state` becomes kUsed; level_actual, engine, priority,
// module_handle and hints may change later.
struct alignas(64) IdentityLine {
  enum State : uint32_t { kFree = 0, kUsed = 1 };
  std::atomic<uint32_t> state;
  std::atomic<uint32_t> id;             // XQueue id, unique in the process, never reused
  std::atomic<uint32_t> gpu_id;         // KFD gpu_id (topology), 0 if unknown
  std::atomic<uint32_t> kfd_queue_id;   // ~0u if unknown
  std::atomic<int32_t> priority;        // higher is more urgent
  std::atomic<uint32_t> level_wanted;   // 1..3
  std::atomic<uint32_t> level_actual;   // 1..3: what the engine in use reaches
  std::atomic<uint32_t> engine;         // EngineKind in use
  std::atomic<uint32_t> window_wanted;  // window under competition (XSCHED_WINDOW)
  std::atomic<uint32_t> ring_packets;   // size of the hardware queue in packets
  std::atomic<uint64_t> created_ns;
  // The queue's name at /dev/xsched, which lets a scheduler suspend it; 0: none.
  std::atomic<uint64_t> module_handle;
  // Which of HintLine count. Here, so that a scheduler that looks at many
  // XQueues need not touch that line for those without.
  std::atomic<uint32_t> hints;
};

// XQueue -> scheduler: what its program said of it beyond a priority (hints.h).
// The values are stored before their bit in IdentityLine::hints. One that
// changes while its bit is set may be seen half new for a moment:
// slots_changed() follows, and with it another look.
struct alignas(64) HintLine {
  static constexpr uint32_t kShare = 1, kDeadline = 2, kLaxity = 4;
  std::atomic<int32_t> share;              // percent
  std::atomic<int32_t> lax_priority;       // while its laxity lasts
  std::atomic<int32_t> critical_priority;  // and after
  uint32_t reserved;
  std::atomic<int64_t> laxity_ns;    // how long it can wait after it became ready
  std::atomic<int64_t> deadline_ns;  // after it became ready
};

struct Slot {
  ControlLine control;
  StateLine state;
  CounterLine counters;
  IdentityLine identity;
  HintLine hints;
};

// Process -> scheduler: the inter-process signals that it made or opened, each
// as a hash of its handle (shared_signals.h), 0 for none. Who has the same one
// may be who completes it.
struct SignalLines {
  static constexpr uint32_t kMost = 1024;
  static constexpr uint32_t kMostAwaited = 8;
  alignas(64) std::atomic<uint32_t> changes;  // of `known`, counted
  std::atomic<uint32_t> end;                  // entries of `known` ever used
  std::atomic<uint32_t> awaiting;             // entries of `awaited` in use
  // What XQueues that are `stalled` wait for.
  alignas(64) std::atomic<uint64_t> awaited[kMostAwaited];
  alignas(64) std::atomic<uint64_t> known[kMost];
};

struct alignas(4096) SlotTable {
  std::atomic<uint32_t> magic;
  std::atomic<uint32_t> abi;
  std::atomic<uint32_t> slots;       // kMaxSlots
  std::atomic<uint32_t> high_water;  // slots ever used: scanning may stop here
  std::atomic<int32_t> pid;
  // Process -> scheduler: the share that it asked for last, whatever the XQueue,
  // for policies that share between processes. Percent + 1; 0: it did not.
  std::atomic<uint32_t> process_share;
  // Process -> scheduler (XSCHED_LATENCY_BUDGET_US): what less urgent XQueues may
  // have in flight when one of this process becomes ready; 0: no budget.
  std::atomic<uint32_t> latency_budget_us;
  // Scheduler -> process: grows while the scheduler holds anything of this
  // process suspended; if it stands still for the lease, the scheduler hangs
  // and the agent takes over (sched/lease.h).
  alignas(64) std::atomic<uint64_t> heartbeat;
  // Process -> tools: why engine kmod is not in use, as text; "" if it is.
  // Words, because every field here is an atomic.
  static constexpr size_t kNoteWords = 16;
  alignas(64) std::atomic<uint64_t> engine_note[kNoteWords];
  SignalLines signals;
  alignas(4096) Slot slot[kMaxSlots];
};

static_assert(sizeof(Slot) == 384, "shared layout");
static_assert(std::atomic<uint32_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace xsched
