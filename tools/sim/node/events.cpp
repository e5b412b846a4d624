// SPDX-License-Identifier: Apache-2.0
//
// See events.h.

#include "events.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <vector>

namespace xsim {

namespace {

// KFD_SIGNAL_EVENT_LIMIT: slots in the signal page. Id 0 is never given out
// (KFD keeps it for spurious interrupts).
constexpr uint32_t kSignalLimit = 4096;
// KFD_FIRST_NONSIGNAL_EVENT_ID: exceptions and the like count from here.
constexpr uint32_t kFirstOther = 0x7fffff00u - kSignalLimit;
constexpr uint32_t kInfinite = 0xffffffffu;
constexpr uint32_t kMaxWaited = 65536;

bool is_signal(uint32_t type) {
  return type == KFD_IOC_EVENT_SIGNAL || type == KFD_IOC_EVENT_DEBUG_EVENT;
}

}  // namespace

struct Events::Waiter {
  std::condition_variable wake;
};

int Events::create(kfd_ioctl_create_event_args& args) {
  if (args.event_type > KFD_IOC_EVENT_MEMORY) return EINVAL;
  std::lock_guard lock(mutex_);
  uint32_t id = 0;
  if (is_signal(args.event_type)) {
    for (uint32_t tried = 1; tried < kSignalLimit && id == 0; ++tried) {
      if (!events_.count(signal_hint_)) id = signal_hint_;
      signal_hint_ = signal_hint_ + 1 < kSignalLimit ? signal_hint_ + 1 : 1;
    }
    if (id == 0) return ENOSPC;
  } else {
    id = kFirstOther;
    while (events_.count(id)) ++id;
  }
  Event& event = events_[id];
  event.type = args.event_type;
  event.auto_reset = args.auto_reset != 0;
  args.event_id = id;
  args.event_trigger_data = is_signal(event.type) ? id : 0;
  args.event_slot_index = is_signal(event.type) ? id : 0;
  return 0;
}

int Events::destroy(uint32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = events_.find(id);
  if (found == events_.end()) return EINVAL;
  for (Slot* slot : found->second.waiters) {
    slot->gone = true;
    slot->waiter->wake.notify_all();
  }
  events_.erase(found);
  return 0;
}

void Events::fire_locked(Event& event) {
  // An auto-reset event stays unset if somebody consumes it right now.
  event.signaled = !event.auto_reset || event.waiters.empty();
  if (++event.age == 0) event.age = 2;  // 0 and 1 are reserved
  for (Slot* slot : event.waiters) {
    slot->activated = true;
    slot->waiter->wake.notify_all();
  }
}

int Events::set(uint32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = events_.find(id);
  if (found == events_.end() || found->second.type != KFD_IOC_EVENT_SIGNAL) return EINVAL;
  fire_locked(found->second);
  return 0;
}

int Events::reset(uint32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = events_.find(id);
  if (found == events_.end() || found->second.type != KFD_IOC_EVENT_SIGNAL) return EINVAL;
  found->second.signaled = false;
  return 0;
}

void Events::raise(uint32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = events_.find(id);
  if (found != events_.end() && is_signal(found->second.type)) fire_locked(found->second);
}

void Events::raise_memory_exception(const kfd_hsa_memory_exception_data& data) {
  std::lock_guard lock(mutex_);
  for (auto& [id, event] : events_) {
    if (event.type != KFD_IOC_EVENT_MEMORY) continue;
    event.memory = data;
    fire_locked(event);
  }
}

void Events::raise_hw_exception(const kfd_hsa_hw_exception_data& data) {
  std::lock_guard lock(mutex_);
  for (auto& [id, event] : events_) {
    if (event.type != KFD_IOC_EVENT_HW_EXCEPTION) continue;
    event.hardware = data;
    fire_locked(event);
  }
}

size_t Events::waiting(uint32_t id) {
  std::lock_guard lock(mutex_);
  const auto found = events_.find(id);
  return found == events_.end() ? 0 : found->second.waiters.size();
}

int Events::wait(kfd_ioctl_wait_events_args& args) {
  if (args.num_events == 0 || args.num_events > kMaxWaited) return EINVAL;
  if (args.events_ptr == 0) return EFAULT;
  auto* data = reinterpret_cast<abi::EventData*>(static_cast<uintptr_t>(args.events_ptr));
  const uint32_t count = args.num_events;

  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(args.timeout);
  Waiter waiter;
  std::vector<Slot> slots(count);
  // Where each slot hangs, to take it off again; an event met twice has two.
  std::vector<std::list<Slot*>::iterator> places(count);

  std::unique_lock lock(mutex_);
  for (uint32_t i = 0; i < count; ++i) {
    if (!events_.count(data[i].event_id)) return EINVAL;
  }
  for (uint32_t i = 0; i < count; ++i) {
    Event& event = events_.find(data[i].event_id)->second;
    Slot& slot = slots[i];
    slot.waiter = &waiter;
    slot.activated = event.signaled;
    if (event.auto_reset) event.signaled = false;
    const uint64_t age = data[i].signal.last_event_age;
    // Age 0 means that the caller does not use ages. One that is not the
    // current age means that the caller missed an event: no waiting then.
    if (event.type == KFD_IOC_EVENT_SIGNAL && age != 0 && age != event.age) slot.activated = true;
    places[i] = event.waiters.insert(event.waiters.end(), &slot);
  }

  const auto state = [&] {
    uint32_t activated = 0;
    for (const Slot& slot : slots) {
      if (slot.gone) return KFD_IOC_WAIT_RESULT_FAIL;
      activated += slot.activated ? 1 : 0;
    }
    const bool done = args.wait_for_all ? activated == count : activated > 0;
    return done ? KFD_IOC_WAIT_RESULT_COMPLETE : KFD_IOC_WAIT_RESULT_TIMEOUT;
  };
  uint32_t result = state();
  while (result == KFD_IOC_WAIT_RESULT_TIMEOUT && args.timeout != 0) {
    if (args.timeout == kInfinite) {
      waiter.wake.wait(lock);
    } else if (waiter.wake.wait_until(lock, deadline) == std::cv_status::timeout) {
      result = state();
      break;
    }
    result = state();
  }

  for (uint32_t i = 0; i < count; ++i) {
    if (slots[i].gone) continue;  // the event and its list are no more
    Event& event = events_.find(data[i].event_id)->second;
    event.waiters.erase(places[i]);
    if (result != KFD_IOC_WAIT_RESULT_COMPLETE) {
      // Nothing was handed over: an auto-reset event that this waiter took
      // must not be lost.
      if (slots[i].activated && event.auto_reset) event.signaled = true;
      continue;
    }
    if (!slots[i].activated) continue;
    if (event.type == KFD_IOC_EVENT_MEMORY) {
      data[i].memory = event.memory;
    } else if (event.type == KFD_IOC_EVENT_HW_EXCEPTION) {
      data[i].hardware = event.hardware;
    } else if (event.type == KFD_IOC_EVENT_SIGNAL && data[i].signal.last_event_age != 0) {
      data[i].signal.last_event_age = event.age;
    }
  }
  args.wait_result = result;
  return result == KFD_IOC_WAIT_RESULT_FAIL ? EIO : 0;
}

}  // namespace xsim
