// SPDX-License-Identifier: Apache-2.0
//
// See budget.h.
#include "budget.h"

#include <algorithm>

#include "../xqueue/slot.h"

namespace xsched {

void fit_to_budget(const PolicyInput& x, uint64_t budget_ns, PolicyDecision& d) {
  // Level 2 leaves the running kernel only, whatever is in the hardware queue.
  if (x.level == 2 || budget_ns == 0) return;
  // Each may take so long, as TCP's retransmission timeout has it: longer is
  // rare. 0: not one is known to end in time.
  const uint64_t margin_ns = 4 * x.work_spread_ns;
  const uint64_t fitting = x.work_ns == 0 ? 0 : budget_ns / (x.work_ns + margin_ns);
  // Not measured yet, or too long: level 3 saves what runs, whatever it is. The
  // window stays all the same: durations are measured under one, and so much
  // has to end should the module refuse. It is 1 once it has.
  const bool strong = x.level == 3 && !x.save_refused;
  const uint64_t otherwise = x.work_ns == 0 || strong ? x.window : 1;
  const uint64_t window = fitting != 0 ? fitting : otherwise;
  d.window = static_cast<uint32_t>(
      std::clamp<uint64_t>(window, 1, x.ring_packets != 0 ? x.ring_packets : UINT32_MAX));
  d.notify |= kNotifyWork;
  // One that was taken off the GPU stays so until it is to run again.
  if (d.run || x.level != 3 || x.taken_off || x.inside == kInsideUnknown) return;
  // Not all stray at once. If they do, patience ends; so it does for what slips
  // in behind an empty queue's last look, which may be too long.
  if (x.inside == 0 || (fitting != 0 && x.inside <= (budget_ns - margin_ns) / x.work_ns)) {
    d.patience_us = static_cast<uint32_t>(std::min<uint64_t>((budget_ns + 999) / 1000, UINT32_MAX));
  }
}

void Budgets::add(const PolicyInput& x) {
  for (Owner& owner : owners_) {
    const PolicyInput& y = *owner.x;
    if (y.gpu_id == x.gpu_id && y.budget_ns == x.budget_ns && y.priority == x.priority &&
        y.active == x.active && y.cpu_priority == x.cpu_priority &&
        y.lax_priority == x.lax_priority && y.critical_priority == x.critical_priority &&
        y.laxity_ns == x.laxity_ns && y.deadline_ns == x.deadline_ns) {
      owner.alone = false;
      return;
    }
  }
  if (owners_.size() < kMostOwners) {
    owners_.push_back({&x, x.budget_ns, false, true});
    return;
  }
  Owner& last = owners_.back();
  last.goes_before_all = true;
  last.budget_ns = std::min(last.budget_ns, x.budget_ns);
}

// 0: none.
uint64_t Budgets::bound_of(const Policy& policy, const PolicyInput& x) const {
  uint64_t bound = 0;
  for (const Owner& owner : owners_) {
    if (!owner.goes_before_all && ((owner.x == &x && owner.alone) || owner.x->gpu_id != x.gpu_id ||
                                   !policy.goes_before(*owner.x, x))) {
      continue;
    }
    if (bound == 0 || owner.budget_ns < bound) bound = owner.budget_ns;
  }
  return bound;
}

void Budgets::fit(const Policy& policy, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) {
  owners_.clear();
  for (const PolicyInput& x : in) {
    if (x.budget_ns != 0) add(x);
  }
  if (owners_.empty()) return;
  for (size_t i = 0; i < in.size(); ++i) {
    if (const uint64_t bound = bound_of(policy, in[i])) fit_to_budget(in[i], bound, out[i]);
  }
}

}  // namespace xsched
