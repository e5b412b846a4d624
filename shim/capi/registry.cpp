// SPDX-License-Identifier: Apache-2.0
//
// See registry.h.
#include "registry.h"

#include <algorithm>

#include "../../runtime/base/config.h"
#include "../../runtime/base/log.h"
#include "hip.h"

namespace xsched::capi {
namespace {

constexpr int64_t kMostPackets = 65536;  // as XSCHED_WINDOW

// HIP's handles with a meaning (hip_runtime_api.h). Upstream's handle of a
// hardware queue is the stream's address; the default stream gets the value of
// hipStreamLegacy, its other name, as 0 looks like no handle.
constexpr uint64_t kLegacy = 1;
constexpr uint64_t kPerThread = 2;

uint64_t value(hipStream_t stream) {
  return reinterpret_cast<uint64_t>(stream);
}

// Unlike any stream, and one a thread.
HwQueueHandle per_thread_handle() {
  thread_local char mark;
  return reinterpret_cast<uint64_t>(&mark);
}

int32_t priority_of(XQueue& queue) {
  return queue.slot().identity.priority.load(std::memory_order_relaxed);
}

}  // namespace

Registry& Registry::instance() {
  static auto* registry = new Registry;  // leaked: used until the process is gone
  return *registry;
}

XResult Registry::on_xqueue(uint32_t id, const std::function<XResult(XQueue&)>& act) {
  Session* session = Session::existing();
  if (session == nullptr) return kXSchedErrorNotSupported;
  XResult result = kXSchedErrorNotFound;  // HIP destroyed the hardware queue
  session->with(id, [&](XQueue& queue) { result = act(queue); });
  return result;
}

XResult Registry::create_hw_queue(hipStream_t stream, HwQueueHandle& out) {
  // Also for a known stream: its address may be a new stream's by now.
  XResult error = kXSchedSuccess;
  const uint32_t id = xqueue_of(stream, error);
  if (id == 0) return error;
  HwQueueHandle handle = value(stream) == 0 ? kLegacy : value(stream);
  const bool per_thread = handle == kPerThread;
  if (per_thread) handle = per_thread_handle();

  const std::lock_guard<std::mutex> lock(mutex_);
  HwQueue& hwq = hw_queues_[handle];
  if (hwq.handle != 0 && hwq.xqueue != id) {
    log(LogLevel::kWarn,
        "xsched api: stream %p is another one now, on xqueue %u: destroy its xqueue first",
        static_cast<void*>(stream), id);
    return kXSchedErrorNotAllowed;
  }
  hwq.stream = stream;
  hwq.xqueue = id;
  hwq.per_thread = per_thread;
  hwq.thread = std::this_thread::get_id();
  out = handle;
  return kXSchedSuccess;
}

XResult Registry::destroy_hw_queue(HwQueueHandle hwq) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = hw_queues_.find(hwq);
  if (found == hw_queues_.end()) return kXSchedErrorNotFound;
  if (found->second.handle != 0) return kXSchedErrorNotAllowed;
  hw_queues_.erase(found);
  return kXSchedSuccess;
}

XResult Registry::find(HwQueueHandle hwq, HwQueue& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = hw_queues_.find(hwq);
  if (found == hw_queues_.end()) return kXSchedErrorNotFound;
  out = found->second;
  return kXSchedSuccess;
}

