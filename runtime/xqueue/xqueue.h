// SPDX-License-Identifier: Apache-2.0
//
// The XQueue: one application-visible HSA queue, its gate, its hardware queue
// and its slot in the table that the scheduler sees.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "../engine/engine.h"
#include "../gate/gate.h"
#include "../hsa/kfd_queues.h"
#include "../trace/track.h"
#include "slot.h"
#include "work_time.h"

namespace xsched {

// What the session hands over when the HSA layer has made the queues.
struct XQueueParts {
  HardwareRing hardware;
  ProxyRing proxy;
  KfdQueue* kfd = nullptr;   // null if no CREATE_QUEUE was seen
  GateSignals signals;       // made by the HSA layer; it destroys them
  uint64_t wake_signal = 0;  // an interrupt signal that ends the dispatcher's waits; shared
};

class XQueue {
 public:
  XQueue(uint32_t slot_number, Slot& slot, uint32_t id, const XQueueParts& parts,
         Gate::Listener listener);
  ~XQueue() { end_trace(); }

  Gate& gate() noexcept { return gate_; }
  uint32_t slot_number() const noexcept { return slot_number_; }
  uint32_t id() const noexcept { return id_; }
  Slot& slot() noexcept { return slot_; }

  // Brings the hardware in line with ControlLine and the process's own hold.
  // Control plane; several threads may call it.
  void apply();

  // A hold of this process (in-process API), independent of the scheduler's.
  // From the first one on the XQueue keeps to the bounds of its level (a
  // window at 1, guards at 2) even when no scheduler asks for them. False if
  // it came too late: the process ends, or the queue does. The scheduler is to be
  // told (Session::scheduler_inputs_changed): others need not wait for it.
  bool set_hold(bool on);

  // From now on (or no longer) within the bounds of its level although no hold
  // was asked for yet: the XSched C API promises its threshold from the start.
  void keep_bounds(bool on);

  // HIP's priority of the streams on this queue, relative to its normal one.
  void set_stream_steps(int steps) { stream_steps_.store(steps, std::memory_order_relaxed); }
  int stream_steps() const { return stream_steps_.load(std::memory_order_relaxed); }

  // Runs, or no longer runs, although the scheduler says no (see Gate::boost).
  void set_boost(bool on);

  // Chooses engine and level again, also while suspended: the new way holds
  // before the old one lets go. Returns the actual level.
  uint32_t set_level(uint32_t wanted, EngineChoice choice);

  // How long its packets take; for the dispatcher, after a pump under a window.
  // True if the scheduler wants to hear of it.
  bool measure_work(uint64_t now) noexcept;

  // Packets in the hardware queue at once, under competition at level 1.
  void set_window(uint32_t packets);

  // A suspend that could not be carried out yet (the module limits their rate):
  // when to apply() again, 0 for never.
  uint64_t retry_at_ns() const noexcept { return retry_at_ns_.load(std::memory_order_relaxed); }
  // Why not engine kmod; empty if it is in use, or not wanted.
  std::string kmod_why();
  // That has changed since the last call.
  bool note_due() noexcept {
    return note_due_.load(std::memory_order_relaxed) && note_due_.exchange(false);
  }

  // For the end of the process: everything runs, nothing is obeyed any more.
  void release();
  // Its track in the trace, before the first packet and the first suspend; and
  // that it says nothing any more.
  void set_trace(std::shared_ptr<TraceTrack> track) noexcept { track_ = std::move(track); }
  void end_trace() noexcept {
    if (track_ != nullptr) track_->end();
  }
  // Before the hardware queue goes away. Returns the packets dropped.
  uint64_t retire();

 private:
  void choose();
  bool should_run() const noexcept;
  bool scheduler_carries() const noexcept;
  void hold_back(uint64_t decided_ns);
  uint32_t patience_us() const noexcept;
  bool runs_out(uint64_t now);
  bool let_run();
  void take_back();
  void change_suspension();
  void note_suspended(bool holds, uint64_t took_ns);
  void trace_suspension(bool holds, uint64_t took_ns) noexcept;
  uint32_t take();
  bool give_back(Engine* engine, uint32_t level);
  void bound_own();
  void publish_engine();

  const uint32_t slot_number_;
  const uint32_t id_;
  Slot& slot_;
  KfdQueue* const kfd_;
  const bool guards_;  // level 2 is there

  std::mutex mutex_;  // guards the following; held across engine calls
  EngineChoice choice_ = EngineChoice::kAuto;
  uint32_t wanted_ = 1;  // level
  uint32_t cap_ = 0;     // ControlLine::level_cap, as last followed
  EngineDecision engine_;
  // Suspended by this process: the level, 0 if it is not, and the engine that
  // has to resume it.
  uint32_t own_level_ = 0;
  Engine* own_engine_ = nullptr;
  // ... by the gate alone, at level 1, until what is inside has run out.
  bool patient_ = false;
  // Suspended by the scheduler itself, or about to be (ControlLine::carrier).
  bool relied_ = false;
  bool closed_ = false;     // the gate keeps everything back
  bool suspended_ = false;  // and the suspend holds, at its level
  uint64_t decided_ns_ = 0;
  uint64_t in_flight_ = 0;  // when the gate closed
  std::atomic<uint64_t> retry_at_ns_{0};
  std::atomic<bool> note_due_{false};
  std::atomic<int> stream_steps_{0};
  bool holds_itself_ = false;  // the in-process API was used
  bool released_ = false;

  WorkTime work_time_;                 // the dispatcher's
  std::shared_ptr<TraceTrack> track_;  // null without a trace
  Gate gate_;
};

}  // namespace xsched
