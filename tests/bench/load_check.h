// SPDX-License-Identifier: Apache-2.0
//
// Asks the policy (HPF) again: for each decision of a trace, and for tables at
// rest. Knows nothing of how the daemon came to its answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/xqueue/slot.h"

namespace xsched::load {

struct Verdict {
  std::string error;  // the trace cannot be read, or its first wrong decision
  uint64_t decisions = 0;
  uint64_t wrong = 0;
  size_t latencies = 0;  // edges with a time: became ready -> all words of the decision stored
  double p50_us = 0, p99_us = 0, max_us = 0;
  double decide_us = 0;  // mean: begin of a decision -> stored
};
Verdict check_trace(const std::string& file);

// The run words of all tables are the policy's answer to their ready words. Nobody
// may be changing them.
bool published_is_the_answer(const std::vector<SlotTable*>& tables, uint32_t xqueues);

}  // namespace xsched::load
