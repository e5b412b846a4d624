// SPDX-License-Identifier: Apache-2.0
//
// How long a hold lasts: leases of every kind, alone and many at once.
#include <gtest/gtest.h>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

struct Leases : Node {
  Leases() {
    app = Open();
    daemon = Open(XS_FILE_ADMIN);
    for (uint32_t i = 0; i < 4; ++i) queues.push_back(Register(app, i));
    q = queues[0];
  }
  xs_file *app, *daemon;
  std::vector<uint64_t> queues;
  uint64_t q;
};

TEST(Lease, OfZeroIsTheDefaultOne) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 0);
  EXPECT_EQ(n.Info(n.q).lease_deadline_ns, n.time + XS_LEASE_DEFAULT_MS * kMs);
}

TEST(Lease, MayBeTheLongest) {
  Leases n;
  EXPECT_EQ(n.Suspend(n.daemon, {n.q}, XS_LEASE_MAX_MS).ret, 0);
  EXPECT_EQ(n.Info(n.q).lease_deadline_ns, n.time + XS_LEASE_MAX_MS * kMs);
  EXPECT_EQ(n.Renew(n.daemon, XS_LEASE_MAX_MS), 1u);
}

TEST(Lease, EndsAtItsDeadline) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 100);
  n.Advance(100 * kMs - 1);
  EXPECT_TRUE(n.Suspended(n.q));
  n.Advance(1);
  EXPECT_FALSE(n.Suspended(n.q));
}

TEST(Lease, OfSeveralEachEndsInItsTurn) {
  Leases n;
  const uint32_t leases[] = {50, 300, 100, 200};
  for (int i = 0; i < 4; ++i) n.Suspend(n.daemon, {n.queues[i]}, leases[i]);
  for (uint32_t now = 25; now < 400; now += 50) {
    n.Advance((now == 25 ? 25 : 50) * kMs);
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(n.Suspended(n.queues[i]), leases[i] > now)
          << "lease " << leases[i] << " at " << now;
  }
}

TEST(Lease, OfHundredsEndsAtOnce) {
  Node node;
  xs_file* app = node.Open();
  std::vector<uint64_t> queues;
  for (uint32_t i = 0; i < 3 * XSCHED_MAX_BATCH; ++i) queues.push_back(node.Register(app, i));
  for (size_t i = 0; i < queues.size(); i += XSCHED_MAX_BATCH) {
    std::vector<uint64_t> some(queues.begin() + i, queues.begin() + i + XSCHED_MAX_BATCH);
    EXPECT_EQ(node.Suspend(app, some, 50).suspend.held, static_cast<uint32_t>(XSCHED_MAX_BATCH));
  }
  node.Advance(50 * kMs);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  for (uint64_t q : queues) EXPECT_EQ(node.Info(q).lease_expiries, 1u);
}

TEST(Lease, WithoutEndOutlivesOthers) {
  Leases n;
  n.Suspend(n.daemon, {n.queues[0]}, XSCHED_LEASE_NONE);
  EXPECT_EQ(n.Info(n.q).lease_deadline_ns, 0u);
  n.Suspend(n.daemon, {n.queues[1]}, 50);
  n.Advance(60 * kMs);
  EXPECT_TRUE(n.Suspended(n.queues[0]));
  EXPECT_FALSE(n.Suspended(n.queues[1]));
}

TEST(Lease, ShownIsTheLatestOfAll) {
  Leases n;
  xs_file* other = n.Open(XS_FILE_CONTROL);
  for (xs_file* first : {n.daemon, other}) {
    xs_file* second = first == other ? n.daemon : other;
    n.Suspend(first, {n.q}, 100);
    n.Suspend(second, {n.q}, 50);
    EXPECT_EQ(n.Info(n.q).lease_deadline_ns, n.time + 100 * kMs);
    n.Resume(first, {n.q});
    EXPECT_EQ(n.Info(n.q).lease_deadline_ns, n.time + 50 * kMs);
    n.Resume(second, {n.q});
    EXPECT_EQ(n.Info(n.q).lease_deadline_ns, 0u);
  }
}

TEST(Lease, RenewedForAllThatTheFileHolds) {
  Leases n;
  xsched_renew renew{sizeof(renew), 0, 100, 99};
  EXPECT_EQ(n.Call(n.daemon, XSCHED_IOC_RENEW, &renew), 0);
  EXPECT_EQ(renew.renewed, 0u);
  n.Suspend(n.daemon, n.queues, 100);
  n.SuspendProcess(n.daemon, n.q, 100);
  n.Suspend(n.app, {n.q}, 100);
  n.Advance(90 * kMs);
  EXPECT_EQ(n.Renew(n.daemon, 100), 5u);
  n.Advance(90 * kMs);
  EXPECT_EQ(xs_mock_suspended(n.mock), 5u);
  EXPECT_EQ(n.Info(n.q).holders, 1u);
}

TEST(Lease, RenewedMayBeShorter) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 1000);
  n.Renew(n.daemon, 20);
  n.Advance(20 * kMs);
  EXPECT_FALSE(n.Suspended(n.q));
}

TEST(Lease, OfASecondSuspendMayBeShorter) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 1000);
  n.Suspend(n.daemon, {n.q}, 20);
  n.Advance(20 * kMs);
  EXPECT_FALSE(n.Suspended(n.q));
}

