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
      guards_(parts.signals.guard_handle != 0),
      gate_(parts.hardware, parts.proxy, slot, listener) {
  gate_.set_signals(parts.signals);
}

uint32_t XQueue::set_level(uint32_t wanted, EngineChoice choice) {
  const std::lock_guard<std::mutex> lock(mutex_);
  choice_ = choice;
  wanted_ = wanted;
  slot_.identity.level_wanted.store(wanted, std::memory_order_relaxed);
  choose();
  return engine_.level;
}

// By what the process wants and the scheduler allows.
void XQueue::choose() {
  const bool capped = cap_ != 0 && cap_ < wanted_;
  engine_ = choose_engine(choice_, capped ? cap_ : wanted_, kfd_);
  if (capped) {
    if (!engine_.why.empty()) engine_.why += "; ";
    engine_.why += "xschedd's rules allow level " + std::to_string(cap_) + " at most";
  }
  if (engine_.level == 2 && !guards_) {
    engine_.level = 1;
    engine_.why +=
        engine_.why.empty() ? "no signal for guard barriers" : "; no signal for guard barriers";
  }
  if (!engine_.why.empty()) {
    log(capped ? LogLevel::kInfo : LogLevel::kWarn,
        "xqueue %u: level %u wanted, %u reached by engine %s: %s", id_, wanted_, engine_.level,
        to_string(engine_.engine->kind()), engine_.why.c_str());
  }
  publish_engine();
  if (closed_ && !released_) change_suspension();
}

std::string XQueue::kmod_why() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return engine_.kmod_why;
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

void XQueue::publish_engine() {
  IdentityLine& identity = slot_.identity;
  identity.level_actual.store(engine_.level, std::memory_order_relaxed);
  identity.engine.store(static_cast<uint32_t>(engine_.engine->kind()), std::memory_order_relaxed);
  // At a lower level a scheduler has no business with the hardware queue.
  const bool offered = engine_.level == 3 && kfd_ != nullptr && !released_;
  identity.module_handle.store(offered ? engine_.engine->handle(*kfd_) : 0,
                               std::memory_order_relaxed);
  bound_own();
}

bool XQueue::should_run() const noexcept {
  return (slot_.control.run.load(std::memory_order_acquire) != 0 || gate_.boosted()) &&
         !gate_.held();
}

// The scheduler says no, and sees to the hardware queue itself.
bool XQueue::scheduler_carries() const noexcept {
  const ControlLine& control = slot_.control;
  return control.run.load(std::memory_order_acquire) == 0 &&
         control.carrier.load(std::memory_order_relaxed) == kCarrierScheduler &&
         control.patience_us.load(std::memory_order_relaxed) == 0 &&
         slot_.identity.module_handle.load(std::memory_order_relaxed) != 0 && engine_.level == 3 &&
         !gate_.held() && !gate_.boosted();
}

