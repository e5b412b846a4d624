// SPDX-License-Identifier: Apache-2.0
//
// The gate: moves packets from the proxy ring, which the application writes,
// to the hardware ring, which the command processor reads, as far as the
// scheduler's ControlLine allows.
//
// The proxy ring is the only buffer: a packet that may not go yet stays where
// the application wrote it, and a full ring is the back-pressure that HSA
// clients know. Whoever has a reason calls pump(): the application's thread at
// the doorbell, the dispatcher, the agent. One of them at a time moves
// packets; the others leave a note and go on, so pump() never waits.
//
// This file knows packets, indices and signals by address. It knows no HSA
// call: what it needs is in HardwareRing and GateSignals, so that it is tested
// on plain memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "../xqueue/slot.h"
#include "packet.h"

namespace xsched {

// Where the packets go. The gate is the only writer.
struct HardwareRing {
  Packet* base = nullptr;
  uint64_t packets = 0;             // a power of two
  uint64_t* write_index = nullptr;  // in packets, monotonic
  const uint64_t* read_index = nullptr;
  bool device_memory = false;  // the ring is write-combined: fence before the header
  // Tells the consumer that packets up to `index` are valid. Once a batch.
  void (*doorbell)(void* context, uint64_t index) = nullptr;
  // A queue that a tool put beneath us takes packets through its own functions:
  // reserves one slot and returns its index, rings for each packet. Null for a
  // hardware ring.
  uint64_t (*reserve)(void* context) = nullptr;
  uint64_t (*load_read_index)(void* context) = nullptr;
  void* context = nullptr;
};

// Where the packets come from.
struct ProxyRing {
  Packet* base = nullptr;
  uint64_t packets = 0;             // a power of two
  uint64_t* write_index = nullptr;  // the application reserves here
  uint64_t* read_index = nullptr;   // ours: its back-pressure
};

// Signals that the gate puts into packets of its own; 0 = not available. The
// values are at amd_signal_t::value, written by the CPU and the packet
// processor alike.
struct GateSignals {
  uint64_t guard_handle = 0;  // level 2: barriers wait until its value is 0
  int64_t* guard_value = nullptr;
  uint64_t tick_handle = 0;  // completion of a tick: its value goes from 1 to 0
  int64_t* tick_value = nullptr;
};

class Gate {
 public:
  // `edge` is called for the edges that ControlLine::notify asks for, by the
  // thread that pumps; it must not call back into the gate.
  struct Listener {
    void (*edge)(void* context) = nullptr;
    // Packets wait for room under a window, or a tick is out: the dispatcher
    // should look (see wants()).
    void (*attend)(void* context) = nullptr;
    void* context = nullptr;
    // Not 0 while one XQueue of the process runs and another may not: barriers
    // that enter are then reported by kWantsWatch. May be null.
    const std::atomic<uint32_t>* watch = nullptr;
    // For a trace; null without one. By the gate's owner: so many packets have
    // entered the hardware ring; StateLine::ready has changed.
    void (*moved)(void* context, uint64_t packets) = nullptr;
    void (*ready)(void* context, bool on) = nullptr;
  };

  Gate(const HardwareRing& hardware, const ProxyRing& proxy, Slot& slot, Listener listener);

  // Moves what may be moved. Any thread, any time until the ring is freed; no
  // lock, no allocation, no system call unless an edge is due.
  void pump() noexcept {
    // The counter is lock and note in one: who finds it 0 moves packets until
    // nobody knocked meanwhile. Acquire: the moves of the last owner are seen;
    // release: the next owner sees the packets that this caller wrote.
    if (requests_.fetch_add(1, std::memory_order_acq_rel) == 0) run_as_owner();
  }

  // Like pump(), and returns only when every move that began before this call
  // has ended: after ControlLine::run went to 0, or hold(), no packet enters
  // the hardware ring any more; what those moves did to StateLine is seen.
  // Waits for at most two moves of another thread, however busy the gate is.
  void pump_and_settle() noexcept;

  // A hold of the process itself (in-process API, destroy), beside the
  // scheduler's. Takes effect at the next pump.
  void hold(bool on) noexcept { set(kHeld, on); }
  bool held() const noexcept { return has(kHeld); }
  // Runs although the scheduler says no: another XQueue of the process, one that
  // may run, waits for work that may be behind this gate. A hold is stronger.
  void boost(bool on) noexcept { set(kBoosted, on); }
  bool boosted() const noexcept { return has(kBoosted); }
  // True if a barrier in the hardware ring has a dependency that has not
  // happened. Any thread; a hardware ring only (a tool's ring hides it).
  bool waits_for_others() const noexcept;
  // What the next packet of the hardware ring waits for: the signals of a
  // barrier that have not happened, and how many. 0 if it can go on.
  using Dependencies = std::array<uint64_t, kBarrierDependencies>;
  size_t stalled_on(Dependencies& handles) const noexcept;

  // Bounds of the process itself, for a hold of its own at levels 1 and 2; 0 =
  // none. The tighter of these and the scheduler's holds.
  void set_own_bounds(uint32_t window, uint32_t guard) noexcept {
    own_window_.store(window, std::memory_order_relaxed);
    own_guard_.store(guard, std::memory_order_relaxed);
  }
  // Everything passes, whatever the scheduler's words say: the process exits.
  void obey_nobody() noexcept { set(kFree, true); }

