// SPDX-License-Identifier: Apache-2.0
//
// The simulated node's log: one line a message, to stderr, by write(2), so
// that it works in a preloaded library at any time, exit() included.
#pragma once

namespace xsim {

// 0 errors (always shown), 1 queues and failed calls, 2 every call, 3 files
// and events. XSCHED_SIM_LOG; 0 by default.
enum class LogLevel : int { kError = 0, kInfo = 1, kCall = 2, kTrace = 3 };

void set_log_level(int level);
bool log_enabled(LogLevel level);

// printf-like; "xsched-sim: " goes in front and a newline at the end.
void log(LogLevel level, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace xsim
