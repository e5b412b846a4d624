// SPDX-License-Identifier: Apache-2.0
//
// Holders and owners that die at random points: nothing stays suspended.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

// A thousand rounds. In each, two daemons and two applications act at random;
// after a random number of steps, with engine errors about, somebody dies.
TEST(Death, ThousandRoundsLeaveNothingSuspended) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    std::mt19937 random(seed);
    auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    Node node;
    xs_file* apps[2] = {node.Open(), node.Open()};
    xs_file* daemons[2] = {node.Open(XS_FILE_ADMIN), node.Open(XS_FILE_CONTROL)};
    std::vector<uint64_t> queues;
    for (uint32_t i = 0; i < 8; ++i)
      queues.push_back(node.Register(apps[i % 2], i, 1 + i % 3, 1 + i % 2));
    bool app_died = false;
    uint32_t steps = pick(40);
    for (uint32_t step = 0; step < steps; ++step) {
      xs_file* daemon = daemons[pick(2)];
      std::vector<uint64_t> some;
      for (uint64_t q : queues)
        if (pick(2)) some.push_back(q);
      xsched_process p{};
      p.size = sizeof(p);
      p.handle = queues[pick(8)];
      switch (pick(8)) {
        case 0: case 1: case 2:
          if (!some.empty())
            node.Suspend(daemon, some, pick(3) ? 1 + pick(50) : XSCHED_LEASE_NONE,
                         pick(2) ? XSCHED_ITEMS_PARTIAL : 0);
          break;
        case 3:
          if (!some.empty()) node.Resume(daemon, some, XSCHED_ITEMS_PARTIAL);
          break;
        case 4: node.Call(daemon, XSCHED_IOC_SUSPEND_PROCESS, &p); break;
        case 5: node.Call(daemon, XSCHED_IOC_RESUME_PROCESS, &p); break;
        case 6: node.Advance(pick(30) * kMs); break;
        default: xs_mock_fail(node.mock, pick(4), pick(4), pick(2) ? -EIO : -ETIME);
      }
      if (!app_died && pick(30) == 0) {
        app_died = true;
        node.Kill(1);
        node.Close(apps[0]);
      }
    }
    node.Close(daemons[0]);
    node.Close(daemons[1]);
    node.Advance(5000 * kMs);
    EXPECT_EQ(xs_mock_suspended(node.mock), 0u) << "seed " << seed;
    EXPECT_EQ(node.mock->violations, 0u) << "seed " << seed;
    for (uint64_t q : queues) EXPECT_FALSE(node.Suspended(q)) << "seed " << seed;
  }
}

TEST(Death, OfTheOwnerDropsItsQueues) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  node.Kill(1);
  node.Close(app);
  EXPECT_EQ(node.Info(q).handle, 0u);
  EXPECT_EQ(node.Resume(daemon, {}, XSCHED_RESUME_ALL).ret, 0);
  // The next process with that number is another one.
  Dead().clear();
  EXPECT_NE(node.Register(daemon, 0), q);
}

TEST(Death, OfTheOwnerBeforeItsFileCloses) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  node.Kill(1);
  EXPECT_TRUE(node.Info(q).state & XSCHED_QUEUE_DEAD);
  EXPECT_EQ(node.Resume(daemon, {q}).items[0].status, 0);
  EXPECT_FALSE(node.Suspended(q));
}

}  // namespace
}  // namespace kmod_test