TEST(Lease, WithoutEndKeepsNoneWhenRenewed) {
  Leases n;
  n.Suspend(n.daemon, {n.queues[0]}, XSCHED_LEASE_NONE);
  n.Suspend(n.daemon, {n.queues[1]}, 100);
  EXPECT_EQ(n.Renew(n.daemon, 50), 1u);
  n.Advance(60 * kMs);
  EXPECT_TRUE(n.Suspended(n.queues[0]));
  EXPECT_FALSE(n.Suspended(n.queues[1]));
}

TEST(Lease, RenewedWithoutEndHasNone) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 100);
  EXPECT_EQ(n.Renew(n.daemon, XSCHED_LEASE_NONE), 1u);
  n.Advance(3600ULL * 1000 * kMs);
  EXPECT_TRUE(n.Suspended(n.q));
}

// Nothing else would look at it again.
TEST(Lease, TickWithoutMemoryComesAgain) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, 100);
  n.time += 100 * kMs;
  n.armed = 0;
  xs_fail_alloc_in = 0;
  xs_core_tick(n.core);
  EXPECT_TRUE(n.Suspended(n.q));
  n.Advance(10 * kMs);
  EXPECT_FALSE(n.Suspended(n.q));
}

TEST(Lease, OfAProcessNamesAQueueOfIt) {
  Leases n;
  n.SuspendProcess(n.daemon, n.q, 10);
  n.Advance(10 * kMs);
  xsched_event events[16];
  uint32_t count = xs_file_take_events(n.daemon, events, 16), expired = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (events[i].type != XSCHED_EVENT_LEASE_EXPIRED) continue;
    EXPECT_EQ(events[i].handle, n.q);
    ++expired;
  }
  EXPECT_EQ(expired, 1u);
}

TEST(Lease, EndIsTraced) {
  Leases n;
  std::vector<Node::Trace> traces;
  n.traced = [&](const Node::Trace& t) { traces.push_back(t); };
  n.Suspend(n.daemon, {n.q}, 10);
  n.Advance(10 * kMs);
  ASSERT_EQ(traces.size(), 3u);
  EXPECT_EQ(traces[0].kind, XS_TRACE_SUSPEND);
  EXPECT_EQ(traces[1].kind, XS_TRACE_LEASE);
  EXPECT_EQ(traces[2].kind, XS_TRACE_RESUME);
  for (const Node::Trace& t : traces) {
    EXPECT_EQ(t.handle, n.q);
    EXPECT_EQ(t.gpu_id, 7u);
    EXPECT_EQ(t.status, 0);
  }
}

// A resume that fails is tried again at its own time, whatever else is due.
TEST(Retry, OfSeveralEachComesInItsTurn) {
  Leases n;
  n.Suspend(n.daemon, n.queues, XSCHED_LEASE_NONE);
  auto fail = [&](int i) {
    xs_mock_fail(n.mock, 0, 1, -EIO);
    EXPECT_EQ(n.Resume(n.daemon, {n.queues[i]}).items[0].status, -EIO);
  };
  fail(0);  // due at 10
  n.Advance(5 * kMs);
  fail(1);  // at 15
  n.Advance(4 * kMs);
  xs_mock_fail(n.mock, 0, 1, -EIO);
  n.Advance(1 * kMs);  // fails again: at 30, and still the first of the list
  n.Advance(1 * kMs);
  fail(2);                             // at 21
  n.Suspend(n.app, {n.queues[3]}, 1);  // a tick at 12, when none is due
  n.Advance(4 * kMs);
  EXPECT_FALSE(n.Suspended(n.queues[1]));
  EXPECT_TRUE(n.Suspended(n.queues[2]));
  n.Advance(6 * kMs);
  EXPECT_FALSE(n.Suspended(n.queues[2]));
  EXPECT_TRUE(n.Suspended(n.queues[0]));
  n.Advance(9 * kMs);
  EXPECT_FALSE(n.Suspended(n.queues[0]));
}

TEST(Retry, PausesGrowToASecond) {
  Leases n;
  n.Suspend(n.daemon, {n.q}, XSCHED_LEASE_NONE);
  xs_mock_fail(n.mock, 0, 1000, -EIO);
  n.Resume(n.daemon, {n.q});
  uint64_t last = n.time;
  for (uint64_t want : {10, 20, 40, 80, 160, 320, 640, 1000, 1000}) {
    ASSERT_NE(n.armed, 0u);
    EXPECT_EQ(n.armed - last, want * kMs);
    last = n.armed;
    n.Advance(n.armed - n.time);
  }
  // Who suspends it anew starts from the beginning.
  xs_mock_fail(n.mock, 0, 0, 0);
  EXPECT_EQ(n.Suspend(n.daemon, {n.q}, XSCHED_LEASE_NONE).suspend.passes, 0u);
  EXPECT_EQ(n.Info(n.q).state & XSCHED_QUEUE_RETRYING, 0u);
  xs_mock_fail(n.mock, 0, 1, -EIO);
  n.armed = 0;
  xs_core_tick(n.core);
  n.Resume(n.daemon, {n.q});
  EXPECT_EQ(n.armed, n.time + 10 * kMs);
}

TEST(Retry, EndsWhenItIsHeldAgain) {
  Leases n;
  n.Suspend(n.daemon, {n.q});
  xs_mock_fail(n.mock, 0, 1, -EIO);
  n.Resume(n.daemon, {n.q});
  n.Suspend(n.daemon, {n.q}, XSCHED_LEASE_NONE);
  n.Advance(5000 * kMs);
  EXPECT_TRUE(n.Suspended(n.q));
  EXPECT_EQ(n.mock->violations, 0u);
}

}  // namespace
}  // namespace kmod_test
