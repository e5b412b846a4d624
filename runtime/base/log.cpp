// SPDX-License-Identifier: Apache-2.0
//
// See log.h. The level is a plain global, read without order: a line more or
// less around a change of level harms nobody.
#include "log.h"

#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace xsched {
namespace {

std::atomic<int> g_level{static_cast<int>(LogLevel::kWarn)};

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarn:
      return "warning";
    case LogLevel::kInfo:
      return "info";
    default:
      return "debug";
  }
}

}  // namespace

void set_log_level(LogLevel level) noexcept {
  g_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

LogLevel log_level() noexcept {
  return static_cast<LogLevel>(g_level.load(std::memory_order_relaxed));
}

void log(LogLevel level, const char* format, ...) noexcept {
  if (static_cast<int>(level) > g_level.load(std::memory_order_relaxed)) return;
  const int saved_errno = errno;  // a log line must not change what the caller sees
  char line[512];
  int n =
      snprintf(line, sizeof line, "xsched[%d] %s: ", static_cast<int>(getpid()), name_of(level));
  va_list args;
  va_start(args, format);
  const int m = vsnprintf(line + n, sizeof line - static_cast<size_t>(n) - 1, format, args);
  va_end(args);
  if (m > 0) n += m;
  if (n > static_cast<int>(sizeof line) - 2) n = static_cast<int>(sizeof line) - 2;
  line[n++] = '\n';
  // Nobody can be told if stderr is gone.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line, static_cast<size_t>(n));
  errno = saved_errno;
}

}  // namespace xsched
