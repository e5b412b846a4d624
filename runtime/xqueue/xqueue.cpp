// SPDX-License-Identifier: Apache-2.0
//
// See xqueue.h. A suspend closes the gate first and takes the hardware queue
// second, a resume the other way round, so that no packet ever enters a queue
// that is being taken away.
#include "xqueue.h"

#include <algorithm>
#include <cstring>

#include "../base/clock.h"
#include "../base/log.h"

namespace xsched {
namespace {

// Kernels between two guards while nobody competes (runtime/gate/README.md).
constexpr uint32_t kStandingGuard = 4;

}  // namespace

XQueue::XQueue(uint32_t slot_number, Slot& slot, uint32_t id, const XQueueParts& parts,
               Gate::Listener listener)
    : slot_number_(slot_number),
      id_(id),
      slot_(slot),
      kfd_(parts.kfd),
      gate_(parts.hardware, parts.proxy, slot, listener) {
  gate_.set_signals(parts.signals);
}

uint32_t XQueue::set_level(uint32_t wanted, EngineChoice choice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  engine_ = choose_engine(choice, wanted, kfd_);
  IdentityLine& identity = slot_.identity;
  identity.level_wanted.store(wanted, std::memory_order_relaxed);
  identity.level_actual.store(engine_.level, std::memory_order_relaxed);
  identity.engine.store(static_cast<uint32_t>(engine_.engine->kind()), std::memory_order_relaxed);
  if (!engine_.why.empty()) {
    log(LogLevel::kWarn, "xqueue %u: level %u wanted, %u reached: %s", id_, wanted, engine_.level,
        engine_.why.c_str());
  }
  bound_own();
  if (suspended_ && !released_) change_suspension();
  return engine_.level;
}

void XQueue::set_window(uint32_t packets) {
  const std::lock_guard<std::mutex> lock(mutex_);
  slot_.identity.window_wanted.store(packets, std::memory_order_relaxed);
  bound_own();
}

// At level 2 a guard stands before every so many kernels from the start: what
// is in the ring when somebody more urgent first appears would run out else.
// Level 3 needs none.
void XQueue::bound_own() {
  const uint32_t level = holds_itself_ ? engine_.level : 0;
  gate_.set_own_bounds(
      level == 1 ? slot_.identity.window_wanted.load(std::memory_order_relaxed) : 0,
      level == 2           ? 1
      : engine_.level == 2 ? kStandingGuard
                           : 0);
}

bool XQueue::should_run() const noexcept {
  return (slot_.control.run.load(std::memory_order_acquire) != 0 || gate_.boosted()) &&
         !gate_.held();
}

// Stops the hardware queue at `level`; returns the level that holds.
uint32_t XQueue::take(Engine* engine, uint32_t level) {
  if (level == 3) {
    const int error = engine->suspend(*kfd_);
    if (error != 0) {
      // The hardware queue stays; what is in it runs out, as at level 1.
      log(LogLevel::kWarn, "xqueue %u: engine %s could not suspend (%s); now at level 1", id_,
          to_string(engine->kind()), strerror(error));
      engine_.level = level = 1;
      slot_.identity.level_actual.store(1, std::memory_order_relaxed);
      bound_own();
    }
  }
  if (level == 2) gate_.close_guard(true);
  return level;
}

bool XQueue::give_back(Engine* engine, uint32_t level) {
  if (level == 3) {
    const int error = engine->resume(*kfd_);
    if (error != 0) {
      log(LogLevel::kError,
          "xqueue %u: engine %s could not resume (%s); trying again at the next change", id_,
          to_string(engine->kind()), strerror(error));
      return false;
    }
  }
  if (level == 2) gate_.close_guard(false);
  return true;
}

void XQueue::suspend_now(uint64_t decided_ns) {
  // run = 0 (or the hold) stands already: when this returns nothing enters.
  gate_.pump_and_settle();
  const uint64_t in_flight = gate_.in_flight();
  suspended_by_ = engine_.engine;
  suspended_level_ = take(suspended_by_, engine_.level);
  suspended_ = true;

  CounterLine& counters = slot_.counters;
  const uint64_t took = now_ns() - decided_ns;
  counters.suspends.fetch_add(1, std::memory_order_relaxed);
  counters.last_suspend_ns.store(took, std::memory_order_relaxed);
  if (took > counters.max_suspend_ns.load(std::memory_order_relaxed)) {
    counters.max_suspend_ns.store(took, std::memory_order_relaxed);
  }
  counters.last_inflight.store(in_flight, std::memory_order_relaxed);
  counters.inflight_sum.fetch_add(in_flight, std::memory_order_relaxed);
  slot_.state.suspended.store(1, std::memory_order_release);
}

void XQueue::resume_now() {
  if (!give_back(suspended_by_, suspended_level_)) return;
  suspended_ = false;
  suspended_level_ = 0;
  suspended_by_ = nullptr;
  slot_.state.suspended.store(0, std::memory_order_release);
}

// Suspended, and engine_ is another one now: the new hold first.
void XQueue::change_suspension() {
  Engine* const old_engine = suspended_by_;
  const uint32_t old_level = suspended_level_;
  if (old_engine == engine_.engine && old_level == engine_.level) return;
  const uint32_t level = take(engine_.engine, engine_.level);
  const bool kept = old_level == level && (level != 3 || old_engine == engine_.engine);
  // An engine that cannot let go keeps the queue; the next resume tries again.
  if (!kept && !give_back(old_engine, old_level)) return;
  suspended_by_ = engine_.engine;
  suspended_level_ = level;
}

void XQueue::apply() {
  const uint64_t now = now_ns();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (released_) return;
  const uint64_t sequence = slot_.control.sequence.load(std::memory_order_acquire);
  const bool run = should_run();
  if (!run && !suspended_) suspend_now(now);
  if (run && suspended_) resume_now();
  // Settle, not only pump: `notify` may have been turned on, and a move that
  // began before that reports its edge to nobody. When this returns, such a
  // move's StateLine::ready is seen, and every later edge is reported.
  gate_.pump_and_settle();
  slot_.state.applied.store(sequence, std::memory_order_release);
}

bool XQueue::set_hold(bool on) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (released_) return false;
    holds_itself_ |= on;
    bound_own();
    gate_.hold(on);
  }
  apply();
  return true;
}

void XQueue::set_boost(bool on) {
  if (gate_.boosted() == on) return;
  gate_.boost(on);
  apply();
}

void XQueue::release() {
  const std::lock_guard<std::mutex> lock(mutex_);
  released_ = true;
  gate_.obey_nobody();
  if (suspended_) resume_now();
  gate_.pump();
}

uint64_t XQueue::retire() {
  const std::lock_guard<std::mutex> lock(mutex_);
  released_ = true;
  const uint64_t dropped = gate_.drop_all();
  // A destroyed queue must not leave a hold behind for the next of its id.
  if (suspended_) resume_now();
  return dropped;
}

}  // namespace xsched
