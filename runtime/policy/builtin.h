// SPDX-License-Identifier: Apache-2.0
//
// The factories of the policies in this folder, one a file.
#pragma once

#include <algorithm>
#include <memory>

#include "policy.h"

namespace xsched {

std::unique_ptr<Policy> make_hpf();
std::unique_ptr<Policy> make_hhpf();
std::unique_ptr<Policy> make_chpf();
std::unique_ptr<Policy> make_up();
std::unique_ptr<Policy> make_pup();
std::unique_ptr<Policy> make_spup();
std::unique_ptr<Policy> make_kedf();
std::unique_ptr<Policy> make_lax();
std::unique_ptr<Policy> make_awf();
std::unique_ptr<Policy> make_cfs();
std::unique_ptr<Policy> make_mlfq();

// The CPU's priority of a process as one number, higher is more urgent: a
// real-time one is above every nice value. `rt_priority` is 0 for an ordinary
// process, 1..99 for SCHED_FIFO and SCHED_RR (sched(7)), and 100, above them,
// stands for SCHED_DEADLINE.
constexpr int16_t cpu_priority(int nice, int rt_priority) {
  return rt_priority > 0 ? static_cast<int16_t>(20 + std::min(rt_priority, 100))
                         : static_cast<int16_t>(-std::clamp(nice, -20, 19));
}

}  // namespace xsched
