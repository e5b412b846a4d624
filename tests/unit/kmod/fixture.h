// SPDX-License-Identifier: Apache-2.0
//
// A core with modelled time, modelled processes and the mock engine. Time moves
// only where a test moves it, and ticks happen exactly when the core asked.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <vector>

#include "kmod/core/core.h"
#include "kmod/core/mock.h"

namespace kmod_test {

constexpr uint64_t kMs = 1000000;

// One core at a time: the mock's death hook and some of the core's callbacks
// have no context of their own.
inline std::set<const void*>& Dead() {
  static std::set<const void*> dead;
  return dead;
}

class Node {
 public:
  explicit Node(uint32_t rate = 0, uint32_t auto_engine = XSCHED_ENGINE_MOCK) {
    Dead().clear();
    Current() = this;
    limits.lease_default_ms = XS_LEASE_DEFAULT_MS;
    limits.lease_max_ms = XS_LEASE_MAX_MS;
    limits.max_queues = XS_MAX_QUEUES;
    limits.rate = rate;
    limits.burst = 4;
    limits.auto_engine = auto_engine;
    core = xs_core_new(&Platform(), this, &limits);
    mock = xs_mock_new();
    mock->is_dead = [](const xs_task* task) { return Dead().count(task->mm) != 0; };
    xs_core_set_engine(core, XSCHED_ENGINE_MOCK, &xs_mock_ops, mock, 0, "");
  }
  ~Node() {
    for (xs_file* file : open_files) xs_file_close(file, true);
    xs_core_free(core);
    xs_mock_free(mock);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  xs_file* Open(uint32_t flags = 0, void* cookie = nullptr) {
    xs_file* file = xs_file_open(core, flags, cookie);
    open_files.insert(file);
    return file;
  }
  // As the kernel does it: again until all of it runs.
  void Close(xs_file* file) {
    open_files.erase(file);
    while (!xs_file_close(file, false)) Advance(10 * kMs);
  }
  static xs_task Task(uintptr_t number) {
    return {reinterpret_cast<void*>(number << 12), reinterpret_cast<void*>(number)};
  }
  // The process ends: KFD drops its queues; its files close afterwards.
  void Kill(uintptr_t number) {
    Dead().insert(Task(number).mm);
    xs_mock_forget(mock, Task(number).mm);
  }

  // Moves time to `now + ns`, ticking at each moment that was asked for.
  void Advance(uint64_t ns) {
    uint64_t end = time + ns;
    while (armed && armed <= end) {
      if (armed > time) time = armed;
      armed = 0;
      xs_core_tick(core);
    }
    time = end;
  }

  long Call(xs_file* file, unsigned cmd, void* arg, uintptr_t process = 1) {
    xs_task task = Task(process);
    return xs_ioctl(file, &task, cmd, arg);
  }
  static xsched_register_queue Queue(uint32_t queue_id, uint32_t gpu_id = 7) {
    xsched_register_queue q{};
    q.size = sizeof(q);
    q.queue_id = queue_id;
    q.gpu_id = gpu_id;
    q.ring_base = 0x7f0000000000;
    q.ring_size = 65536;
    q.type = 2;
    q.priority = 7;
    q.percentage = 100;
    return q;
  }
  uint64_t Register(xs_file* file, uint32_t queue_id, uint32_t gpu_id = 7, uintptr_t process = 1) {
    xsched_register_queue q = Queue(queue_id, gpu_id);
    return Call(file, XSCHED_IOC_REGISTER_QUEUE, &q, process) == 0 ? q.handle : 0;
  }
  struct Result {
    long ret;
    std::vector<xsched_item> items;
    xsched_suspend suspend;
    xsched_resume resume;
  };
  static std::vector<xsched_item> Items(const std::vector<uint64_t>& handles) {
    std::vector<xsched_item> items(handles.size());
    for (size_t i = 0; i < handles.size(); ++i) items[i].handle = handles[i];
    return items;
  }
  static xsched_suspend SuspendArg(std::vector<xsched_item>& items, uint32_t lease_ms = 0) {
    xsched_suspend s{};
    s.size = sizeof(s);
    s.count = static_cast<uint32_t>(items.size());
    s.level = XSCHED_LEVEL_INTERRUPT;
    s.lease_ms = lease_ms;
    s.items = reinterpret_cast<uintptr_t>(items.data());
    return s;
  }
  Result Suspend(xs_file* file, const std::vector<uint64_t>& handles, uint32_t lease_ms = 0,
                 uint32_t flags = 0, uintptr_t process = 1) {
    Result r{};
    r.items = Items(handles);
    r.suspend = SuspendArg(r.items, lease_ms);
    r.suspend.flags = flags;
    r.ret = Call(file, XSCHED_IOC_SUSPEND, &r.suspend, process);
    return r;
  }
  // All queues of the process that has registered `handle`.
  long SuspendProcess(xs_file* file, uint64_t handle, uint32_t lease_ms = 0) {
    xsched_process p{};
    p.size = sizeof(p);
    p.handle = handle;
    p.lease_ms = lease_ms;
    return Call(file, XSCHED_IOC_SUSPEND_PROCESS, &p);
  }
  long ResumeProcess(xs_file* file, uint64_t handle) {
    xsched_process p{};
    p.size = sizeof(p);
    p.handle = handle;
    return Call(file, XSCHED_IOC_RESUME_PROCESS, &p);
  }
  long Unregister(xs_file* file, uint64_t handle) {
    xsched_unregister_queue u{sizeof(u), 0, handle};
    return Call(file, XSCHED_IOC_UNREGISTER_QUEUE, &u);
  }
  // Holds that got a new lease.
  uint32_t Renew(xs_file* file, uint32_t lease_ms) {
    xsched_renew r{sizeof(r), 0, lease_ms, 0};
    return Call(file, XSCHED_IOC_RENEW, &r) == 0 ? r.renewed : 0;
  }
  Result Resume(xs_file* file, const std::vector<uint64_t>& handles, uint32_t flags = 0) {
    Result r{};
    r.items = Items(handles);
    r.resume.size = sizeof(r.resume);
    r.resume.flags = flags;
    r.resume.count = static_cast<uint32_t>(handles.size());
    r.resume.items = handles.empty() ? 0 : reinterpret_cast<uintptr_t>(r.items.data());
    r.ret = Call(file, XSCHED_IOC_RESUME, &r.resume);
    return r;
  }
  xsched_queue_info Info(uint64_t handle) {
    xsched_queue_info info{};
    xs_core_list_queues(core, handle - 1, &info, 1);
    return info;
  }
  bool Suspended(uint64_t handle) { return Info(handle).state & XSCHED_QUEUE_SUSPENDED; }

  xs_limits limits{};
  xs_core* core = nullptr;
  xs_mock* mock = nullptr;
  uint64_t time = 1000 * kMs;
  uint64_t armed = 0;
  int tasks = 0;  // references that the core has
  struct Trace {
    int kind;
    uint64_t handle;
    uint32_t gpu_id;
    int32_t status;
  };
  std::function<void(const Trace&)> traced;  // with the core's lock held
  std::function<void(void*)> woken;          // with the core's lock held
  std::set<xs_file*> open_files;

 private:
  static Node*& Current() {
    static Node* node;
    return node;
  }
  static xs_platform& Platform() {
    static xs_platform platform = {
        .now = [](void* ctx) { return __atomic_load_n(&static_cast<Node*>(ctx)->time, __ATOMIC_RELAXED); },
        .arm = [](void* ctx, uint64_t when) { static_cast<Node*>(ctx)->armed = when; },
        .wake =
            [](void* cookie) {
              if (Current()->woken) Current()->woken(cookie);
            },
        .task_ref = [](const xs_task*) { ++Current()->tasks; },
        .task_unref = [](const xs_task*) { --Current()->tasks; },
        .task_alive = [](const xs_task* task) { return Dead().count(task->mm) == 0; },
        .task_number =
            [](const xs_task* task) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(task->pid)); },
        .trace =
            [](void* ctx, int kind, u64 handle, u32 gpu_id, s32 status, u64) {
              auto* node = static_cast<Node*>(ctx);
              if (node->traced) node->traced({kind, handle, gpu_id, status});
            },
    };
    return platform;
  }
};

}  // namespace kmod_test
