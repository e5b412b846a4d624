// SPDX-License-Identifier: Apache-2.0
//
// A scheduler that waits for a processor behind a compiler is none: the threads
// that carry a decision (xschedd, the agent) ask for real-time priority. They
// sleep all but some microseconds of each decision.
//
// Whoever runs at that priority must never spin for a thread that does not:
// waits in the code these threads reach sleep (see gate.cpp, settle).
#pragma once

#include <sched.h>

namespace xsched {

// The calling thread gets the lowest real-time priority, not inherited by what
// it forks. False where that is not permitted (no CAP_SYS_NICE, RLIMIT_RTPRIO
// 0): it then competes like any other thread, and decisions on a busy host are
// later.
inline bool make_thread_urgent() noexcept {
  sched_param parameters{};
  parameters.sched_priority = sched_get_priority_min(SCHED_RR);
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
}

}  // namespace xsched
