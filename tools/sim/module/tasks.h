// SPDX-License-Identifier: Apache-2.0
//
// Processes, as the core knows them (struct xs_task): the kernel's mm and pid
// are one object here, alike for as long as the process runs one program.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include "../base/process.h"
#include "kmod/core/core.h"

namespace xsim::kmod {

struct Task {
  pid_t pid = 0;
  ProcessMark mark;
  int pidfd = -1;
  uint32_t refs = 0;  // under the table's mutex
  std::atomic<bool> dead{false};
  std::atomic<uint64_t> looked_ns{0};

  xs_task core() { return {this, this}; }
  static Task* of(const xs_task* task) { return static_cast<Task*>(task->mm); }
};

class Tasks {
 public:
  // With a reference; null if there is no such process. With `look` it is the
  // program that runs now, not the one of a millisecond ago.
  Task* get(pid_t pid, bool look);
  void ref(Task* task);
  void unref(Task* task);
  // Has it neither ended nor become another program? The first is noticed at
  // once, the second within a millisecond: that means reading /proc.
  static bool alive(Task* task, bool look = false);

 private:
  std::mutex mutex_;
  std::map<pid_t, Task*> by_pid_;
};

}  // namespace xsim::kmod
