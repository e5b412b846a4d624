// SPDX-License-Identifier: Apache-2.0
//
// The run list: which compute queues stand in one of a GPU's hardware slots.
//
// With no more queues than slots, each has one. With more, a queue that has
// work takes a free slot, else that of a queue without work, else it asks a
// queue to go: one of lower priority at once, one of equal priority when it
// has had its quantum. The victim saves its waves and hands the slot on (its
// own process does so; waves are not in shared memory), so the modelled cost
// of the switch is the same as that of UPDATE_QUEUE.
//
// A choice of ours: KFD rotates through queues without work as well. Nobody
// but a queue with work can tell the difference.
#include <algorithm>

#include "shared_guard.h"

namespace xsim::dev {
namespace {

bool eligible(const QueueSlot& s) {
  return s.used.load() != 0 && s.type == static_cast<uint32_t>(QueueType::kComputeAql) &&
         (s.stop.load() & (kStopUnmapped | kStopDestroyed | kStopError)) == 0;
}

}  // namespace

uint32_t SharedNode::run_count(uint32_t gpu) const {
  const Gpu& g = layout_->gpu[gpu];
  uint32_t n = 0;
  for (uint32_t i = 0; i < g.high_water; ++i) {
    n += g.queue[i].used.load() != 0 && g.queue[i].run.load() != 0 ? 1 : 0;
  }
  return n;
}

// Fills free slots: first with queues that wait for one, then with idle ones.
void SharedNode::hand_over_run_slot(uint32_t gpu, Guard& guard) {
  Gpu& g = layout_->gpu[gpu];
  uint32_t standing = run_count(gpu);
  uint32_t waiting = 0;
  for (uint32_t i = 0; i < g.high_water; ++i) {
    QueueSlot& s = g.queue[i];
    if (s.used.load() == 0) continue;
    if (s.run.load() == 0 && !eligible(s)) s.wants_run = 0;
    waiting += s.wants_run;
  }
  while (standing < layout_->config.hw_slots) {
    QueueSlot* best = nullptr;
    for (uint32_t i = 0; i < g.high_water; ++i) {
      QueueSlot& s = g.queue[i];
      if (!eligible(s) || s.run.load() != 0) continue;
      if (best == nullptr) {
        best = &s;
        continue;
      }
      const uint32_t p = s.priority.load(), q = best->priority.load();
      if (s.wants_run != best->wants_run ? s.wants_run > best->wants_run
          : p != q                       ? p > q
                                         : s.wants_run != 0 && s.run_ticket < best->run_ticket) {
        best = &s;
      }
    }
    if (best == nullptr) break;
    best->run.store(1);
    best->run_since_ns = now_ns();
    ++standing;
    if (best->wants_run != 0) {
      best->wants_run = 0;
      best->active.store(1);
      --waiting;
      guard.wake_later(best->wake);
    }
  }
  g.run_waiters.store(waiting);
}

bool SharedNode::enter_run_list(const SlotRef& ref, uint64_t& retry_ns) {
  Guard guard(*this);
  Gpu& g = layout_->gpu[ref.gpu];
  QueueSlot& me = *ref.slot;
  const uint64_t now = now_ns();
  retry_ns = now + kReapEveryNs;
  if (!eligible(me)) return false;  // the caller looks at `stop` again
  if (me.run.load() != 0) {
    me.wants_run = 0;
    me.active.store(1);
    return true;
  }
  if (run_count(ref.gpu) < layout_->config.hw_slots) {
    me.wants_run = 0;
    me.run.store(1);
    me.active.store(1);
    me.run_since_ns = now;
    return true;
  }
  // Announced before `active` is looked at: see idle_in_run_list().
  if (me.wants_run == 0) {
    me.wants_run = 1;
    me.run_ticket = g.next_ticket++;
  }
  g.run_waiters.fetch_add(1);
  QueueSlot* idle = nullptr;
  QueueSlot* victim = nullptr;
  uint32_t leaving = 0, waiting = 0;
  const uint32_t my_priority = me.priority.load();
  const uint64_t quantum = static_cast<uint64_t>(layout_->config.quantum_us) * 1000;
  for (uint32_t i = 0; i < g.high_water; ++i) {
    QueueSlot& s = g.queue[i];
    if (s.used.load() == 0) continue;
    waiting += s.wants_run;
    if (s.run.load() == 0) continue;
    const uint32_t p = s.priority.load();
    if (s.active.load() == 0) {
      if (idle == nullptr || p < idle->priority.load()) idle = &s;
      continue;
    }
    if (s.stop.load() != 0) {
      ++leaving;
      continue;
    }
    if (p > my_priority) continue;
    if (p == my_priority && now - s.run_since_ns < quantum) {
      retry_ns = std::min(retry_ns, s.run_since_ns + quantum);
      continue;
    }
    const uint32_t q = victim != nullptr ? victim->priority.load() : 0;
    if (victim == nullptr || p < q || (p == q && s.run_since_ns < victim->run_since_ns)) {
      victim = &s;
    }
  }
  if (idle != nullptr) {
    idle->run.store(0);
    idle->stop.fetch_and(~static_cast<uint32_t>(kStopEvicted));
    g.run_waiters.store(waiting - 1);
    me.wants_run = 0;
    me.run.store(1);
    me.active.store(1);
    me.run_since_ns = now;
    return true;
  }
  g.run_waiters.store(waiting);
  // One victim for each queue that waits, no more.
  if (victim != nullptr && leaving < waiting) {
    victim->stop.fetch_or(kStopEvicted);
    guard.wake_later(victim->wake);
  }
  return false;
}

void SharedNode::idle_in_run_list(const SlotRef& ref) {
  // Without the lock when nobody waits. Both sides announce, then look: either
  // we see the waiter here, or it finds this slot idle.
  ref.slot->active.store(0);
  if (layout_->gpu[ref.gpu].run_waiters.load() == 0) return;
  Guard guard(*this);
  QueueSlot& s = *ref.slot;
  if (s.active.load() != 0 || s.run.load() == 0) return;
  s.run.store(0);
  s.stop.fetch_and(~static_cast<uint32_t>(kStopEvicted));
  hand_over_run_slot(ref.gpu, guard);
}

void SharedNode::leave_run_list(const SlotRef& ref) {
  Guard guard(*this);
  QueueSlot& s = *ref.slot;
  s.active.store(0);
  s.run.store(0);
  s.wants_run = 0;
  s.revoked_ns.store(0);
  // If no queue waits for the slot, this one has it back at once.
  s.stop.fetch_and(~static_cast<uint32_t>(kStopEvicted));
  hand_over_run_slot(ref.gpu, guard);
}

}  // namespace xsim::dev