  // Level 2. Closing stops the packet processor at the next guard barrier.
  void set_signals(const GateSignals& signals) noexcept;
  void close_guard(bool closed) noexcept;

  // The queue is going away: packets still at the gate are dropped. Returns
  // how many.
  uint64_t drop_all() noexcept;

  // What the dispatcher should do for this gate.
  enum : uint32_t { kWantsNothing = 0, kWantsPoll = 1, kWantsTick = 2, kWantsWatch = 4 };
  uint32_t wants() const noexcept { return wants_.load(std::memory_order_acquire); }
  uint64_t tick_handle() const noexcept { return signals_.tick_handle; }

  // What the last move saw of the work in the hardware ring, for whoever
  // measures how long it takes. Any thread.
  struct WorkLook {
    uint64_t retired;  // counted only from one `mark` to the same
    uint64_t mark;     // another one: the window was changed, or had room in between
    bool full;         // there is a window, and work waits for room under it
  };
  WorkLook work_look() const noexcept {
    // Acquire pairs with note_inside(): who sees its count sees its mark.
    const uint64_t retired = work_retired_.load(std::memory_order_acquire);
    const uint64_t mark = work_mark_.load(std::memory_order_relaxed);
    return {retired, mark, (mark & 1) != 0};
  }

  // Any thread; as recent as the caller's own knowledge.
  uint64_t submitted() const noexcept { return load_acquire(*proxy_.write_index); }
  uint64_t entered() const noexcept { return load_acquire(*proxy_.read_index); }
  uint64_t in_flight() const noexcept;  // packets in the hardware ring, ours included
  uint64_t at_gate() const noexcept;    // packets that wait at the gate

 private:
  void run_as_owner() noexcept;
  void move() noexcept;
  // What the process itself says, in one word: a packet asks once.
  enum : uint32_t { kHeld = 1, kBoosted = 2, kFree = 4 };
  size_t awaited(uint64_t index, Dependencies& handles) const noexcept;
  bool has(uint32_t bit) const noexcept {
    return (own_.load(std::memory_order_relaxed) & bit) != 0;
  }
  void set(uint32_t bit, bool on) noexcept {
    if (on) {
      own_.fetch_or(bit, std::memory_order_relaxed);
    } else {
      own_.fetch_and(~bit, std::memory_order_relaxed);
    }
  }
  bool may_run() const noexcept {
    const uint32_t own = own_.load(std::memory_order_relaxed);
    if (own == 0) [[likely]]
      return slot_.control.run.load(std::memory_order_acquire) != 0;
    if ((own & kFree) != 0) return true;
    if ((own & kHeld) != 0) return false;
    return (own & kBoosted) != 0 || slot_.control.run.load(std::memory_order_acquire) != 0;
  }
  uint64_t read_hardware() noexcept;
  uint64_t most_inside() const noexcept;
  bool window_has_room(uint64_t window, uint64_t write) noexcept;
  void note_inside(uint64_t window, bool full) noexcept;
  void publish(Packet& to, uint32_t header) const noexcept;
  void put_barrier(uint64_t dependency, uint64_t completion) noexcept;
  void flush_doorbell() noexcept;
  void note_ready() noexcept;
  uint32_t settle_idle(uint32_t notify) noexcept;
  bool send_tick() noexcept;
  uint64_t window() const noexcept;
  uint32_t guard() const noexcept;

  // Read by every pump; written once.
  HardwareRing hardware_;
  ProxyRing proxy_;
  Slot& slot_;
  Listener listener_;
  GateSignals signals_;

  alignas(64) std::atomic<uint32_t> requests_{0};
  std::atomic<uint32_t> own_{0};  // kHeld, kBoosted, kFree
  std::atomic<uint32_t> wants_{kWantsNothing};
  std::atomic<uint32_t> own_window_{0};
  std::atomic<uint32_t> own_guard_{0};

  // The owner's own; handed over through requests_.
  alignas(64) uint64_t head_ = 0;  // next packet of the proxy ring
  uint64_t write_ = 0;             // next index of the hardware ring
  uint64_t read_ = 0;              // hardware read index, last seen
  uint64_t rung_ = 0;              // packets below this index were announced
  uint64_t tick_index_ = 0;        // index of the tick that is out
  uint64_t last_packet_ = 0;       // write_ after the last packet of the application
  bool tick_out_ = false;
  uint32_t since_guard_ = 0;
  // Under a window: the indices of the last packets that are work. Wider
  // windows than this has room for count every packet.
  std::array<uint64_t, 256> work_{};
  uint64_t works_ = 0;          // entered since
  uint64_t works_done_ = 0;     // of these, behind the read index when last looked at
  uint64_t unbounded_end_ = 0;  // packets below this index entered without a window
  uint64_t window_noted_ = 0;   // what StateLine::inside is about
  std::atomic<uint64_t> work_retired_{0};
  std::atomic<uint64_t> work_mark_{0};  // the lowest bit: WorkLook::full
  std::atomic<uint64_t> moves_{0};      // moves that have ended
  // One past the last barrier with dependencies that entered; 0 = none.
  std::atomic<uint64_t> barriers_end_{0};
};

}  // namespace xsched
