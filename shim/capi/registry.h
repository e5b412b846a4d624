// SPDX-License-Identifier: Apache-2.0
//
// The handles of the C API: hardware queues (streams), XQueues on them, and
// commands. Several handles may stand for one XQueue of the runtime, as HIP
// puts streams together: what they want is combined here.
//
// Lock order: the registry's mutex, then the session's. It is never held while
// HIP or a callback of the program runs.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "../../runtime/xqueue/session.h"
#include "xsched/hip/hal.h"

namespace xsched::capi {

struct HwQueue {
  hipStream_t stream = nullptr;
  uint32_t xqueue = 0;      // the runtime's id
  XQueueHandle handle = 0;  // of the XQueue on it; 0: none
  std::thread::id thread;   // hipStreamPerThread: whose
  bool per_thread = false;
  // hipStreamPerThread means another stream on another thread.
  bool reachable() const { return !per_thread || thread == std::this_thread::get_id(); }
};

struct Handle {
  HwQueueHandle hwq = 0;
  uint32_t xqueue = 0;
  Priority priority = PRIORITY_DEFAULT;
  Hints hints;
  bool suspended = false;
  int64_t threshold = 0;
  int64_t batch = 1;
  uint64_t submitted_before = 0;  // packets, at XQueueCreate
};

struct Command {
  LaunchCallback launch = nullptr;
  void* data = nullptr;
};

class Registry {
 public:
  static Registry& instance();

  XResult create_hw_queue(hipStream_t stream, HwQueueHandle& out);
  XResult destroy_hw_queue(HwQueueHandle hwq);
  XResult find(HwQueueHandle hwq, HwQueue& out);

  XResult create(HwQueueHandle hwq, uint32_t level, XQueueHandle& out);
  XResult destroy(XQueueHandle handle, HwQueue& was_on);
  // The hardware queue it stands on too.
  XResult find(XQueueHandle handle, Handle& out, HwQueue& on);

  XResult set_level(XQueueHandle handle, uint32_t level);
  XResult set_launch(XQueueHandle handle, int64_t threshold, int64_t batch);
  XResult set_priority(XQueueHandle handle, Priority priority);
  XResult set_hints(XQueueHandle handle, const std::function<void(Hints&)>& change);
  // With `rests`: refuses, and changes nothing, unless its level takes even
  // the running kernel off the GPU.
  XResult suspend(XQueueHandle handle, bool on, bool rests = false);
  XResult submitted(XQueueHandle handle, int64_t& packets);

  HwCommandHandle add_command(const Command& command);
  XResult take_command(HwCommandHandle handle, Command& out);
  XResult destroy_command(HwCommandHandle handle);
  // NotFound if there is none, NotAllowed if it was not submitted.
  XResult was_submitted(HwCommandHandle handle);

 private:
  // What an XQueue of the runtime was before the first handle on it.
  struct Shared {
    int handles = 0;
    int32_t priority = 0;
    uint32_t level = 3;
    uint32_t window = 4;
  };
  XResult on_xqueue(uint32_t id, const std::function<XResult(XQueue&)>& act);
  // Carries out what all handles on XQueue `id` want. Caller holds `mutex_`.
  XResult combine(uint32_t id);
  XResult combine_hints(uint32_t id);

  std::mutex mutex_;  // guards the following
  std::unordered_map<HwQueueHandle, HwQueue> hw_queues_;
  std::unordered_map<XQueueHandle, Handle> handles_;
  std::unordered_map<uint32_t, Shared> shared_;
  std::unordered_map<HwCommandHandle, Command> commands_;  // not submitted
  std::unordered_set<HwCommandHandle> destroyed_;          // ... nor ever will be
  uint64_t next_handle_ = 1;
  uint64_t next_command_ = 1;
};

// The C boundary: nothing is thrown over it, and in a child of fork(), where
// HIP is dead and a lock may be held for ever, nothing is done.
template <typename Body>
XResult guarded(Body body) noexcept {
  try {
    return Session::forked() ? kXSchedErrorNotAllowed : body(Registry::instance());
  } catch (...) {
    return kXSchedErrorUnknown;
  }
}

}  // namespace xsched::capi
