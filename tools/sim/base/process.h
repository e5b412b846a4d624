// SPDX-License-Identifier: Apache-2.0
//
// Whether a process recorded in shared memory still lives. A pid alone is not
// enough (pids are used again), so records carry the start time as well.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace xsim {

// Clock ticks since boot at which `pid` started; 0 if there is no such process.
uint64_t process_start(pid_t pid);

// Two processes are one if both are equal. The start time survives exec(),
// where the arguments stand does not (but for address randomisation off).
struct ProcessMark {
  uint64_t start = 0;
  uint64_t image = 0;
  bool operator==(const ProcessMark&) const = default;
};

// All zero if there is no such process.
ProcessMark process_mark(pid_t pid);

// Stopped by a signal or a debugger: none of its threads runs.
bool process_stopped(pid_t pid);

inline bool process_lives(pid_t pid, uint64_t start) {
  return start != 0 && process_start(pid) == start;
}

}  // namespace xsim
