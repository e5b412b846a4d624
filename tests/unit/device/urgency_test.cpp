// SPDX-License-Identifier: Apache-2.0
//
// Which threads of the device the host's scheduler must not delay.
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fixture.h"

namespace xsim::test {
namespace {

// Threads of this process with that name: how many, and how many with real-time priority.
struct Count {
  int all = 0;
  int urgent = 0;
};

Count threads_named(const std::string& name) {
  Count count;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream(task.path() / "comm"), comm);
    if (comm != name) continue;
    ++count.all;
    const int policy = sched_getscheduler(std::stoi(task.path().filename()));
    if ((policy & ~SCHED_RESET_ON_FORK) == SCHED_RR) ++count.urgent;
  }
  return count;
}

bool real_time_is_permitted() {
  bool permitted = false;
  std::thread([&permitted] {
    const sched_param parameters{.sched_priority = sched_get_priority_min(SCHED_RR)};
    permitted = sched_setscheduler(0, SCHED_RR, &parameters) == 0;
  }).join();
  return permitted;
}

// A doorbell that is seen late delays a launch by a scheduler tick, which no GPU does.
TEST(Urgency, DoorbellsAreWatchedAtRealTimePriority) {
  if (!real_time_is_permitted()) GTEST_SKIP() << "SCHED_RR is not permitted here";
  TestDevice device(test_config());
  TestQueue queue(device, 1);
  FakeKernel kernel;
  queue.launch(kernel, 1);
  ASSERT_TRUE(eventually([&] { return queue.read() == 1; }));
  EXPECT_TRUE(eventually([] {
    const Count count = threads_named("xsim-poll");
    return count.all > 0 && count.urgent == count.all;
  }));
}

}  // namespace
}  // namespace xsim::test
