// SPDX-License-Identifier: Apache-2.0
//
// The public C API (include/xsched/runtime.h) over the session. No exception
// leaves it; the ranges are those of the environment (base/config.cpp).
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <functional>
#include <new>

#include "../base/config.h"
#include "../include/xsched/runtime.h"
#include "session.h"

namespace xsched {
namespace {

constexpr int32_t kPriorityLimit = 255;
constexpr uint32_t kWindowLimit = 65536;

// Runs `body`, which returns an API result; translates what C++ throws.
template <typename Body>
int guarded(Body body) noexcept {
  try {
    Session* session = Session::existing();
    return session == nullptr ? -ENODEV : body(*session);
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  } catch (...) {
    return -EINVAL;
  }
}

// Applies `change` to one XQueue or to all; the first error is the result,
// but all of them are tried.
int for_id(Session& session, uint32_t id, const std::function<int(XQueue&)>& change) {
  int result = 0;
  const auto visit = [&](XQueue& queue) {
    const int error = change(queue);
    if (result == 0) result = error;
  };
  if (id == XSCHED_ALL) {
    session.for_each(visit);
  } else if (!session.with(id, visit)) {
    return -ENOENT;
  }
  return result;
}

int set_hold(uint32_t id, bool on) noexcept {
  return guarded([=](Session& session) {
    const int result =
        for_id(session, id, [on](XQueue& queue) { return queue.set_hold(on) ? 0 : -ESHUTDOWN; });
    session.scheduler_inputs_changed();
    return result;
  });
}

void describe(XQueue& queue, xsched_xqueue& out) {
  const Slot& slot = queue.slot();
  const IdentityLine& identity = slot.identity;
  out = {};
  out.id = queue.id();
  out.kfd_queue_id = identity.kfd_queue_id.load(std::memory_order_relaxed);
  out.gpu_id = identity.gpu_id.load(std::memory_order_relaxed);
  out.priority = identity.priority.load(std::memory_order_relaxed);
  out.level_wanted = identity.level_wanted.load(std::memory_order_relaxed);
  out.level_actual = identity.level_actual.load(std::memory_order_relaxed);
  std::snprintf(out.engine, sizeof out.engine, "%s",
                to_string(static_cast<EngineKind>(identity.engine.load())));
  out.window = identity.window_wanted.load(std::memory_order_relaxed);
  out.suspended = slot.state.suspended.load(std::memory_order_acquire);
  // `moved` first: what moved was submitted before.
  out.moved = queue.gate().entered();
  out.submitted = queue.gate().submitted();
  out.in_flight = queue.gate().in_flight();
  out.suspends = slot.counters.suspends.load(std::memory_order_relaxed);
  out.last_suspend_ns = slot.counters.last_suspend_ns.load(std::memory_order_relaxed);
}

}  // namespace
}  // namespace xsched

using namespace xsched;

int xsched_version(void) {
  return XSCHED_API_VERSION;
}

int xsched_list(xsched_xqueue* out, size_t capacity, size_t size) {
  if (size != sizeof(xsched_xqueue) || (out == nullptr && capacity != 0)) return -EINVAL;
  return guarded([=](Session& session) {
    size_t count = 0;
    session.for_each([&](XQueue& queue) {
      if (count < capacity) describe(queue, out[count]);
      ++count;
    });
    return static_cast<int>(std::min<size_t>(count, INT_MAX));
  });
}

int xsched_suspend(uint32_t id) {
  return set_hold(id, true);
}
int xsched_resume(uint32_t id) {
  return set_hold(id, false);
}

int xsched_set_level(uint32_t id, uint32_t level) {
  if (level < 1 || level > 3) return -EINVAL;
  return guarded([=](Session& session) {
    const int result = for_id(session, id, [level](XQueue& queue) {
      return queue.set_level(level, config().engine) == level ? 0 : -ENOTSUP;
    });
    session.scheduler_inputs_changed();
    return result;
  });
}

int xsched_set_priority(uint32_t id, int32_t priority) {
  if (priority < -kPriorityLimit || priority > kPriorityLimit) return -EINVAL;
  return guarded([=](Session& session) {
    const int result = for_id(session, id, [priority](XQueue& queue) {
      queue.slot().identity.priority.store(priority, std::memory_order_relaxed);
      return 0;
    });
    session.scheduler_inputs_changed();
    return result;
  });
}

int xsched_set_window(uint32_t id, uint32_t packets) {
  if (packets < 1 || packets > kWindowLimit) return -EINVAL;
  return guarded([=](Session& session) {
    const int result = for_id(session, id, [packets](XQueue& queue) {
      queue.set_window(packets);
      return 0;
    });
    session.scheduler_inputs_changed();
    return result;
  });
}
