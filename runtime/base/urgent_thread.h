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

// The calling thread gets the lowest real-time priority, or `above` more, not
// inherited by what it forks. False where that is not permitted (no CAP_SYS_NICE,
// RLIMIT_RTPRIO 0): it then competes like any other thread, and decisions on a busy
// host are later.
inline bool make_thread_urgent(int above = 0) noexcept {
  sched_param parameters{};
  const int lowest = sched_get_priority_min(SCHED_RR);
  for (; above >= 0; --above) {
    parameters.sched_priority = lowest + above;
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0) return true;
  }
  return false;
}

// xschedd's own: one decision wakes many agents, and the next one must not wait
// behind them.
inline constexpr int kAboveAgents = 1;

}  // namespace xsched
