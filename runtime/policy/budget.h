// SPDX-License-Identifier: Apache-2.0
//
// Latency budgets: what an XQueue may have in flight while one that a policy
// would suspend it for has a budget, and whether closing the gate is then
// enough of a suspend. After the policy's decision, for all policies alike; as
// pure as they are. ../sched/README.md says why.
#pragma once

#include <span>
#include <vector>

#include "policy.h"

namespace xsched {

class Budgets {
 public:
  // Changes window, patience_us and notify of those that somebody's budget
  // bounds. Nothing if nobody has one. Does not allocate when called again with
  // the same or a smaller size.
  void fit(const Policy& policy, std::span<const PolicyInput> in, std::span<PolicyDecision> out);

 private:
  // Those of one rank and budget are one.
  struct Owner {
    const PolicyInput* x;
    uint64_t budget_ns;
    bool goes_before_all;  // stands for more ranks than are told apart
    bool alone;            // of its rank: one may go before another, and none before itself
  };
  static constexpr size_t kMostOwners = 64;

  void add(const PolicyInput& x);
  uint64_t bound_of(const Policy& policy, const PolicyInput& x) const;

  std::vector<Owner> owners_;
};

// One XQueue that has to give way within budget_ns; see Budgets.
void fit_to_budget(const PolicyInput& x, uint64_t budget_ns, PolicyDecision& d);

}  // namespace xsched
