// SPDX-License-Identifier: Apache-2.0
//
// Description: a cycle of scan, decide and publish allocates nothing once the
// number of XQueues stands still, latency budgets and inheritance included. Counts
// through the program's operator new.
#include <gtest/gtest.h>

#include "../count_allocations.h"
#include "fake_xqueues.h"
#include "runtime/sched/arbiter.h"

namespace xsched {
namespace {

TEST(Allocation, NoneInASteadyCycle) {
#ifndef XSCHED_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "skipped: allocations are the sanitizer's here";
#endif
  std::string error;
  test::FakeXQueues a, b;
  for (int i = 0; i < 100; ++i) a.add(i % 3, 1 + i % 3, i % 4);
  const uint32_t high = b.add(10, 3, 0);
  b.table().latency_budget_us.store(1000);
  for (test::FakeXQueues* x : {&a, &b}) {
    x->table().signals.known[0].store(7);
    x->table().signals.end.store(1);
    x->table().signals.changes.store(1);
  }
  Arbiter arbiter(make_policy("HPF", error));
  TableView one(a.table()), two(b.table());
  arbiter.add(one);
  arbiter.add(two);
  uint64_t published = 0, now = 1;
  const auto cycle = [&](bool ready, bool waits) {
    b.slot(high).state.ready.store(ready ? 1 : 0);
    b.slot(high).state.stalled.store(waits ? 1 : 0);
    b.table().signals.awaited[0].store(7);
    b.table().signals.awaiting.store(waits ? 1 : 0);
    one.scan(now += 10 * kLingerNs);
    two.scan(now);
    arbiter.decide(now);
    for (TableView* view : {&one, &two}) {
      if (!view->changed()) continue;
      view->publish();
      ++published;
    }
  };
  cycle(true, true);  // grows what has to grow
  const uint64_t before = g_allocations.load();
  // Idle is believed at the second look.
  for (int i = 0; i < 1000; ++i) cycle(i % 4 < 2, i % 8 == 1);
  EXPECT_EQ(g_allocations.load(), before);
  EXPECT_GT(published, 450u);
}

}  // namespace
}  // namespace xsched