// Stops the hardware queue by the engine chosen, or the best below it that
// can; returns the level that holds, 0 if it has to be tried again.
uint32_t XQueue::take() {
  while (engine_.level == 3) {
    const EngineKind kind = engine_.engine->kind();
    const int error = engine_.engine->suspend(*kfd_);
    if (error == 0) {
      publish_engine();  // the engine may have named the queue anew
      return 3;
    }
    if (error == EAGAIN) {
      slot_.state.refused.fetch_add(1, std::memory_order_relaxed);
      retry_at_ns_.store(now_ns() + engine_.engine->retry_ns(), std::memory_order_relaxed);
      return 0;
    }
    std::string kmod_why = std::move(engine_.kmod_why);
    if (kind == EngineKind::kKmod) {
      engine_.engine->withdraw(*kfd_);
      kmod_why = std::string("a suspend failed: ") + strerror(error);
    }
    engine_ = choose_engine(choice_, 3, kfd_, kind);
    engine_.kmod_why = std::move(kmod_why);
    note_due_.store(true, std::memory_order_relaxed);
    // What is in the hardware queue has no guards and runs out; the next
    // suspend finds them.
    if (engine_.level == 2 && !guards_) engine_.level = 1;
    log(LogLevel::kWarn, "xqueue %u: engine %s could not suspend (%s); now engine %s, level %u",
        id_, to_string(kind), strerror(error), to_string(engine_.engine->kind()), engine_.level);
    publish_engine();
  }
  if (engine_.level == 2) gate_.close_guard(true);
  return engine_.level;
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

void XQueue::trace_suspension(bool holds, uint64_t took_ns) noexcept {
  if (!holds) {
    track_->resumed(now_ns());
    return;
  }
  const bool by_scheduler = own_level_ == 0;
  TraceTrack::Suspend suspend;
  suspend.took_ns = took_ns;
  suspend.in_flight = in_flight_;
  suspend.level = by_scheduler ? 3 : own_level_;
  suspend.engine = static_cast<uint32_t>(
      patient_ ? EngineKind::kGate : (by_scheduler ? engine_.engine : own_engine_)->kind());
  suspend.cause = gate_.held() ? TraceTrack::kByProcess : TraceTrack::kByScheduler;
  suspend.by_daemon = by_scheduler;
  track_->suspended(suspend, now_ns());
}

void XQueue::note_suspended(bool holds, uint64_t took_ns) {
  if (holds && !suspended_) {
    CounterLine& counters = slot_.counters;
    counters.suspends.fetch_add(1, std::memory_order_relaxed);
    counters.last_suspend_ns.store(took_ns, std::memory_order_relaxed);
    if (took_ns > counters.max_suspend_ns.load(std::memory_order_relaxed)) {
      counters.max_suspend_ns.store(took_ns, std::memory_order_relaxed);
    }
    counters.last_inflight.store(in_flight_, std::memory_order_relaxed);
    counters.inflight_sum.fetch_add(in_flight_, std::memory_order_relaxed);
  }
  if (track_ != nullptr && holds != suspended_) trace_suspension(holds, took_ns);
  suspended_ = holds;
  slot_.state.suspended.store(holds ? 1 : 0, std::memory_order_release);
}

void XQueue::hold_back(uint64_t now) {
  if (!closed_) {
    // run = 0 (or the hold) stands already: when this returns nothing enters.
    gate_.pump_and_settle();
    in_flight_ = gate_.in_flight();
    decided_ns_ = now;
    closed_ = true;
  }
  if ((own_level_ != 0 && !patient_) || runs_out(now)) return;
  if (scheduler_carries()) {
    relied_ = true;
    patient_ = false;
    own_level_ = 0;
    note_suspended(slot_.control.taken.load(std::memory_order_relaxed) != 0,
                   slot_.control.taken_ns.load(std::memory_order_relaxed));
    return;
  }
  // Also when the scheduler no longer carries what it holds: ours first, so
  // that nothing runs in between.
  const uint32_t level = take();
  if (level == 0) return;
  if (patient_ && patience_us() != 0) {
    slot_.counters.overdue.fetch_add(1, std::memory_order_relaxed);
  }
  patient_ = false;
  own_level_ = level;
  own_engine_ = engine_.engine;
  note_suspended(true, now_ns() - decided_ns_);
}

// A hold of the process itself promises its level; a lower level than 3 costs
// nothing to use.
uint32_t XQueue::patience_us() const noexcept {
  if (engine_.level != 3 || gate_.held()) return 0;
  return slot_.control.patience_us.load(std::memory_order_relaxed);
}

// Is the gate alone enough, because what is inside runs out in time? True as
// long as there is time; then it has, or the hardware queue has to be taken.
bool XQueue::runs_out(uint64_t now) {
  const uint64_t patience_ns = uint64_t{patience_us()} * 1000;
  if (patience_ns == 0) return false;
  if (!patient_) {
    patient_ = true;
    own_level_ = 1;
    slot_.counters.patient.fetch_add(1, std::memory_order_relaxed);
    note_suspended(true, now_ns() - decided_ns_);
  }
  if (gate_.in_flight() == 0) return true;
  if (now >= decided_ns_ + patience_ns) return false;
  retry_at_ns_.store(decided_ns_ + patience_ns, std::memory_order_relaxed);
  return true;
}

// Whatever the scheduler holds of the hardware queue, or is about to, ends.
void XQueue::take_back() {
  relied_ = false;
  if (kfd_ == nullptr) return;
  slot_.identity.module_handle.store(0, std::memory_order_relaxed);
  for (Engine* engine : {own_engine_, engine_.engine}) {
    if (engine != nullptr) engine->withdraw(*kfd_);
  }
}

bool XQueue::let_run() {
  const ControlLine& control = slot_.control;
  const bool lets_go = control.run.load(std::memory_order_acquire) != 0 &&
                       control.carrier.load(std::memory_order_relaxed) == kCarrierScheduler;
  // A scheduler that wants it to run lets go by itself; one that died, hangs,
  // or does not know better (boost, exit) has to lose its hold.
  if (relied_ && (!lets_go || released_)) {
    take_back();
    std::string ignored;
    const bool offer = !released_ && !gate_.boosted() && engine_.level == 3;
    if (offer) engine_.engine->reaches(kfd_, ignored);
    if (offer) publish_engine();
  }
  relied_ = false;
  if (own_level_ != 0 && !give_back(own_engine_, own_level_)) return false;
  own_level_ = 0;
  own_engine_ = nullptr;
  patient_ = false;
  closed_ = false;
  note_suspended(false, 0);
  return true;
}

// Kept back, and engine_ is another one now: the new hold first.
void XQueue::change_suspension() {
  if ((relied_ && scheduler_carries()) || patient_) return;
  Engine* const old_engine = own_engine_;
  const uint32_t old_level = own_level_;
  const bool relied = relied_;
  if (!relied && old_engine == engine_.engine && old_level == engine_.level) return;
  const uint32_t level = take();
  if (level == 0) return;  // the old one stays until then
  if (relied && level != 3) take_back();
  const bool kept = old_level == level && (level != 3 || old_engine == engine_.engine);
  // An engine that cannot let go keeps the queue; the next resume tries again.
  if (old_level != 0 && !kept && !give_back(old_engine, old_level)) return;
  own_engine_ = engine_.engine;
  own_level_ = level;
  note_suspended(true, now_ns() - decided_ns_);
}

bool XQueue::measure_work(uint64_t now) noexcept {
  const Gate::WorkLook seen = gate_.work_look();
  const uint64_t sequence = slot_.control.sequence.load(std::memory_order_acquire);
  // While it is boosted, others run beside it.
  const bool full = seen.full && slot_.control.run.load(std::memory_order_relaxed) != 0;
  CounterLine& counters = slot_.counters;
  if (!work_time_.look({now,
                        seen.retired,
                        {seen.mark, sequence, counters.suspends.load(std::memory_order_relaxed)},
                        full})) {
    return false;
  }
  counters.work_spread_ns.store(work_time_.spread_ns(), std::memory_order_relaxed);
  counters.work_ns.store(work_time_.typical_ns(), std::memory_order_relaxed);
  return (slot_.control.notify.load(std::memory_order_relaxed) & kNotifyWork) != 0;
}

void XQueue::apply() {
  const uint64_t now = now_ns();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (released_) return;
  retry_at_ns_.store(0, std::memory_order_relaxed);
  const uint64_t sequence = slot_.control.sequence.load(std::memory_order_acquire);
  if (const uint32_t cap = slot_.control.level_cap.load(std::memory_order_relaxed); cap != cap_) {
    cap_ = cap;
    choose();
  }
  const bool run = should_run();
  const bool done = run ? (!closed_ || let_run()) : (hold_back(now), suspended_);
  // Settle, not only pump: `notify` may have been turned on, and a move that
  // began before that reports its edge to nobody. When this returns, such a
  // move's StateLine::ready is seen, and every later edge is reported.
  gate_.pump_and_settle();
  // A suspend that does not hold yet is not carried out.
  if (done) slot_.state.applied.store(sequence, std::memory_order_release);
}

bool XQueue::set_hold(bool on) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (released_) return false;
    holds_itself_ |= on;
    bound_own();
    gate_.hold(on);
    slot_.state.held.store(on ? 1 : 0, std::memory_order_release);
  }
  apply();
  return true;
}

void XQueue::keep_bounds(bool on) {
  const std::lock_guard<std::mutex> lock(mutex_);
  holds_itself_ = on;
  bound_own();
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
  if (closed_) let_run();
  // A scheduler that does not know yet must not suspend it any more.
  take_back();
  gate_.pump();
}

uint64_t XQueue::retire() {
  const std::lock_guard<std::mutex> lock(mutex_);
  released_ = true;
  const uint64_t dropped = gate_.drop_all();
  // A destroyed queue must not leave a hold behind for the next of its id.
  if (closed_) let_run();
  take_back();
  return dropped;
}

}  // namespace xsched
