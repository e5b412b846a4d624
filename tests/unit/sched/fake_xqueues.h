// SPDX-License-Identifier: Apache-2.0
//
// XQueues without hardware: each has a readiness that the test sets, and
// carries out what its ControlLine says by storing it. As a real session does,
// it reports an edge only if the ControlLine asks for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "runtime/base/clock.h"
#include "runtime/sched/agent.h"
#include "runtime/sched/slot_memory.h"

namespace xsched::test {

class FakeXQueues final : public XQueueSet {
 public:
  FakeXQueues() { memory_ = SlotMemory::create(error_); }

  const std::string& error() const { return error_; }
  SlotTable& table() { return *memory_.table(); }
  int fd() const { return memory_.fd(); }
  Slot& slot(uint32_t i) { return table().slot[i]; }
  void set_agent(Agent* agent) { agent_ = agent; }

  // Makes an XQueue in the first free slot.
  uint32_t add(int32_t priority, uint32_t level = 3, uint32_t gpu = 1, uint32_t window = 4) {
    uint32_t i = 0;
    while (slot(i).identity.state.load() == IdentityLine::kUsed) ++i;
    Slot& s = slot(i);
    s.control.run.store(1);
    s.control.window.store(0);
    s.control.guard.store(0);
    s.control.notify.store(0);
    s.state.ready.store(0);
    s.state.suspended.store(0);
    s.identity.id.store(++next_id_);
    s.identity.gpu_id.store(gpu);
    s.identity.kfd_queue_id.store(~0u);
    s.identity.priority.store(priority);
    s.identity.level_wanted.store(level);
    s.identity.level_actual.store(level);
    s.identity.engine.store(static_cast<uint32_t>(EngineKind::kGate));
    s.identity.window_wanted.store(window);
    if (table().high_water.load() < i + 1)
      table().high_water.store(i + 1, std::memory_order_release);
    s.identity.state.store(IdentityLine::kUsed, std::memory_order_release);
    if (agent_ != nullptr) agent_->slots_changed();
    return i;
  }

  void remove(uint32_t i) {
    slot(i).identity.state.store(IdentityLine::kFree, std::memory_order_release);
    agent_->slots_changed();
  }

  void set_ready(uint32_t i, bool ready) {
    Slot& s = slot(i);
    s.state.edge_ns.store(now_ns(), std::memory_order_relaxed);
    s.state.ready.store(ready ? 1 : 0, std::memory_order_seq_cst);
    // seq_cst on both sides: either this sees notify, or the apply() that
    // follows its store is followed by another look at ready.
    const uint32_t wanted = ready ? kNotifyReady : kNotifyIdle;
    if ((s.control.notify.load(std::memory_order_seq_cst) & wanted) != 0) agent_->edge(i);
  }

  // Any thread but the agent's. Waits until `slot` was brought to run or
  // suspended; false after a deadline that only a broken scheduler reaches.
  bool wait(uint32_t i, bool suspended) {
    return wait_for([&] { return (slot(i).state.suspended.load() != 0) == suspended; });
  }

  template <typename Condition>
  bool wait_for(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    return applied_.wait_for(lock, patience_, condition);
  }
  // For a test that expects to wait in vain.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  uint64_t suspends(uint32_t i) { return slot(i).counters.suspends.load(); }

  void apply(uint32_t i) override {
    Slot& s = slot(i);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (s.identity.state.load() == IdentityLine::kUsed) {
        const uint64_t sequence = s.control.sequence.load(std::memory_order_acquire);
        const bool suspend = s.control.run.load() == 0;
        if (suspend && s.state.suspended.load() == 0) s.counters.suspends.fetch_add(1);
        s.state.suspended.store(suspend ? 1 : 0);
        s.state.applied.store(sequence);
      }
    }
    applied_.notify_all();
  }

 private:
  std::string error_;
  SlotMemory memory_;
  Agent* agent_ = nullptr;
  uint32_t next_id_ = 0;
  std::chrono::milliseconds patience_ = std::chrono::seconds(30);
  std::mutex mutex_;
  std::condition_variable applied_;
};

}  // namespace xsched::test
