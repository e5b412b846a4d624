// SPDX-License-Identifier: Apache-2.0
//
// See arbiter.h.
#include "arbiter.h"

#include <algorithm>

namespace xsched {

static bool contains(const std::vector<uint32_t>& gpus, uint32_t gpu_id) {
  return std::find(gpus.begin(), gpus.end(), gpu_id) != gpus.end();
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
    if (!entry->differs(view->terms_.level_cap)) continue;
    view->changed_ = true;
    if (!next.run && (entry->fresh || entry->now.run)) view->suspends_ = true;
  }
}

}  // namespace xsched
