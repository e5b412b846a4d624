// SPDX-License-Identifier: Apache-2.0
//
// node/events.h against KFD's rules.

#include "tools/sim/node/events.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>
#include <vector>

namespace xsim {
namespace {

constexpr uint32_t kForever = 0xffffffff;

uint32_t make(Events& events, uint32_t type = KFD_IOC_EVENT_SIGNAL, bool auto_reset = false) {
  kfd_ioctl_create_event_args args{};
  args.event_type = type;
  args.auto_reset = auto_reset;
  EXPECT_EQ(events.create(args), 0);
  return args.event_id;
}

struct Wait {
  std::vector<abi::EventData> data;
  uint32_t result = 99;

  explicit Wait(std::vector<uint32_t> ids, uint64_t age = 0) {
    for (const uint32_t id : ids) {
      abi::EventData one{};
      one.event_id = id;
      one.signal.last_event_age = age;
      data.push_back(one);
    }
  }
  int run(Events& events, uint32_t timeout, bool all = false) {
    kfd_ioctl_wait_events_args args{};
    args.events_ptr = reinterpret_cast<uintptr_t>(data.data());
    args.num_events = static_cast<uint32_t>(data.size());
    args.wait_for_all = all;
    args.timeout = timeout;
    const int error = events.wait(args);
    result = args.wait_result;
    return error;
  }
};

void until_waiting(Events& events, uint32_t id) {
  while (events.waiting(id) == 0) std::this_thread::yield();
}

TEST(Events, ASetEventIsSeenUntilReset) {
  Events events;
  const uint32_t id = make(events);
  EXPECT_NE(id, 0u);
  Wait wait({id});
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
  EXPECT_EQ(events.set(id), 0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(wait.run(events, 0), 0);
    EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  }
  EXPECT_EQ(events.reset(id), 0);
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
}

TEST(Events, AutoResetLetsOneWaitThrough) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_SIGNAL, true);
  EXPECT_EQ(events.set(id), 0);
  Wait wait({id});
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
}

TEST(Events, AWaitThatTimesOutConsumesNothing) {
  Events events;
  const uint32_t first = make(events, KFD_IOC_EVENT_SIGNAL, true);
  const uint32_t second = make(events, KFD_IOC_EVENT_SIGNAL, true);
  EXPECT_EQ(events.set(first), 0);
  Wait both({first, second});
  EXPECT_EQ(both.run(events, 1, true), 0);
  EXPECT_EQ(both.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
  Wait one({first});
  EXPECT_EQ(one.run(events, 0), 0);
  EXPECT_EQ(one.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
}

TEST(Events, AllMeansAll) {
  Events events;
  const uint32_t first = make(events);
  const uint32_t second = make(events);
  Wait wait({first, second});
  int error = -1;
  std::thread waiter([&] { error = wait.run(events, kForever, true); });
  until_waiting(events, second);
  events.raise(first);
  EXPECT_EQ(events.waiting(first), 1u);
  events.raise(second);
  waiter.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  EXPECT_EQ(events.waiting(first), 0u);
}

TEST(Events, AnOldAgeDoesNotWait) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_SIGNAL, true);
  Wait wait({id}, 1);
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
  events.raise(id);
  Wait taker({id});
  EXPECT_EQ(taker.run(events, 0), 0);  // takes the signal, not the age
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  EXPECT_EQ(wait.data[0].signal.last_event_age, 2u);
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_TIMEOUT));
}

TEST(Events, EveryWaiterOfAnEventWakes) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_SIGNAL, true);
  std::vector<std::thread> waiters;
  std::vector<Wait> waits(3, Wait({id}));
  for (Wait& wait : waits) waiters.emplace_back([&] { wait.run(events, kForever); });
  while (events.waiting(id) < 3) std::this_thread::yield();
  events.raise(id);
  for (auto& waiter : waiters) waiter.join();
  for (Wait& wait : waits) {
    EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  }
}

TEST(Events, ADestroyedEventFailsItsWaiters) {
  Events events;
  const uint32_t id = make(events);
  const uint32_t other = make(events);
  Wait wait({other, id});
  int error = -1;
  std::thread waiter([&] { error = wait.run(events, kForever); });
  until_waiting(events, id);
  EXPECT_EQ(events.destroy(id), 0);
  waiter.join();
  EXPECT_EQ(error, EIO);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_FAIL));
  EXPECT_EQ(events.waiting(other), 0u);
}

TEST(Events, MemoryExceptionsCarryTheirData) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_MEMORY, true);
  kfd_hsa_memory_exception_data data{};
  data.va = 0xdead000;
  data.gpu_id = 7;
  data.failure.NotPresent = 1;
  events.raise_memory_exception(data);
  Wait wait({id});
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.result, static_cast<uint32_t>(KFD_IOC_WAIT_RESULT_COMPLETE));
  EXPECT_EQ(wait.data[0].memory.va, 0xdead000u);
  EXPECT_EQ(wait.data[0].memory.gpu_id, 7u);
  EXPECT_EQ(wait.data[0].memory.failure.NotPresent, 1u);
}

TEST(Events, HardwareExceptionsCarryTheirData) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_HW_EXCEPTION);
  kfd_hsa_hw_exception_data data{};
  data.reset_cause = KFD_HW_EXCEPTION_ECC;
  data.gpu_id = 9;
  events.raise_hw_exception(data);
  Wait wait({id});
  EXPECT_EQ(wait.run(events, 0), 0);
  EXPECT_EQ(wait.data[0].hardware.gpu_id, 9u);
}

TEST(Events, OnlySignalsCanBeSetByTheHost) {
  Events events;
  const uint32_t id = make(events, KFD_IOC_EVENT_MEMORY);
  EXPECT_EQ(events.set(id), EINVAL);
  EXPECT_EQ(events.reset(id), EINVAL);
}

TEST(Events, WhatDoesNotExistIsAnError) {
  Events events;
  EXPECT_EQ(events.set(5), EINVAL);
  EXPECT_EQ(events.reset(5), EINVAL);
  EXPECT_EQ(events.destroy(5), EINVAL);
  EXPECT_EQ(Wait({5}).run(events, 0), EINVAL);
  EXPECT_EQ(Wait({}).run(events, 0), EINVAL);
  events.raise(5);  // an interrupt that comes late is nobody's fault
  kfd_ioctl_create_event_args args{};
  args.event_type = KFD_IOC_EVENT_MEMORY + 1;
  EXPECT_EQ(events.create(args), EINVAL);
}

TEST(Events, SignalsRunOutAndComeBack) {
  Events events;
  kfd_ioctl_create_event_args args{};
  uint32_t made = 0;
  uint32_t last = 0;
  while (events.create(args) == 0) {
    ++made;
    last = args.event_id;
    ASSERT_LT(args.event_id, 4096u);
    ASSERT_NE(args.event_id, 0u);
  }
  EXPECT_EQ(made, 4095u);
  EXPECT_EQ(events.create(args), ENOSPC);
  EXPECT_EQ(events.destroy(last), 0);
  EXPECT_EQ(events.create(args), 0);
  EXPECT_EQ(args.event_id, last);
}

}  // namespace
}  // namespace xsim
