// SPDX-License-Identifier: Apache-2.0
//
// See table_view.h.
#include "table_view.h"

#include <algorithm>

#include "../xqueue/hints.h"

namespace xsched {
namespace {

constexpr uint32_t kMaxWindow = 1u << 20;  // more than any ring holds
constexpr uint32_t kMostBudgetUs = 10'000'000;
constexpr uint64_t kMostWorkNs = uint64_t{3600} * 1'000'000'000;

}  // namespace

bool TableView::read_slot(const Slot& slot, XQueueEntry& entry, uint64_t now_ns) {
  const IdentityLine& identity = slot.identity;
  // Acquire: what the process wrote before it set kUsed is seen below.
  if (identity.state.load(std::memory_order_acquire) != IdentityLine::kUsed) {
    if (!entry.used) return false;
    if (entry.trace_number != 0) gone_.push_back(entry.trace_number);
    touch(entry.input.gpu_id);
    entry = XQueueEntry{};
    return moved_ = removed_ = true;
  }
  const uint32_t id = identity.id.load(std::memory_order_relaxed);
  PolicyInput input;
  input.gpu_id = identity.gpu_id.load(std::memory_order_relaxed);
  input.priority =
      terms_.priority ? *terms_.priority : identity.priority.load(std::memory_order_relaxed);
  // Prepared for the level that it will have once the process has seen the cap.
  input.level = std::clamp(identity.level_actual.load(std::memory_order_relaxed), 1u,
                           terms_.level_cap != 0 ? terms_.level_cap : 3u);
  const Hints hints = read_hints(slot);
  input.share = terms_.share.value_or(hints.share.value_or(kWholeShare));
  input.deadline_ns = terms_.deadline_ns >= 0 ? terms_.deadline_ns : hints.deadline_ns.value_or(-1);
  if (hints.laxity) {
    input.laxity_ns = hints.laxity->ns;
    input.lax_priority = static_cast<int16_t>(hints.laxity->lax_priority);
    input.critical_priority = static_cast<int16_t>(hints.laxity->critical_priority);
  }
  input.cpu_priority = facts_.cpu_priority;
  input.active = facts_.active;
  input.window = std::min(identity.window_wanted.load(std::memory_order_relaxed), kMaxWindow);
  input.ring_packets = std::min(identity.ring_packets.load(std::memory_order_relaxed), kMaxWindow);
  const uint64_t own_budget_ns = uint64_t{1000} * own_budget_us_;
  input.budget_ns =
      terms_.deadline_ns > 0 ? static_cast<uint64_t>(terms_.deadline_ns) : own_budget_ns;
  if (input.deadline_ns < 0 && own_budget_ns != 0) {
    input.deadline_ns = static_cast<int64_t>(own_budget_ns);
  }
  input.work_ns = std::min(slot.counters.work_ns.load(std::memory_order_relaxed), kMostWorkNs);
  input.work_spread_ns =
      std::min(slot.counters.work_spread_ns.load(std::memory_order_relaxed), kMostWorkNs);
  const uint32_t refused = slot.state.refused.load(std::memory_order_relaxed);
  // Acquire pairs with the gate's store before edge(): counters are as recent.
  input.ready = slot.state.ready.load(std::memory_order_acquire) != 0;

  const bool held_itself = slot.state.held.load(std::memory_order_acquire) != 0;
  // Counts only while awaiting_ does.
  const bool stalled = awaiting_ != 0 && slot.state.stalled.load(std::memory_order_relaxed) != 0;
  const uint64_t handle = identity.module_handle.load(std::memory_order_relaxed);

  if (!entry.used || entry.id != id) {
    if (entry.trace_number != 0) gone_.push_back(entry.trace_number);
    if (entry.used) touch(entry.input.gpu_id);
    touch(input.gpu_id);
    entry = XQueueEntry{};
    entry.used = entry.fresh = true;
    entry.id = id;
    entry.held_itself = held_itself;
    entry.stalled = stalled;
    entry.module_handle = handle;
    entry.refused = refused;
    entry.input = input;
    return moved_ = true;
  }
  // Relaxed: how late a suspend was need not be as recent as the rest.
  entry.books.suspended(slot.counters.suspends.load(std::memory_order_relaxed),
                        slot.counters.last_suspend_ns.load(std::memory_order_relaxed), now_ns);
  if (entry.priority_set) input.priority = *entry.priority_set;
  const PolicyInput& old = entry.input;
  const bool changed = old != input || entry.module_handle != handle ||
                       entry.level_cap != terms_.level_cap || entry.held_itself != held_itself ||
                       entry.stalled != stalled || entry.refused != refused;
  if (entry.refused != refused) entry.save_refused_until_ns = now_ns + kSaveRefusedNs;
  entry.refused = refused;
  entry.held_itself = held_itself;
  entry.stalled = stalled;
  if (changed) {
    touch(old.gpu_id);
    touch(input.gpu_id);
    moved_ |= old.gpu_id != input.gpu_id;
  }
  if (input.ready) {
    entry.idle_since_ns = 0;
  } else if (old.ready) {
    entry.idle_since_ns = now_ns;
  }
  entry.module_handle = handle;
  entry.input = input;
  return changed;
}

// Lists of GPUs are short: machines have a handful.
static bool contains(const std::vector<uint32_t>& gpus, uint32_t gpu_id) {
  return std::find(gpus.begin(), gpus.end(), gpu_id) != gpus.end();
}

void TableView::touch(uint32_t gpu_id) {
  if (!contains(touched_, gpu_id)) touched_.push_back(gpu_id);
}

bool TableView::scan(uint64_t now_ns) {
  const size_t end = std::min(table_.high_water.load(std::memory_order_acquire), kMaxSlots);
  if (entries_.size() < end) {
    entries_.resize(end);
    moved_ = true;  // all of them, in memory
  }
  const uint32_t asked = table_.process_share.load(std::memory_order_relaxed);
  const int16_t hinted =
      asked == 0 ? kWholeShare : static_cast<int16_t>(std::min(asked - 1, uint32_t{kWholeShare}));
  bool changed = read_signals() || process_share_ != terms_.share.value_or(hinted);
  process_share_ = terms_.share.value_or(hinted);
  own_budget_us_ =
      std::min(table_.latency_budget_us.load(std::memory_order_relaxed), kMostBudgetUs);
  // Not `end`: a hostile table may lower its high water.
  for (size_t i = 0; i < entries_.size(); ++i) {
    changed |= read_slot(table_.slot[i], entries_[i], now_ns);
  }
  if (changed) {
    gpus_.clear();
    lowest_.reset();
    highest_.reset();
    for (const XQueueEntry& entry : entries_) {
      if (!entry.used) continue;
      if (!contains(gpus_, entry.input.gpu_id)) gpus_.push_back(entry.input.gpu_id);
      lowest_ = std::min(lowest_.value_or(entry.input.priority), entry.input.priority);
      highest_ = std::max(highest_.value_or(entry.input.priority), entry.input.priority);
    }
  }
  return changed;
}

void TableView::set_terms(const ProcessTerms& terms) {
  terms_ = terms;
}

void TableView::set_facts(const ProcessFacts& facts) {
  facts_ = facts;
}

void TableView::forget() {
  for (XQueueEntry& entry : entries_) entry.fresh = entry.used;
}

void TableView::mark_change(const XQueueEntry& entry) {
  changed_ = true;
  suspends_ |= !entry.next.run && (entry.fresh || entry.now.run);
}

void TableView::publish(Publish what) {
  suspended_ = 0;
  removed_ = changed_ = suspends_ = false;
  for (size_t i = 0; i < entries_.size(); ++i) {
    XQueueEntry& entry = entries_[i];
    if (!entry.used) continue;
    if (entry.next.run) entry.carry_next.taken = false;
    if (!entry.differs(terms_.level_cap)) {
      // Most do not.
    } else if (what == Publish::kNoSuspends && !entry.next.run) {
      mark_change(entry);
    } else {
      ControlLine& control = table_.slot[i].control;
      control.carrier.store(entry.carry_next.scheduler ? kCarrierScheduler : kCarrierSelf,
                            std::memory_order_relaxed);
      control.taken_ns.store(entry.carry_next.taken_ns, std::memory_order_relaxed);
      control.taken.store(entry.carry_next.taken ? 1 : 0, std::memory_order_relaxed);
      entry.carry_now = entry.carry_next;
      control.level_cap.store(terms_.level_cap, std::memory_order_relaxed);
      entry.level_cap = terms_.level_cap;
      control.window.store(entry.next.window, std::memory_order_relaxed);
      control.guard.store(entry.next.guard, std::memory_order_relaxed);
      control.notify.store(entry.next.notify, std::memory_order_relaxed);
      control.patience_us.store(entry.next.patience_us, std::memory_order_relaxed);
      // Release: a gate that sees run = 1 sees the window to run with.
      control.run.store(entry.next.run ? 1 : 0, std::memory_order_release);
      // Release: an agent that sees the new sequence sees all of the above.
      // An addition, not a store: after a lease expired and the daemon came
      // back, two sides may write for a moment, and neither may undo a step.
      control.sequence.fetch_add(1, std::memory_order_release);
      entry.now = entry.next;
      entry.fresh = false;
    }
    if (!entry.now.run) ++suspended_;
  }
}

void TableView::account(uint64_t now_ns) {
  for (XQueueEntry& entry : entries_) {
    if (!entry.used || entry.now.run == (entry.suspended_since_ns == 0)) continue;
    if (entry.now.run) entry.suspended_ns += now_ns - entry.suspended_since_ns;
    entry.suspended_since_ns = entry.now.run ? 0 : now_ns;
  }
}

}  // namespace xsched
