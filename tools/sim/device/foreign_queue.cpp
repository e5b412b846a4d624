// SPDX-License-Identifier: Apache-2.0
//
// UPDATE_QUEUE on a queue of another process: what the kernel module does
// through KFD. The victim's own command processor saves its waves and says so
// in the slot; who asked sleeps there.
#include <cerrno>

#include "shared_guard.h"

namespace xsim::dev {

SlotRef SharedNode::find_foreign(const ForeignQueue& queue, bool& process_known) {
  process_known = false;
  for (const ProcessEntry& p : layout_->process) {
    if (p.used.load() != 0 && p.pid == queue.pid && p.start_time == queue.start_time) {
      process_known = true;
    }
  }
  if (!process_known) return {};
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    for (uint32_t i = 0; i < layout_->gpu[g].high_water; ++i) {
      QueueSlot& s = layout_->gpu[g].queue[i];
      if (s.used.load() == 0 || s.queue_id != queue.queue_id || s.pid != queue.pid) continue;
      if (layout_->process[s.process].start_time == queue.start_time) return {g, i, &s};
    }
  }
  return {};
}

int SharedNode::unmap_foreign(const ForeignQueue& queue, uint32_t priority, ForeignRef& ref) {
  Guard guard(*this);
  bool process_known;
  ref.slot = find_foreign(queue, process_known);
  if (!process_known) return ESRCH;
  if (!ref.slot) return EFAULT;
  QueueSlot& s = *ref.slot.slot;
  if (s.ring_base != queue.ring_base || s.ring_bytes != queue.ring_bytes) return EFAULT;
  ref.generation = s.generation.load();
  if (const uint32_t percent = s.percent.load(); percent != 0) {
    share(ref.slot, 0, priority, guard);
    s.held = percent;
  }
  return 0;
}

int SharedNode::map_foreign(const ForeignQueue& queue, uint32_t percent, uint32_t priority) {
  Guard guard(*this);
  bool process_known;
  const SlotRef ref = find_foreign(queue, process_known);
  if (!process_known) return ESRCH;
  if (!ref || ref.slot->ring_base != queue.ring_base || ref.slot->ring_bytes != queue.ring_bytes) {
    return EFAULT;
  }
  if (ref.slot->held == 0) return 0;
  ref.slot->held = 0;
  share(ref, percent, priority, guard);
  return 0;
}

int SharedNode::wait_foreign(const ForeignRef& ref, uint64_t deadline) {
  QueueSlot& s = *ref.slot.slot;
  for (;;) {
    const uint32_t seen = s.rested.prepare();
    if (s.used.load() == 0 || s.generation.load() != ref.generation) return ESRCH;
    // Somebody mapped it again: it need not rest any more.
    if (s.at_rest.load(std::memory_order_seq_cst) != 0 || s.percent.load() != 0) return 0;
    if (now_ns() >= deadline) return ETIME;
    s.rested.wait(seen, deadline);
  }
}

int SharedNode::revoke_foreign(const ForeignRef& ref) {
  Guard guard(*this);
  QueueSlot& s = *ref.slot.slot;
  if (s.used.load() == 0 || s.generation.load() != ref.generation) return ESRCH;
  if (s.percent.load() != 0 || s.at_rest.load() != 0 || s.revoked_ns.load() != 0) return 0;
  // Copies have no units, and cannot be taken from the thread that makes them.
  if (s.type != static_cast<uint32_t>(QueueType::kComputeAql)) return 0;
  s.revoked_ns.store(now_ns());
  layout_->gpu[ref.slot.gpu].free_units += s.held_units();
  s.set_demand(0, 0);
  s.resident.store(0);
  if (const uint64_t since = s.busy_since_ns.exchange(0); since != 0) {
    s.busy_ns.fetch_add(now_ns() - since);
  }
  s.active.store(0);
  s.run.store(0);
  s.wants_run = 0;
  hand_over_run_slot(ref.slot.gpu, guard);
  grant(ref.slot.gpu, guard);
  return 0;
}

void SharedNode::map_all_foreign() {
  Guard guard(*this);
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    for (uint32_t i = 0; i < layout_->gpu[g].high_water; ++i) {
      QueueSlot& s = layout_->gpu[g].queue[i];
      if (s.used.load() == 0 || s.held == 0) continue;
      const uint32_t percent = s.held;
      s.held = 0;
      share({g, i, &s}, percent, s.priority.load(), guard);
    }
  }
}

}  // namespace xsim::dev
