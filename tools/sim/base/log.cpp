// SPDX-License-Identifier: Apache-2.0
//
// See log.h. A line is built in a buffer on the stack and written at once, so
// that lines of several threads and processes do not mix.

#include "log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace xsim {

namespace {
std::atomic<int> g_level{0};
}  // namespace

void set_log_level(int level) {
  g_level.store(level, std::memory_order_relaxed);
}

bool log_enabled(LogLevel level) {
  return static_cast<int>(level) <= g_level.load(std::memory_order_relaxed);
}

void log(LogLevel level, const char* format, ...) {
  if (!log_enabled(level)) return;
  const int saved_errno = errno;  // callers log on their way out with an errno set
  char line[1024];
  int length = std::snprintf(line, sizeof line, "xsched-sim: ");
  va_list arguments;
  va_start(arguments, format);
  const int body = std::vsnprintf(line + length, sizeof line - length - 1, format, arguments);
  va_end(arguments);
  if (body > 0) length += body;
  if (length > static_cast<int>(sizeof line) - 2) length = sizeof line - 2;
  line[length++] = '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, length);
  errno = saved_errno;
}

}  // namespace xsim
