// SPDX-License-Identifier: Apache-2.0
//
// Events reach those whom they concern; a full buffer counts what it lost.
// Lists show what their reader may see.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

std::vector<uint32_t> Types(xs_file* file) {
  xsched_event events[64];
  uint32_t n = xs_file_take_events(file, events, 64);
  std::vector<uint32_t> types;
  for (uint32_t i = 0; i < n; ++i) types.push_back(events[i].type);
  return types;
}

TEST(Event, ReachThoseWhomTheyConcern) {
  Node node;
  xs_file* app = node.Open();
  xs_file* holder = node.Open(XS_FILE_CONTROL);
  xs_file* listener = node.Open(XS_FILE_CONTROL);
  xs_file* bystander = node.Open();
  xsched_listen all{sizeof(all), XSCHED_LISTEN_ALL, 0x7e, 0};
  EXPECT_EQ(node.Call(listener, XSCHED_IOC_LISTEN, &all), 0);
  uint64_t q = node.Register(app, 0);
  node.Suspend(holder, {q}, 10);
  EXPECT_TRUE(xs_file_has_events(app));
  node.Advance(20 * kMs);
  using V = std::vector<uint32_t>;
  EXPECT_EQ(Types(app), (V{XSCHED_EVENT_REGISTERED, XSCHED_EVENT_SUSPENDED, XSCHED_EVENT_RESUMED}));
  EXPECT_EQ(Types(holder), (V{XSCHED_EVENT_SUSPENDED, XSCHED_EVENT_LEASE_EXPIRED}));
  EXPECT_EQ(Types(listener), (V{XSCHED_EVENT_REGISTERED, XSCHED_EVENT_SUSPENDED, XSCHED_EVENT_RESUMED}));
  EXPECT_FALSE(xs_file_has_events(bystander));
  node.Close(app);
  EXPECT_EQ(Types(listener), V{XSCHED_EVENT_GONE});
}

TEST(Event, MaskAndOverflow) {
  Node node;
  xs_file* app = node.Open();
  xsched_listen resumed{sizeof(resumed), 0, 1 << XSCHED_EVENT_RESUMED, 0};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_LISTEN, &resumed), 0);
  uint64_t q = node.Register(app, 0);
  for (int i = 0; i < 300; ++i) {
    node.Suspend(app, {q});
    node.Resume(app, {q});
  }
  xsched_event events[300];
  EXPECT_EQ(xs_file_take_events(app, events, 300), 256u);
  node.Suspend(app, {q});
  node.Resume(app, {q});
  ASSERT_EQ(xs_file_take_events(app, events, 300), 1u);
  EXPECT_EQ(events[0].lost, 44u);
  EXPECT_EQ(events[0].handle, q);
}

TEST(Event, SaysWhatAndWhen) {
  Node node;
  xs_file* app = node.Open();
  node.time = 1234 * kMs;
  uint64_t q = node.Register(app, 0);
  node.time = 1235 * kMs;
  xs_mock_fail(node.mock, 0, 1, -ETIME);
  node.Suspend(app, {q});
  xsched_event e[3];
  ASSERT_EQ(xs_file_take_events(app, e, 3), 2u);
  EXPECT_EQ(e[0].type, static_cast<uint32_t>(XSCHED_EVENT_REGISTERED));
  EXPECT_EQ(e[0].time_ns, 1234 * kMs);
  EXPECT_EQ(e[0].value, 0);
  EXPECT_EQ(e[1].type, static_cast<uint32_t>(XSCHED_EVENT_ERROR));
  EXPECT_EQ(e[1].time_ns, 1235 * kMs);
  EXPECT_EQ(e[1].value, -ETIME);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(e[i].handle, q);
    EXPECT_EQ(e[i].lost, 0u);
    EXPECT_EQ(e[i].reserved, 0u);
  }
}

TEST(Event, OfAProcessIsOneForEachQueue) {
  Node node;
  xs_file* app = node.Open();
  xs_file* holder = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1);
  node.SuspendProcess(holder, q);
  xsched_event e[8];
  ASSERT_EQ(xs_file_take_events(holder, e, 8), 2u) << "it holds the process, not the queues";
  EXPECT_EQ(e[0].type, static_cast<uint32_t>(XSCHED_EVENT_SUSPENDED));
  EXPECT_EQ(e[1].type, static_cast<uint32_t>(XSCHED_EVENT_SUSPENDED));
  EXPECT_EQ(e[0].handle, q);
  EXPECT_EQ(e[1].handle, r);
}

TEST(Event, WakesTheReader) {
  Node node;
  int reader = 0, woken = 0;
  node.woken = [&](void* cookie) { woken += cookie == &reader; };
  xs_file* app = node.Open(0, &reader);
  node.Register(app, 0);
  EXPECT_EQ(woken, 1);
}

