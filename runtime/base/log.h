// SPDX-License-Identifier: Apache-2.0
//
// One line, one write(2), no allocation, no lock: usable under the loader
// lock, in a forked child and next to an application that owns stderr.
// XSCHED_LOG=off|error|warn|info|debug selects what is written.
#pragma once

#include <atomic>

namespace xsched {

enum class LogLevel : int { kOff = 0, kError = 1, kWarn = 2, kInfo = 3, kDebug = 4 };

void set_log_level(LogLevel level) noexcept;
LogLevel log_level() noexcept;

// Lines are cut at 500 bytes. `format` needs no newline and no prefix.
[[gnu::format(printf, 2, 3)]] void log(LogLevel level, const char* format, ...) noexcept;

// For a daemon. From here on lines begin with their priority ("<4>", sd-daemon(3))
// if stderr is the journal's, and one that stderr has no room for is dropped,
// not waited for. Call it before there are threads.
void log_as_service() noexcept;

// For conditions that may repeat: logs the first time only.
class Once {
 public:
  bool first() noexcept { return !done_.exchange(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> done_{false};
};

}  // namespace xsched
