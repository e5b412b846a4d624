// SPDX-License-Identifier: Apache-2.0
//
// See tasks.h.

#include "tasks.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../device/clock.h"

namespace xsim::kmod {

namespace {

constexpr uint64_t kLookEveryNs = 1'000'000;

}  // namespace

bool Tasks::alive(Task* task, bool look) {
  if (task->dead.load(std::memory_order_relaxed)) return false;
  pollfd ended{task->pidfd, POLLIN, 0};
  bool dead = poll(&ended, 1, 0) == 1;
  const uint64_t now = dev::now_ns();
  look = look || now - task->looked_ns.load(std::memory_order_relaxed) > kLookEveryNs;
  if (!dead && look) {
    task->looked_ns.store(now, std::memory_order_relaxed);
    const ProcessMark mark = process_mark(task->pid);
    // All zero: a main thread that ended before the others, or a race with
    // the end of the process, which the pidfd tells.
    dead = mark != ProcessMark{} && mark != task->mark;
  }
  if (dead) task->dead.store(true, std::memory_order_relaxed);
  return !dead;
}

Task* Tasks::get(pid_t pid, bool look) {
  std::lock_guard lock(mutex_);
  const auto it = by_pid_.find(pid);
  if (it != by_pid_.end()) {
    if (alive(it->second, look)) {
      ++it->second->refs;
      return it->second;
    }
    by_pid_.erase(it);  // its references keep it
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return nullptr;
  const ProcessMark mark = process_mark(pid);
  if (mark.start == 0) {
    close(pidfd);
    return nullptr;
  }
  auto* task = new Task;
  task->pid = pid;
  task->mark = mark;
  task->pidfd = pidfd;
  task->refs = 1;
  task->looked_ns.store(dev::now_ns(), std::memory_order_relaxed);
  by_pid_[pid] = task;
  return task;
}

void Tasks::ref(Task* task) {
  std::lock_guard lock(mutex_);
  ++task->refs;
}

void Tasks::unref(Task* task) {
  std::lock_guard lock(mutex_);
  if (--task->refs != 0) return;
  const auto it = by_pid_.find(task->pid);
  if (it != by_pid_.end() && it->second == task) by_pid_.erase(it);
  close(task->pidfd);
  delete task;
}

}  // namespace xsim::kmod
