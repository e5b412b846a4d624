// SPDX-License-Identifier: Apache-2.0
//
// The compute units that all queues of a GPU compete for, as one pool of
// cus * kUnitsPerCu units. A pool and not a packing into single units: a
// workgroup that needs a whole compute unit may here be made of pieces.
//
// The one in line is served by whoever gives units back (or asks), so nobody
// has to be awake for somebody else's turn.
#include <algorithm>

#include "shared_guard.h"

namespace xsim::dev {

void SharedNode::grant(uint32_t gpu, Guard& guard) {
  Gpu& g = layout_->gpu[gpu];
  for (;;) {
    QueueSlot* first = nullptr;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < g.high_water; ++i) {
      QueueSlot& s = g.queue[i];
      if (s.used.load(std::memory_order_relaxed) == 0 || s.want() == 0) continue;
      ++waiting;
      if (s.stop.load(std::memory_order_relaxed) != 0) continue;  // about to withdraw
      const uint32_t p = s.priority.load(std::memory_order_relaxed);
      const uint32_t best = first != nullptr ? first->priority.load(std::memory_order_relaxed) : 0;
      if (first == nullptr || p > best || (p == best && s.ticket < first->ticket)) first = &s;
    }
    g.waiters.store(waiting);
    if (first == nullptr) return;
    const uint32_t want = first->want();
    uint32_t n = std::min(want, g.free_units / first->unit_cost);
    if (first->gang != 0 && n < want) n = 0;
    if (n == 0) return;  // it stands first; those behind it wait too
    g.free_units -= n * first->unit_cost;
    first->set_demand(want - n, first->granted() + n);
    if (want > n) first->ticket = g.next_ticket++;
    guard.wake_later(first->wake);
  }
}

uint32_t SharedNode::settle(const SlotRef& ref, uint32_t unit_cost, uint32_t release, uint32_t want,
                            bool gang) {
  Guard guard(*this);
  Gpu& g = layout_->gpu[ref.gpu];
  QueueSlot& s = *ref.slot;
  const uint32_t before = s.resident.load();
  release = std::min(release, before);
  // Counts first, the derived number after: if this process dies in between,
  // recover() and the reaper see whole slots.
  s.resident.store(before - release);
  g.free_units += release * s.unit_cost;
  if (before == release && s.granted() == 0) {
    s.unit_cost = unit_cost;
    s.gang = gang ? 1 : 0;
  }
  const uint32_t had = s.want();
  const uint32_t held = s.granted();
  const uint32_t missing = want > held ? want - held : 0;
  if (missing != 0 && had == 0) s.ticket = g.next_ticket++;
  s.set_demand(missing, held);
  if (missing != 0 || release != 0 || had != 0) grant(ref.gpu, guard);
  const uint32_t taken = s.granted();
  s.set_demand(s.want(), 0);
  const uint32_t after = before - release + taken;
  s.resident.store(after);
  const uint64_t since = s.busy_since_ns.load();
  if (after != 0 && since == 0) {
    s.busy_since_ns.store(now_ns());
  } else if (after == 0 && since != 0) {
    s.busy_since_ns.store(0);
    s.busy_ns.fetch_add(now_ns() - since);
  }
  return taken;
}

void SharedNode::withdraw(const SlotRef& ref) {
  QueueSlot& s = *ref.slot;
  Guard guard(*this);
  layout_->gpu[ref.gpu].free_units += s.held_units();
  s.set_demand(0, 0);
  s.resident.store(0);
  if (const uint64_t since = s.busy_since_ns.exchange(0); since != 0) {
    s.busy_ns.fetch_add(now_ns() - since);
  }
  grant(ref.gpu, guard);
}

bool SharedNode::others_wait(const SlotRef& ref) const {
  const uint32_t waiting = layout_->gpu[ref.gpu].waiters.load(std::memory_order_relaxed);
  return waiting > (ref.slot->want() != 0 ? 1u : 0u);
}

}  // namespace xsim::dev
