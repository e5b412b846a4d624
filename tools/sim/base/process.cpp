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

ProcessMark process_mark(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[1024];
  const ssize_t length = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (length <= 0) return {};
  text[length] = '\0';
  // proc(5): field 2 is the command in parentheses and may itself hold spaces
  // and parentheses; field 3 (the state) follows the last ')'; field 22 is the
  // start time. A zombie (or dead) process runs no queue any more.
  const char* cursor = std::strrchr(text, ')');
  if (!cursor || cursor[1] != ' ') return {};
  cursor += 2;
  if (*cursor == 'Z' || *cursor == 'X') return {};
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

uint64_t process_start(pid_t pid) {
  return process_mark(pid).start;
}

}  // namespace xsim
