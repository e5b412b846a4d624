// SPDX-License-Identifier: Apache-2.0
//
// See log.h. The level is a plain global, read without order: a line more or
// less around a change of level harms nobody.
#include "log.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

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

// syslog(3)'s numbers.
int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return 3;
    case LogLevel::kWarn:
      return 4;
    case LogLevel::kInfo:
      return 6;
    default:
      return 7;
  }
}

bool g_service = false;  // written before there are threads
bool g_journal = false;

// True if stderr is the stream that the journal gave us.
bool writes_to_journal() {
  const char* stream = getenv("JOURNAL_STREAM");
  struct stat status;
  unsigned long long device = 0, inode = 0;
  return stream != nullptr && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
         fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void put(const char* line, size_t size) {
  // Nobody can be told if stderr is gone.
  if (g_service) {
    // The journal's stream, and a pipe, may be full because who reads them hangs.
    if (send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK) {
      return;
    }
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return;
  }
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line, size);
}

}  // namespace

void log_as_service() noexcept {
  g_service = true;
  g_journal = writes_to_journal();
}

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
  int n = g_journal ? snprintf(line, sizeof line, "<%d>", priority_of(level))
                    : snprintf(line, sizeof line, "xsched[%d] %s: ", static_cast<int>(getpid()),
                               name_of(level));
  va_list args;
  va_start(args, format);
  const int m = vsnprintf(line + n, sizeof line - static_cast<size_t>(n) - 1, format, args);
  va_end(args);
  if (m > 0) n += m;
  if (n > static_cast<int>(sizeof line) - 2) n = static_cast<int>(sizeof line) - 2;
  line[n++] = '\n';
  put(line, static_cast<size_t>(n));
  errno = saved_errno;
}

}  // namespace xsched
