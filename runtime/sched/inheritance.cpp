// SPDX-License-Identifier: Apache-2.0
//
// Priority inheritance across processes. A process says which inter-process
// signals it made or opened, and for which of them XQueues of it wait. Who
// completes a signal cannot be told, so every other process that knows it may:
// while an XQueue waits, all of theirs are at least as urgent.
//
// All of this is the processes' own word. Lying wins what a process that waits
// gives away, and no more: to be given its priority one has to name a signal
// that it waits for (a hash of a handle that says where it is in another's
// address space, or that the kernel drew at random), and only for as long as it
// waits; to give it, one has to have it. It is also what two processes can do for
// each other without us: let one do the other's work.
#include <algorithm>

#include "arbiter.h"

namespace xsched {
namespace {

// Waits for one that waits, and so on. Whoever is further away inherits nothing.
constexpr int kLongestChain = 8;

}  // namespace

// True if anything changed.
bool TableView::read_signals() {
  const SignalLines& lines = table_.signals;
  bool changed = false;
  // Acquire, here and below: what was stored before is seen, or another edge follows.
  const uint32_t changes = lines.changes.load(std::memory_order_acquire);
  if (changes != known_changes_) {
    known_changes_ = changes;
    known_.clear();
    const uint32_t end = std::min(lines.end.load(std::memory_order_relaxed), SignalLines::kMost);
    for (uint32_t i = 0; i < end; ++i) {
      const uint64_t key = lines.known[i].load(std::memory_order_relaxed);
      if (key != 0) known_.push_back(key);
    }
    std::sort(known_.begin(), known_.end());
    knows_signals_ = !known_.empty();
    changed = true;
  }
  const uint32_t awaiting =
      std::min(lines.awaiting.load(std::memory_order_acquire), SignalLines::kMostAwaited);
  changed |= awaiting != awaiting_;
  awaiting_ = awaiting;
  for (uint32_t i = 0; i < awaiting; ++i) {
    const uint64_t key = lines.awaited[i].load(std::memory_order_relaxed);
    changed |= key != awaited_[i];
    awaited_[i] = key;
  }
  return changed;
}

bool TableView::knows_one_of(std::span<const uint64_t> keys) const {
  return std::any_of(keys.begin(), keys.end(), [&](uint64_t key) {
    return std::binary_search(known_.begin(), known_.end(), key);
  });
}

// The most urgent of its XQueues that wait. Which of them waits for which signal
// is not asked: one may wait, within the process, for the one that does.
std::optional<int32_t> TableView::priority_of_stalled() const {
  std::optional<int32_t> most;
  for (const XQueueEntry& entry : entries_) {
    if (!entry.used || !entry.stalled || !entry.input.ready || entry.held || entry.held_itself) {
      continue;
    }
    most = std::max(most.value_or(entry.input.priority), entry.input.priority);
  }
  return most ? std::max(most, inherits_next_) : most;
}

void TableView::touch_all() {
  for (const uint32_t gpu_id : gpus_) touch(gpu_id);
}

// Processes with inter-process signals report waits while there are two
// priorities anywhere: who waits and who is waited for need not share a GPU.
void Arbiter::ask_for_waits(bool any_known) {
  std::optional<int32_t> lowest, highest;
  if (any_known && views_.size() > 1) {
    for (const TableView* view : views_) {
      if (!view->lowest_) continue;
      lowest = std::min(lowest.value_or(*view->lowest_), *view->lowest_);
      highest = std::max(highest, view->highest_);
    }
  }
  asking_ = lowest != highest;
  for (TableView* view : views_) {
    const bool reports = asking_ && view->knows_signals_;
    if (view->reports_waits_ == reports) continue;
    view->reports_waits_ = reports;
    view->touch_all();
  }
}

void Arbiter::inherit() {
  bool any = false, any_known = false;
  for (const TableView* view : views_) {
    any |= view->awaiting_ != 0;
    any_known |= view->knows_signals_;
  }
  if (any_known || asking_) ask_for_waits(any_known);
  if (!any && !inheriting_) return;
  for (TableView* view : views_) view->inherits_next_.reset();
  bool changed = any;
  for (int length = 0; changed && length < kLongestChain; ++length) {
    changed = false;
    for (TableView* waiter : views_) {
      if (waiter->awaiting_ == 0) continue;
      const std::optional<int32_t> priority = waiter->priority_of_stalled();
      if (!priority) continue;
      const std::span<const uint64_t> keys(waiter->awaited_.data(), waiter->awaiting_);
      for (TableView* peer : views_) {
        if (peer == waiter || peer->inherits_next_ >= priority || !peer->knows_one_of(keys)) {
          continue;
        }
        peer->inherits_next_ = priority;
        changed = true;
      }
    }
  }
  inheriting_ = false;
  for (TableView* view : views_) {
    inheriting_ |= view->inherits_next_.has_value();
    if (view->inherited_ == view->inherits_next_) continue;
    view->inherited_ = view->inherits_next_;
    view->touch_all();
  }
}

}  // namespace xsched
