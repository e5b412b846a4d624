// SPDX-License-Identifier: Apache-2.0
//
// See arbiter.h.
#include "arbiter.h"

#include <algorithm>
#include <cstring>

namespace xsched {
namespace {

constexpr uint32_t kMaxWindow = 1u << 20;  // more than any ring holds
constexpr uint32_t kMostBudgetUs = 10'000'000;
constexpr uint64_t kMostWorkNs = uint64_t{3600} * 1'000'000'000;

bool same(const XQueueEntry::Carry& a, const XQueueEntry::Carry& b) {
  return a.scheduler == b.scheduler && a.taken == b.taken;
}

}  // namespace

bool TableView::read_slot(const Slot& slot, XQueueEntry& entry, uint64_t now_ns) {
  const IdentityLine& identity = slot.identity;
  // Acquire: what the process wrote before it set kUsed is seen below.
  if (identity.state.load(std::memory_order_acquire) != IdentityLine::kUsed) {
    if (!entry.used) return false;
    if (entry.trace_number != 0) gone_.push_back(entry.trace_number);
    touch(entry.input.gpu_id);
    entry = XQueueEntry{};
    return removed_ = true;
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
    return true;
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
  if (entries_.size() < end) entries_.resize(end);
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

void TableView::publish(Publish what) {
  suspended_ = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    XQueueEntry& entry = entries_[i];
    if (!entry.used) continue;
    const bool skip = what == Publish::kNoSuspends && !entry.next.run;
    if (entry.next.run) entry.carry_next.taken = false;
    if (!skip &&
        (entry.fresh || entry.next != entry.now || !same(entry.carry_next, entry.carry_now) ||
         entry.level_cap != terms_.level_cap)) {
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
  removed_ = changed_ = suspends_ = false;
}

void TableView::account(uint64_t now_ns) {
  for (XQueueEntry& entry : entries_) {
    if (!entry.used || entry.now.run == (entry.suspended_since_ns == 0)) continue;
    if (entry.now.run) entry.suspended_ns += now_ns - entry.suspended_since_ns;
    entry.suspended_since_ns = entry.now.run ? 0 : now_ns;
  }
}

void Arbiter::remove(TableView& view) {
  crowded_ = true;  // the next decision is about all
  if (trace_ != nullptr) {
    TraceRecord gone{};
    gone.kind = TraceRecord::kGone;
    for (const XQueueEntry& entry : view.entries_) {
      if ((gone.xqueue = entry.trace_number) != 0) trace_->put(gone);
    }
    for (const uint32_t number : view.gone_) {
      gone.xqueue = number;
      trace_->put(gone);
    }
  }
  views_.erase(std::remove(views_.begin(), views_.end(), &view), views_.end());
}

void Arbiter::set_policy(std::unique_ptr<Policy> policy) {
  policy_ = std::move(policy);
  for (TableView* view : views_) {
    for (XQueueEntry& entry : view->entries_) entry.books = {};
  }
  gpu_times_ = {};
}

uint64_t Arbiter::linger_ns() const {
  for (const auto& [view, entry] : chosen_) {
    if (!entry->now.run && (entry->input.level < 3 || entry->now.patience_us != 0)) {
      return kLingerNs;
    }
  }
  return kLingerLevel3Ns;
}

// GPU time up to now goes to those that were on a GPU since the last decision.
void Arbiter::measure(uint64_t now_ns) {
  gpu_times_.start();
  for (const TableView* view : views_) {
    for (const XQueueEntry& entry : view->entries_) {
      if (entry.used) gpu_times_.count(entry.books, entry.input.gpu_id);
    }
  }
  gpu_times_.advance(now_ns);
}

// What budget.h wants to know beyond policies.
void Arbiter::fill_in_flight(XQueueEntry& entry, PolicyInput& input, uint64_t now_ns,
                             const Slot& slot) {
  input.taken_off = !entry.fresh && !entry.now.run && entry.now.patience_us == 0;
  input.inside = kInsideUnknown;
  // Until its gate closes as many may enter as the window in force allows.
  if (!entry.fresh && entry.now.window != 0) {
    input.inside = slot.state.inside.load(std::memory_order_relaxed);
    if (entry.now.run && input.inside != 0) {
      input.inside = std::max(input.inside, entry.now.window);
    }
  }
  if (entry.save_refused_until_ns == 0) return;
  if (now_ns >= entry.save_refused_until_ns) {
    entry.save_refused_until_ns = 0;
  } else {
    input.save_refused = true;
    look_again(input.gpu_id, entry.save_refused_until_ns);
  }
}

void Arbiter::fit_to_budgets(uint64_t now_ns) {
  for (size_t i = 0; i < chosen_.size(); ++i) {
    const auto& [view, entry] = chosen_[i];
    const auto slot = static_cast<size_t>(entry - view->entries_.data());
    fill_in_flight(*entry, inputs_[i], now_ns, view->table_.slot[slot]);
  }
  budgets_.fit(*policy_, inputs_, decisions_);
}

void Arbiter::fill(const TableView& view, XQueueEntry& entry, PolicyInput& input, uint64_t now_ns) {
  PolicyBooks& books = entry.books;
  if (!input.ready) {
    books.ready_since_ns = 0;
  } else if (books.ready_since_ns == 0) {
    books.ready_since_ns = now_ns;
  }
  input.ready_since_ns = books.ready_since_ns;
  input.run_ns = gpu_times_.used(books, input.gpu_id);
  input.memory = books.memory;
  input.share = view.share_of(entry, *policy_);
  // One table a process. Its pid is the process's own word, which could be another's.
  input.process = reinterpret_cast<uintptr_t>(&view);
}

void Arbiter::keep_books(uint64_t now_ns) {
  for (size_t i = 0; i < chosen_.size(); ++i) {
    XQueueEntry& entry = *chosen_[i].entry;
    entry.books.memory = decisions_[i].memory;
    const PolicyInput& input = inputs_[i];
    gpu_times_.set(entry.books, input.gpu_id, input.ready, entry.next.run, now_ns);
  }
}

// What the policy saw and said, before operators' holds.
void Arbiter::record(uint64_t now_ns) {
  TraceRecord r{};
  r.kind = TraceRecord::kGone;
  for (TableView* view : views_) {
    for (const uint32_t number : view->gone_) {
      r.xqueue = number;
      trace_->put(r);
    }
    view->gone_.clear();
  }
  for (size_t i = 0; i < chosen_.size(); ++i) {
    const auto& [view, entry] = chosen_[i];
    const PolicyInput& in = inputs_[i];
    const PolicyDecision& out = decisions_[i];
    if (entry->trace_number == 0) {
      entry->trace_number = static_cast<uint32_t>(traced_.size());
      traced_.push_back({});
    }
    Traced& before = traced_[entry->trace_number];
    // Compared in place: this is done for every XQueue of every decision.
    if (TraceRecord& old = before.input;
        old.kind != TraceRecord::kInput || (old.ready != 0) != in.ready || old.level != in.level ||
        old.gpu_id != in.gpu_id || old.priority != in.priority || old.window != in.window) {
      // One that has become idle counts as ready for a little longer: its end has no edge.
      const bool edge = in.ready && old.kind == TraceRecord::kInput && old.ready == 0;
      old = {};
      old.kind = TraceRecord::kInput;
      old.xqueue = entry->trace_number;
      old.ready = in.ready;
      old.level = static_cast<uint8_t>(in.level);
      old.gpu_id = in.gpu_id;
      old.priority = in.priority;
      old.window = in.window;
      r = old;
      const auto slot = static_cast<size_t>(entry - view->entries_.data());
      if (edge) r.ns = view->table_.slot[slot].state.edge_ns.load(std::memory_order_relaxed);
      trace_->put(r);
    }
    if (TraceRecord& old = before.output; old.kind != TraceRecord::kOutput ||
                                          (old.run != 0) != out.run || old.notify != out.notify ||
                                          old.guard != out.guard || old.window != out.window) {
      old = {};
      old.kind = TraceRecord::kOutput;
      old.xqueue = entry->trace_number;
      old.run = out.run;
      old.notify = static_cast<uint8_t>(out.notify);
      old.guard = static_cast<uint8_t>(out.guard);
      old.window = out.window;
      trace_->put(old);
    }
  }
  r = {};
  r.kind = TraceRecord::kDecision;
  r.ns = now_ns;
  trace_->put(r);
}

// Which XQueues this decision is about, table by table.
void Arbiter::choose(uint64_t now_ns, Scope scope) {
  all_ = scope == Scope::kAll || crowded_ || !policy_->decides_by_gpu_alone();
  touched_.clear();
  for (const Due& due : due_) {
    if (due.ns <= now_ns) touched_.push_back(due.gpu_id);
  }
  for (const TableView* view : views_) {
    for (const uint32_t gpu_id : view->touched_) {
      if (!contains(touched_, gpu_id)) touched_.push_back(gpu_id);
    }
  }
  if (touched_.size() > kMostGpus) all_ = true;
  if (all_) {
    due_.clear();
    crowded_ = false;
  } else {
    std::erase_if(due_, [&](const Due& due) { return contains(touched_, due.gpu_id); });
  }

  chosen_.clear();
  for (TableView* view : views_) {
    // Most processes use one GPU: then one look settles it for all their XQueues.
    const bool whole = all_ || (view->gpus_.size() == 1 && contains(touched_, view->gpus_.front()));
    const bool part = !view->touched_.empty() ||
                      (view->gpus_.size() > 1 &&
                       std::any_of(view->gpus_.begin(), view->gpus_.end(),
                                   [&](uint32_t gpu_id) { return contains(touched_, gpu_id); }));
    view->touched_.clear();
    if (!whole && !part) continue;
    // A freed slot may have been the last suspended one: count again.
    view->changed_ |= view->removed_;
    for (XQueueEntry& entry : view->entries_) {
      if (!entry.used || !(whole || contains(touched_, entry.input.gpu_id))) continue;
      chosen_.push_back({view, &entry});
    }
  }
  if (all_) xqueues_ = chosen_.size();
}

void Arbiter::look_again(uint32_t gpu_id, uint64_t at_ns) {
  for (Due& due : due_) {
    if (due.gpu_id != gpu_id) continue;
    due.ns = std::min(due.ns, at_ns);
    return;
  }
  if (due_.size() < kMostGpus) {
    due_.push_back({gpu_id, at_ns});
  } else {
    crowded_ = true;
    due_.front().ns = std::min(due_.front().ns, at_ns);
  }
}

void Arbiter::decide(uint64_t now_ns, Scope scope) {
  inherit();
  choose(now_ns, scope);
  // Who needs no books is spared their cost; set_policy() begins new ones.
  const bool books = !policy_->decides_by_gpu_alone();
  if (books) measure(now_ns);
  inputs_.clear();
  bool budgets = false;
  const uint64_t linger = linger_ns();
  for (const auto& [view, entry] : chosen_) {
    PolicyInput& input = inputs_.emplace_back(entry->input);
    if (entry->idle_since_ns != 0) {
      const uint64_t until = entry->idle_since_ns + linger;
      if (now_ns >= until) {
        entry->idle_since_ns = 0;
      } else {
        input.ready = true;
        look_again(input.gpu_id, until);
      }
    }
    if (view->inherited_) input.priority = std::max(input.priority, *view->inherited_);
    // Nobody waits for one that would not run.
    if (entry->held || entry->held_itself) {
      input.ready = false;
      input.budget_ns = 0;
    }
    budgets |= input.budget_ns != 0;
    if (books) fill(*view, *entry, input, now_ns);
  }
  decisions_.resize(inputs_.size());
  PolicyContext context;
  context.now_ns = now_ns;
  context.timeslice_ns = timeslice_ns_;
  context.concurrency = concurrency_;
  const uint64_t next_ns = policy_->decide(context, inputs_, decisions_);
  if (trace_ != nullptr) record(now_ns);
  if (budgets) fit_to_budgets(now_ns);
  again_ns_ = next_ns == kNever ? 0 : next_ns;
  for (const Due& due : due_) {
    if (again_ns_ == 0 || due.ns < again_ns_) again_ns_ = due.ns;
  }
  mark_changes();
  if (books) keep_books(now_ns);
}

void Arbiter::mark_changes() {
  for (size_t i = 0; i < chosen_.size(); ++i) {
    const auto& [view, entry] = chosen_[i];
    const PolicyDecision& said = decisions_[i];
    XQueueEntry::Words& next = entry->next;
    next = {said.run, static_cast<uint8_t>(said.notify), static_cast<uint16_t>(said.guard),
            said.window, said.patience_us};
    if (entry->held) {
      next.run = false;
      next.patience_us = 0;
    }
    if (view->reports_waits_) next.notify |= kNotifyWaits;
    // What it does with an inherited priority must not be in the way of who
    // lent it, once that one can go on.
    const bool bounded = entry->contended || view->inherited_ > entry->input.priority;
    if (bounded && entry->input.level == 1 && next.window == 0) next.window = entry->input.window;
    if (bounded && entry->input.level == 2) next.guard = 1;
    if (!entry->fresh && next == entry->now && same(entry->carry_next, entry->carry_now) &&
        entry->level_cap == view->terms_.level_cap) {
      continue;
    }
    view->changed_ = true;
    if (!next.run && (entry->fresh || entry->now.run)) view->suspends_ = true;
  }
}

}  // namespace xsched
