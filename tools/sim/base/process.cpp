// SPDX-License-Identifier: Apache-2.0
//
// See process.h.

#include "process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace xsim {

namespace {

// The fields of /proc/PID/stat from the third, the state, on; null if there is
// no such process. proc(5): field 2 is the command in parentheses and may
// itself hold spaces and parentheses.
const char* read_state(pid_t pid, char (&text)[1024]) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  const ssize_t length = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (length <= 0) return nullptr;
  text[length] = '\0';
  const char* cursor = std::strrchr(text, ')');
  return cursor && cursor[1] == ' ' ? cursor + 2 : nullptr;
}

}  // namespace

ProcessMark process_mark(pid_t pid) {
  char text[1024];
  const char* cursor = read_state(pid, text);
  // A zombie (or dead) process runs no queue any more.
  if (!cursor || *cursor == 'Z' || *cursor == 'X') return {};
  ProcessMark mark;
  for (int field = 3; field < 48; ++field) {
    if (field == 22) mark.start = std::strtoull(cursor, nullptr, 10);
    cursor = std::strchr(cursor, ' ');
    if (!cursor) return mark;
    ++cursor;
  }
  mark.image = std::strtoull(cursor, nullptr, 10);  // field 48, arg_start
  return mark;
}

bool process_stopped(pid_t pid) {
  char text[1024];
  const char* state = read_state(pid, text);
  return state && (*state == 'T' || *state == 't');
}

uint64_t process_start(pid_t pid) {
  return process_mark(pid).start;
}

}  // namespace xsim