XResult Registry::create(HwQueueHandle hwq, uint32_t level, XQueueHandle& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = hw_queues_.find(hwq);
  if (found == hw_queues_.end()) return kXSchedErrorNotFound;
  if (found->second.handle != 0) {
    out = found->second.handle;
    return kXSchedSuccess;
  }
  Handle handle;
  handle.hwq = hwq;
  handle.xqueue = found->second.xqueue;
  Shared before;
  const XResult result = on_xqueue(handle.xqueue, [&](XQueue& queue) {
    const IdentityLine& identity = queue.slot().identity;
    before.priority = priority_of(queue);
    before.level = identity.level_wanted.load(std::memory_order_relaxed);
    before.window = identity.window_wanted.load(std::memory_order_relaxed);
    if (queue.set_level(level, config().engine) != level) {
      queue.set_level(before.level, config().engine);
      return kXSchedErrorNotSupported;
    }
    queue.keep_bounds(true);
    handle.threshold = before.window;
    handle.submitted_before = queue.gate().submitted();
    return kXSchedSuccess;
  });
  if (result != kXSchedSuccess) return result;

  Shared& shared = shared_.try_emplace(handle.xqueue, before).first->second;
  if (shared.handles++ > 0) {
    // Who asks for XQueues wants them apart. Once for each that is shared.
    log(shared.handles == 2 ? LogLevel::kWarn : LogLevel::kInfo,
        "xqueue %u: %d streams share it; XSCHED_STREAM_QUEUES=N gives more of them their own",
        handle.xqueue, shared.handles);
  }
  // A priority that somebody set stays; else that of the stream is the default.
  handle.priority = shared.priority;
  handle.hints = Session::default_hints();
  on_xqueue(handle.xqueue, [&](XQueue& queue) {
    if (shared.priority == config().priority)
      handle.priority = Session::existing()->default_priority(queue);
    const int32_t now = priority_of(queue);
    queue.slot().identity.priority.store(
        shared.handles == 1 ? handle.priority : std::max(now, handle.priority),
        std::memory_order_relaxed);
    return kXSchedSuccess;
  });
  out = next_handle_++;
  handles_[out] = handle;
  found->second.handle = out;
  combine_hints(handle.xqueue);
  if (Session* session = Session::existing()) session->scheduler_inputs_changed();
  return kXSchedSuccess;
}

XResult Registry::destroy(XQueueHandle handle, HwQueue& was_on) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  const uint32_t id = found->second.xqueue;
  const auto on = hw_queues_.find(found->second.hwq);
  if (on != hw_queues_.end()) {
    was_on = on->second;
    on->second.handle = 0;
  }
  handles_.erase(found);
  // That the hardware queue is gone already is no error here.
  combine(id);
  combine_hints(id);
  const auto shared = shared_.find(id);
  if (shared != shared_.end() && --shared->second.handles == 0) {
    on_xqueue(id, [&](XQueue& queue) {
      queue.set_level(shared->second.level, config().engine);
      queue.set_window(shared->second.window);
      queue.keep_bounds(false);
      return kXSchedSuccess;
    });
    shared_.erase(shared);
  }
  if (Session* session = Session::existing()) session->scheduler_inputs_changed();
  return kXSchedSuccess;
}

XResult Registry::find(XQueueHandle handle, Handle& out, HwQueue& on) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  out = found->second;
  const auto hwq = hw_queues_.find(out.hwq);
  if (hwq == hw_queues_.end()) return kXSchedErrorNotFound;
  on = hwq->second;
  return kXSchedSuccess;
}

XResult Registry::combine(uint32_t id) {
  bool suspended = false;
  bool some = false;
  int32_t priority = PRIORITY_MIN;
  for (const auto& [name, handle] : handles_) {
    if (handle.xqueue != id) continue;
    some = true;
    suspended |= handle.suspended || handle.priority == PRIORITY_NO_EXECUTE;
    priority = std::max(priority, handle.priority);
  }
  if (!some) priority = shared_[id].priority;
  return on_xqueue(id, [&](XQueue& queue) {
    // The priority first: a resume must not run under the old one.
    if (priority_of(queue) != priority) {
      queue.slot().identity.priority.store(priority, std::memory_order_relaxed);
      Session::existing()->scheduler_inputs_changed();
    }
    if (queue.gate().held() == suspended) return kXSchedSuccess;
    const bool done = queue.set_hold(suspended);
    Session::existing()->scheduler_inputs_changed();
    return done ? kXSchedSuccess : kXSchedErrorNotAllowed;
  });
}

// As urgent as the most urgent: the largest share, the first deadline, the
// shortest laxity.
XResult Registry::combine_hints(uint32_t id) {
  std::optional<Hints> all;
  for (const auto& [name, handle] : handles_) {
    if (handle.xqueue != id) continue;
    const Hints& one = handle.hints;
    if (!all) all.emplace();
    if (one.share) all->share = std::max(*one.share, all->share.value_or(*one.share));
    if (one.deadline_ns) {
      all->deadline_ns = std::min(*one.deadline_ns, all->deadline_ns.value_or(*one.deadline_ns));
    }
    if (one.laxity && (!all->laxity || one.laxity->ns < all->laxity->ns)) all->laxity = one.laxity;
  }
  return on_xqueue(id, [&](XQueue& queue) {
    write_hints(queue.slot(), all ? *all : Session::default_hints());
    return kXSchedSuccess;
  });
}