TEST(Event, ComesInOrderHoweverItIsRead) {
  Node node;
  xs_file* app = node.Open();
  uint64_t before = 0, read = 0, last = 0;
  xsched_event e[100];
  for (uint32_t round = 0; round < 40; ++round) {
    for (uint32_t i = 0; i < 20; ++i) last = node.Register(app, round * 20 + i);
    uint32_t n = xs_file_take_events(app, e, round % 2 ? 17 : 20);
    EXPECT_EQ(n, round % 2 ? 17u : 20u);
    for (uint32_t i = 0; i < n; ++i) {
      ASSERT_EQ(e[i].handle, before + 1);
      before = e[i].handle;
    }
    read += n;
  }
  while (uint32_t n = xs_file_take_events(app, e, 100)) before = e[n - 1].handle, read += n;
  EXPECT_EQ(read, 800u);
  EXPECT_EQ(before, last);
}

TEST(Event, LostOnesAreCountedOnce) {
  Node node;
  xs_file* app = node.Open();
  for (uint32_t i = 0; i < 300; ++i) node.Register(app, i);
  xsched_event e[256];
  EXPECT_EQ(xs_file_take_events(app, e, 256), 256u);
  EXPECT_EQ(e[255].handle, 256u) << "the newer ones are dropped";
  node.Register(app, 300);
  node.Register(app, 301);
  ASSERT_EQ(xs_file_take_events(app, e, 256), 2u);
  EXPECT_EQ(e[0].lost, 44u);
  EXPECT_EQ(e[1].lost, 0u);
}

TEST(Event, AllButWhatIsNotWanted) {
  Node node;
  xs_file* app = node.Open();
  xsched_listen none{sizeof(none), 0, 0, 0};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_LISTEN, &none), 0);
  node.Register(app, 0);
  EXPECT_FALSE(xs_file_has_events(app));
  xsched_listen all{sizeof(all), 0, 0x7e, 0};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_LISTEN, &all), 0);
  node.Register(app, 1);
  EXPECT_EQ(Types(app), std::vector<uint32_t>{XSCHED_EVENT_REGISTERED});
}

TEST(List, ShowsWhatTheFileOffersForOthers) {
  Node node;
  xs_file* a = node.Open();
  xs_file* b = node.Open();
  uint64_t q = node.Register(a, 0, 7, 2);  // by a child, in an inherited file
  uint64_t r = node.Register(b, 1, 7, 1);  // by this process, in another file
  xsched_queue_info rows[4];
  xsched_list_queues l{sizeof(l), 0, 4, sizeof(rows[0]), 0, reinterpret_cast<uintptr_t>(rows)};
  EXPECT_EQ(node.Call(a, XSCHED_IOC_LIST_QUEUES, &l, 1), 0);
  ASSERT_EQ(l.count, 2u);
  EXPECT_EQ(rows[0].handle, q);
  EXPECT_EQ(rows[1].handle, r);
  EXPECT_EQ(node.Suspend(a, {q, r}).ret, 0) << "and may suspend it";
}

TEST(List, ShowsOwnToOwnersAndAllToControl) {
  Node node;
  xs_file* a = node.Open();
  xs_file* b = node.Open();
  xs_file* control = node.Open(XS_FILE_CONTROL);
  node.Register(a, 0, 7, 1);
  node.Register(a, 1, 7, 1);
  node.Register(b, 0, 9, 2);
  xsched_queue_info rows[8];
  auto list = [&](xs_file* file, uint32_t count, uint64_t cursor = 0) {
    xsched_list_queues l{sizeof(l), 0, count, sizeof(rows[0]), cursor,
                         reinterpret_cast<uintptr_t>(rows)};
    EXPECT_EQ(node.Call(file, XSCHED_IOC_LIST_QUEUES, &l), 0);
    return l;
  };
  EXPECT_EQ(list(a, 8).count, 2u);
  EXPECT_TRUE(rows[0].state & XSCHED_QUEUE_OWN);
  EXPECT_EQ(rows[0].pid, 1u);
  EXPECT_EQ(list(control, 8).count, 3u);
  auto page = list(control, 2);
  EXPECT_EQ(page.count, 2u);
  EXPECT_EQ(list(control, 2, page.cursor).count, 1u);
  EXPECT_EQ(rows[0].gpu_id, 9u);
}

TEST(Query, SaysWhatWorksAndWhyNot) {
  Node node;
  xs_core_set_driver(node.core, "6.12.3");
  xs_core_set_engine(node.core, XSCHED_ENGINE_SUSPEND_QUEUES, nullptr, nullptr, -ENOENT,
                     "suspend_queues: no such function");
  xs_core_set_engine(node.core, 99, nullptr, nullptr, 0, "ignored");
  xs_file* file = node.Open(XS_FILE_CONTROL);
  xsched_query q{};
  q.size = sizeof(q);
  EXPECT_EQ(node.Call(file, XSCHED_IOC_QUERY, &q), 0);
  EXPECT_EQ(q.engines, 1u << XSCHED_ENGINE_MOCK);
  EXPECT_EQ(q.default_engine, static_cast<uint32_t>(XSCHED_ENGINE_MOCK));
  EXPECT_EQ(q.role, static_cast<uint32_t>(XSCHED_ROLE_CONTROL));
  EXPECT_STREQ(q.driver_version, "6.12.3");
  EXPECT_EQ(q.engine[XSCHED_ENGINE_SUSPEND_QUEUES].error, -ENOENT);
  EXPECT_STREQ(q.engine[XSCHED_ENGINE_SUSPEND_QUEUES].why, "suspend_queues: no such function");
}

}  // namespace
}  // namespace kmod_test
