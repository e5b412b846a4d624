// SPDX-License-Identifier: Apache-2.0
//
// See arbiter.h.
#include "arbiter.h"

#include <algorithm>
#include <utility>

namespace xsched {

namespace {

XQueueEntry::Words words(const PolicyDecision& said) {
  return {said.run, static_cast<uint8_t>(said.notify), static_cast<uint16_t>(said.guard),
          said.window, said.patience_us};
}

}  // namespace

void Arbiter::remove(TableView& view) {
  gather_ = true;
  if (trace_ != nullptr) {
    record_gone(view);
    TraceRecord gone{};
    gone.kind = TraceRecord::kGone;
    for (const XQueueEntry& entry : view.entries_) {
      if ((gone.xqueue = entry.trace_number) != 0) trace_->put(gone);
    }
  }
  views_.erase(std::remove(views_.begin(), views_.end(), &view), views_.end());
}

void Arbiter::set_policy(std::unique_ptr<Policy> policy) {
  policy_ = std::move(policy);
  gather_ = true;
  for (TableView* view : views_) {
    for (XQueueEntry& entry : view->entries_) entry.books = {};
  }
  gpu_times_ = {};
}

uint64_t Arbiter::linger_ns(const Contest& contest) const {
  for (const auto& [view, entry] : contest.entrants) {
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
void Arbiter::fill_in_flight(Contest& contest, size_t i, uint64_t now_ns) {
  const auto& [view, entry] = contest.entrants[i];
  PolicyInput& input = contest.inputs[i];
  input.taken_off = !entry->fresh && !entry->now.run && entry->now.patience_us == 0;
  input.inside = kInsideUnknown;
  // Until its gate closes as many may enter as the window in force allows.
  if (!entry->fresh && entry->now.window != 0) {
    const Slot& slot = view->table_.slot[entry - view->entries_.data()];
    input.inside = slot.state.inside.load(std::memory_order_relaxed);
    if (entry->now.run && input.inside != 0) {
      input.inside = std::max(input.inside, entry->now.window);
    }
  }
  if (entry->save_refused_until_ns == 0) return;
  if (now_ns >= entry->save_refused_until_ns) {
    entry->save_refused_until_ns = 0;
  } else {
    input.save_refused = true;
    contest.again_ns = std::min(contest.again_ns, entry->save_refused_until_ns);
  }
}

void Arbiter::fit_to_budgets(Contest& contest, uint64_t now_ns) {
  for (size_t i = 0; i < contest.entrants.size(); ++i) fill_in_flight(contest, i, now_ns);
  budgets_.fit(*policy_, contest.inputs, decisions_);
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

void Arbiter::keep_books(Contest& contest, uint64_t now_ns) {
  for (size_t i = 0; i < contest.entrants.size(); ++i) {
    XQueueEntry& entry = *contest.entrants[i].entry;
    entry.books.memory = decisions_[i].memory;
    const PolicyInput& input = contest.inputs[i];
    gpu_times_.set(entry.books, input.gpu_id, input.ready, entry.next.run, now_ns);
  }
}

void Arbiter::record_gone(TableView& view) {
  TraceRecord gone{};
  gone.kind = TraceRecord::kGone;
  for (const uint32_t number : view.gone_) {
    gone.xqueue = number;
    trace_->put(gone);
  }
  view.gone_.clear();
}

// What the policy saw and said, before budgets and operators' holds.
void Arbiter::record(const Contest& contest) {
  for (const uint32_t i : changes_) {
    const auto& [view, entry] = contest.entrants[i];
    const PolicyInput& in = contest.inputs[i];
    const PolicyDecision& out = decisions_[i];
    if (entry->trace_number == 0) {
      entry->trace_number = static_cast<uint32_t>(traced_.size());
      traced_.push_back({});
    }
    Traced& before = traced_[entry->trace_number];
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
      TraceRecord r = old;
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
}

// The contests of each GPU that has XQueues; one of all for a policy that looks
// across GPUs.
void Arbiter::gather() {
  for (Contest& contest : contests_) contest.clear();
  gathered_ = xqueues_ = 0;
  const bool apart = policy_->decides_by_gpu_alone();
  for (TableView* view : views_) {
    if (trace_ != nullptr) record_gone(*view);
    for (XQueueEntry& entry : view->entries_) {
      if (!entry.used) continue;
      const uint32_t gpu_id = apart ? entry.input.gpu_id : 0;
      Contest* contest = find(gpu_id);
      if (contest == nullptr) {
        if (gathered_ == contests_.size()) contests_.emplace_back();
        contest = &contests_[gathered_++];
        contest->gpu_id = gpu_id;
      }
      contest->add(*view, entry);
      ++xqueues_;
    }
  }
  for (Contest& contest : contests()) contest.complete();
}

// Null: the GPU has no XQueue. A linear search: machines have a handful.
Contest* Arbiter::find(uint32_t gpu_id) {
  for (Contest& contest : contests()) {
    if (contest.gpu_id == gpu_id) return &contest;
  }
  return gathered_ == kMostGpus ? &contests_[kMostGpus - 1] : nullptr;
}

// Which contests this decision is about.
void Arbiter::choose(uint64_t now_ns, Scope scope) {
  ++number_;
  for (TableView* view : views_) {
    gather_ |= std::exchange(view->moved_, false);
    if (view->touched_.empty()) continue;
    view->touched_for_ = number_;
    // A freed slot may have been the last suspended one: count again.
    view->changed_ |= view->removed_;
    for (const uint32_t gpu_id : view->touched_) {
      if (Contest* contest = find(gpu_id)) contest->due = true;
    }
    view->touched_.clear();
  }
  if (std::exchange(gather_, false)) gather();
  for (Contest& contest : contests()) {
    if (scope == Scope::kAll || !policy_->decides_by_gpu_alone()) contest.due = contest.anew = true;
    contest.due |= contest.again_ns <= now_ns;
  }
}

void Arbiter::decide(uint64_t now_ns, Scope scope) {
  inherit();
  choose(now_ns, scope);
  // Who needs no books is spared their cost; set_policy() begins new ones.
  const bool books = !policy_->decides_by_gpu_alone();
  if (books) measure(now_ns);
  uint64_t again_ns = kNever;
  for (Contest& contest : contests()) {
    if (std::exchange(contest.due, false)) {
      decide_contest(contest, now_ns);
      if (books) keep_books(contest, now_ns);
    }
    again_ns = std::min(again_ns, contest.again_ns);
  }
  again_ns_ = again_ns == kNever ? 0 : again_ns;
  if (trace_ == nullptr) return;
  TraceRecord decision{};
  decision.kind = TraceRecord::kDecision;
  decision.ns = now_ns;
  trace_->put(decision);
}

void Arbiter::decide_contest(Contest& contest, uint64_t now_ns) {
  contest.again_ns = kNever;
  read(contest, now_ns);
  decisions_.resize(contest.entrants.size());
  PolicyContext context;
  context.now_ns = now_ns;
  context.timeslice_ns = timeslice_ns_;
  context.concurrency = concurrency_;
  const uint64_t next_ns = policy_->decide(context, contest.inputs, decisions_);
  contest.again_ns = std::min(contest.again_ns, next_ns);
  find_changes(contest);
  if (trace_ != nullptr) record(contest);
  if (contest.budgets) fit_to_budgets(contest, now_ns);
  mark_changes(contest);
}

// The inputs of those where something is new.
void Arbiter::read(Contest& contest, uint64_t now_ns) {
  // With budgets an input also says what is in flight (fill_in_flight()).
  const bool anew = std::exchange(contest.anew, false) || contest.budgets;
  const bool books = !policy_->decides_by_gpu_alone();
  if (anew) contest.budgets = false;
  uint64_t linger = 0;  // not known yet
  for (Contest::Part& part : contest.parts) {
    const TableView& view = *part.view;
    part.anew = anew || part.lingers || view.touched_for_ == number_;
    if (!part.anew) continue;
    part.lingers = false;
    for (size_t i = part.begin; i < part.end; ++i) {
      XQueueEntry& entry = *contest.entrants[i].entry;
      PolicyInput& input = contest.inputs[i] = entry.input;
      if (entry.idle_since_ns != 0) {
        if (linger == 0) linger = linger_ns(contest);
        const uint64_t until = entry.idle_since_ns + linger;
        if (now_ns >= until) {
          entry.idle_since_ns = 0;
        } else {
          input.ready = part.lingers = true;
          contest.again_ns = std::min(contest.again_ns, until);
        }
      }
      if (view.inherited_) input.priority = std::max(input.priority, *view.inherited_);
      // Nobody waits for one that would not run.
      if (entry.held || entry.held_itself) {
        input.ready = false;
        input.budget_ns = 0;
      }
      contest.budgets |= input.budget_ns != 0;
      if (books) fill(view, entry, input, now_ns);
    }
  }
}

// Whose ControlLine may have to change: who was read anew, and who is told something
// else.
void Arbiter::find_changes(Contest& contest) {
  changes_.clear();
  for (const Contest::Part& part : contest.parts) {
    for (size_t i = part.begin; i < part.end; ++i) {
      const XQueueEntry::Words said = words(decisions_[i]);
      if (!part.anew && !contest.budgets && said == contest.said[i]) continue;
      contest.said[i] = said;
      changes_.push_back(static_cast<uint32_t>(i));
    }
  }
}

void Arbiter::mark_changes(Contest& contest) {
  for (const uint32_t i : changes_) {
    const auto& [view, entry] = contest.entrants[i];
    XQueueEntry::Words& next = entry->next;
    next = words(decisions_[i]);
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
    if (entry->differs(view->terms_.level_cap)) view->mark_change(*entry);
  }
}

}  // namespace xsched