XResult Registry::set_level(XQueueHandle handle, uint32_t level) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  const XResult result = on_xqueue(found->second.xqueue, [level](XQueue& queue) {
    const uint32_t before = queue.slot().identity.level_wanted.load(std::memory_order_relaxed);
    if (queue.set_level(level, config().engine) == level) return kXSchedSuccess;
    queue.set_level(before, config().engine);
    return kXSchedErrorNotSupported;
  });
  if (Session* session = Session::existing()) session->scheduler_inputs_changed();
  return result;
}

XResult Registry::set_launch(XQueueHandle handle, int64_t threshold, int64_t batch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  Handle& h = found->second;
  if (threshold <= 0) threshold = h.threshold;
  if (batch <= 0) batch = std::min(h.batch, threshold);
  if (threshold > kMostPackets || batch > threshold) return kXSchedErrorInvalidValue;
  const XResult result = on_xqueue(h.xqueue, [threshold](XQueue& queue) {
    queue.set_window(static_cast<uint32_t>(threshold));
    return kXSchedSuccess;
  });
  if (result != kXSchedSuccess) return result;
  h.threshold = threshold;
  h.batch = batch;
  Session::existing()->scheduler_inputs_changed();
  return kXSchedSuccess;
}

XResult Registry::set_priority(XQueueHandle handle, Priority priority) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  found->second.priority = priority;
  return combine(found->second.xqueue);
}

XResult Registry::set_hints(XQueueHandle handle, const std::function<void(Hints&)>& change) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  change(found->second.hints);
  const XResult result = combine_hints(found->second.xqueue);
  if (Session* session = Session::existing()) session->scheduler_inputs_changed();
  return result;
}

XResult Registry::suspend(XQueueHandle handle, bool on, bool rests) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  Handle& h = found->second;
  const auto level_now = [&] {
    uint32_t level = 0;
    on_xqueue(h.xqueue, [&](XQueue& queue) {
      level = queue.slot().identity.level_actual.load(std::memory_order_relaxed);
      return kXSchedSuccess;
    });
    return level;
  };
  if (rests && level_now() != 3) return kXSchedErrorNotSupported;
  const bool before = h.suspended;
  h.suspended = on;
  const XResult result = combine(h.xqueue);
  // The engine failed and the runtime fell back: say so, and hold nothing.
  if (rests && result == kXSchedSuccess && level_now() != 3) {
    h.suspended = before;
    combine(h.xqueue);
    return kXSchedErrorHardware;
  }
  return result;
}

XResult Registry::submitted(XQueueHandle handle, int64_t& packets) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = handles_.find(handle);
  if (found == handles_.end()) return kXSchedErrorNotFound;
  return on_xqueue(found->second.xqueue, [&](XQueue& queue) {
    packets = static_cast<int64_t>(queue.gate().submitted() - found->second.submitted_before);
    return kXSchedSuccess;
  });
}

HwCommandHandle Registry::add_command(const Command& command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  commands_[next_command_] = command;
  return next_command_++;
}

XResult Registry::take_command(HwCommandHandle handle, Command& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = commands_.find(handle);
  if (found == commands_.end()) return kXSchedErrorNotFound;
  out = found->second;
  commands_.erase(found);
  return kXSchedSuccess;
}

XResult Registry::destroy_command(HwCommandHandle handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (commands_.erase(handle) == 0) return kXSchedErrorNotFound;
  destroyed_.insert(handle);
  return kXSchedSuccess;
}

XResult Registry::was_submitted(HwCommandHandle handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (handle == 0 || handle >= next_command_ || destroyed_.contains(handle))
    return kXSchedErrorNotFound;
  return commands_.contains(handle) ? kXSchedErrorNotAllowed : kXSchedSuccess;
}

}  // namespace xsched::capi
