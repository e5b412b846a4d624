// SPDX-License-Identifier: Apache-2.0
//
// KFD events: what the GPU's interrupts wake. The rules are KFD's
// (kfd_events.c): ages, auto reset only if somebody was woken, exceptions
// that carry data, waiters of a destroyed event fail.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>

#include "kfd_abi.h"

namespace xsim {

class Events {
 public:
  // All return 0 or an errno value.
  int create(kfd_ioctl_create_event_args& args);
  int destroy(uint32_t id);
  int set(uint32_t id);
  int reset(uint32_t id);
  int wait(kfd_ioctl_wait_events_args& args);

  // From the GPU: no such event is not an error (it may be gone already).
  void raise(uint32_t id);
  // To every event of the type.
  void raise_memory_exception(const kfd_hsa_memory_exception_data& data);
  void raise_hw_exception(const kfd_hsa_hw_exception_data& data);

  // How many waits are under way on an event.
  size_t waiting(uint32_t id);

 private:
  struct Waiter;
  struct Slot {  // one event of one waiter
    Waiter* waiter = nullptr;
    bool activated = false;
    bool gone = false;
  };
  struct Event {
    uint32_t type = 0;
    bool auto_reset = false;
    bool signaled = false;
    uint64_t age = 1;
    kfd_hsa_memory_exception_data memory{};
    kfd_hsa_hw_exception_data hardware{};
    std::list<Slot*> waiters;
  };
  void fire_locked(Event& event);

  std::mutex mutex_;
  std::map<uint32_t, Event> events_;
  uint32_t signal_hint_ = 1;  // where to look for a free id
};

}  // namespace xsim
