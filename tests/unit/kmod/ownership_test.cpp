// SPDX-License-Identifier: Apache-2.0
//
// Who holds what, until when: two holders, leases, batches, failed resumes.
#include <gtest/gtest.h>

#include <cerrno>
#include <numeric>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

TEST(Ownership, RunsAgainOnlyAfterTheLastHolder) {
  Node node;
  xs_file* app = node.Open();
  xs_file* a = node.Open(XS_FILE_CONTROL);
  xs_file* b = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  EXPECT_EQ(node.Suspend(a, {q}).suspend.passes, 1u);
  Node::Result second = node.Suspend(b, {q});
  EXPECT_EQ(second.items[0].status, 0);
  EXPECT_EQ(second.suspend.passes, 0u);
  EXPECT_EQ(node.Info(q).holders, 2u);
  EXPECT_EQ(node.Resume(a, {q}).ret, 0);
  EXPECT_TRUE(node.Suspended(q));
  EXPECT_EQ(node.Resume(a, {q}).ret, -ENOENT);
  node.Close(b);
  EXPECT_FALSE(node.Suspended(q));
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

TEST(Ownership, LeaseExpiresWithinItsPeriod) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q}, 100);
  node.Advance(99 * kMs);
  EXPECT_TRUE(node.Suspended(q));
  node.Advance(11 * kMs);
  EXPECT_FALSE(node.Suspended(q));
  EXPECT_EQ(node.Info(q).lease_expiries, 1u);
  EXPECT_EQ(node.Info(q).suspended_ns, 100 * kMs);
}

TEST(Ownership, RenewAndSuspendAgainProlong) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q}, 100);
  node.Advance(90 * kMs);
  xsched_renew renew{sizeof(renew), 0, 100, 0};
  EXPECT_EQ(node.Call(daemon, XSCHED_IOC_RENEW, &renew), 0);
  EXPECT_EQ(renew.renewed, 1u);
  node.Advance(90 * kMs);
  EXPECT_TRUE(node.Suspended(q));
  EXPECT_EQ(node.Suspend(daemon, {q}, 100).suspend.passes, 0u);
  node.Advance(90 * kMs);
  EXPECT_TRUE(node.Suspended(q));
  node.Advance(20 * kMs);
  EXPECT_FALSE(node.Suspended(q));
}

TEST(Ownership, LeaseWithoutEndEndsWithTheFile) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_ADMIN);
  uint64_t q = node.Register(app, 0);
  EXPECT_EQ(node.Suspend(daemon, {q}, XSCHED_LEASE_NONE).ret, 0);
  node.Advance(3600ULL * 1000 * kMs);
  EXPECT_TRUE(node.Suspended(q));
  node.Close(daemon);
  EXPECT_FALSE(node.Suspended(q));
}

TEST(Ownership, OneCallOf64QueuesIsOnePassANode) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  std::vector<uint64_t> queues;
  for (uint32_t i = 0; i < 64; ++i) queues.push_back(node.Register(app, i, 1 + i % 2));
  EXPECT_EQ(node.Suspend(daemon, queues).suspend.passes, 2u);
  EXPECT_EQ(node.Resume(daemon, {}, XSCHED_RESUME_ALL).resume.passes, 2u);
  xsched_node_info rows[4];
  ASSERT_EQ(xs_core_list_nodes(node.core, 0, rows, 4), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rows[i].passes, 2u);
    EXPECT_EQ(rows[i].suspends, 32u);
    EXPECT_EQ(rows[i].resumes, 32u);
  }
}

TEST(Ownership, FailedSuspendHoldsNothing) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1);
  xs_mock_fail(node.mock, 0, 1, -EIO);
  Node::Result result = node.Suspend(app, {q, r});
  EXPECT_EQ(result.ret, 0);
  EXPECT_EQ(result.items[0].status, -EIO);
  EXPECT_EQ(result.items[1].status, 0);
  EXPECT_EQ(result.suspend.held, 1u);
  EXPECT_EQ(node.Info(q).holders, 0u);
  EXPECT_EQ(node.Info(q).last_error, -EIO);
}

TEST(Ownership, FailedResumeIsTriedAgain) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 3, -ETIME);
  EXPECT_EQ(node.Resume(app, {q}).items[0].status, -ETIME);
  EXPECT_TRUE(node.Info(q).state & XSCHED_QUEUE_RETRYING);
  node.Advance(100 * kMs);
  EXPECT_FALSE(node.Suspended(q));
  EXPECT_EQ(node.Info(q).state & XSCHED_QUEUE_RETRYING, 0u);
}

TEST(Ownership, CloseWaitsUntilAllRunsAgain) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 5, -EIO);
  node.open_files.erase(app);
  EXPECT_FALSE(xs_file_close(app, false));
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u);
  while (!xs_file_close(app, false)) node.Advance(10 * kMs);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

// The queue is resumed by the tick, and takes with it what led to its process.
TEST(Ownership, CloseWithoutMemoryLeavesNoProcessSuspended) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  EXPECT_EQ(node.SuspendProcess(app, q), 0);
  node.Suspend(daemon, {q});
  EXPECT_EQ(xs_mock_suspended(node.mock), 2u);
  xs_fail_alloc_in = 0;
  node.Close(app);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

// The same, when the tick comes between the retirement of a file and its close.
TEST(Ownership, RetirementLeavesNoProcessSuspended) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  EXPECT_EQ(node.SuspendProcess(app, q), 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 1, -ETIME);
  EXPECT_EQ(node.Resume(app, {q}).items[0].status, -ETIME);
  xs_file_retire(app);
  node.Advance(100 * kMs);
  node.Close(app);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

TEST(Ownership, GivingUpFreesWhatCannotBeResumed) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1);
  EXPECT_EQ(node.SuspendProcess(daemon, q), 0);
  node.Suspend(daemon, {q, r});
  xs_mock_fail(node.mock, 0, 1000, -EIO);
  node.open_files.clear();
  EXPECT_TRUE(xs_file_close(daemon, false));  // somebody else is there to go on trying
  EXPECT_FALSE(xs_file_close(app, false));
  EXPECT_TRUE(xs_file_close(app, true));
}

TEST(Ownership, UnregisterResumesAndDropsTheHolders) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 3);
  node.Suspend(daemon, {q});
  xsched_unregister_queue u{sizeof(u), 0, q};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_UNREGISTER_QUEUE, &u), 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.Resume(daemon, {q}).ret, -ENOENT);
  EXPECT_NE(node.Register(app, 3), q);
}

TEST(Ownership, RetiredNamesAreFreeAtOnce) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  EXPECT_EQ(node.SuspendProcess(daemon, q), 0);
  node.Suspend(daemon, {q});
  xs_file_retire(app);
  EXPECT_EQ(node.Resume(daemon, {q}).ret, -ENOENT);
  xs_file* again = node.Open();
  EXPECT_NE(node.Register(again, 0), 0u);
  node.Close(app);
  node.Advance(1);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

// KFD knows one queue, whatever we call it: the late resume of the first
// registration must not start what a holder of the second believes suspended.
TEST(Ownership, NextRegistrationTakesTheSuspensionOver) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  xs_file_retire(app);
  xs_file* again = node.Open();
  uint64_t r = node.Register(again, 0);
  EXPECT_TRUE(node.Suspended(r));
  EXPECT_EQ(node.Suspend(daemon, {r}).suspend.passes, 0u);
  node.Close(app);
  node.Advance(100 * kMs);
  EXPECT_TRUE(node.Suspended(r));
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u);
  EXPECT_EQ(node.Resume(daemon, {r}).ret, 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

TEST(Ownership, NextRegistrationRunsWhenNobodyHoldsIt) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 1, -EIO);
  xsched_unregister_queue u{sizeof(u), 0, q};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_UNREGISTER_QUEUE, &u), 0);
  uint64_t r = node.Register(app, 0);
  EXPECT_TRUE(node.Suspended(r));
  node.Advance(1);
  EXPECT_FALSE(node.Suspended(r));
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

TEST(Ownership, ResetQueueIsDead) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  xs_mock_fail(node.mock, 0, 1, -EACCES);
  EXPECT_EQ(node.Suspend(app, {q}).items[0].status, -EACCES);
  EXPECT_TRUE(node.Info(q).state & XSCHED_QUEUE_DEAD);
  EXPECT_EQ(node.Suspend(app, {q}).ret, -ESRCH);
}

TEST(Ownership, ProcessHoldIsIndependentOfQueues) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1, 8);
  xsched_process p{};
  p.size = sizeof(p);
  p.handle = q;
  p.lease_ms = 50;
  EXPECT_EQ(node.Call(daemon, XSCHED_IOC_SUSPEND_PROCESS, &p), 0);
  EXPECT_EQ(p.holders, 1u);
  EXPECT_EQ(p.engine, static_cast<uint32_t>(XSCHED_ENGINE_MOCK));
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  EXPECT_FALSE(node.Suspended(q));
  node.Suspend(daemon, {q}, 1000);
  node.Advance(60 * kMs);
  EXPECT_FALSE(node.Info(q).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  EXPECT_TRUE(node.Suspended(q));
  p.lease_ms = 0;
  EXPECT_EQ(node.Call(daemon, XSCHED_IOC_SUSPEND_PROCESS, &(p.engine = 0, p)), 0);
  p.handle = r;
  p.engine = 0;
  EXPECT_EQ(node.Call(daemon, XSCHED_IOC_RESUME_PROCESS, &p), 0);
  EXPECT_EQ(p.holders, 0u);
}

TEST(Ownership, RateLimitTurnsSuspendsAwayAndNeverResumes) {
  Node node(100);  // 10 ms a pass, burst 4
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(node.Suspend(daemon, {q}).ret, 0) << i;
    EXPECT_EQ(node.Resume(daemon, {q}).ret, 0) << i;
  }
  Node::Result turned_away = node.Suspend(daemon, {q});
  EXPECT_EQ(turned_away.ret, -EAGAIN);
  EXPECT_GT(turned_away.suspend.retry_us, 0u);
  EXPECT_EQ(node.Info(q).holders, 0u);
  EXPECT_EQ(node.Suspend(app, {q}).ret, 0);  // another bucket
  EXPECT_EQ(node.Resume(app, {q}).ret, 0);
  node.Advance((turned_away.suspend.retry_us + 999) / 1000 * kMs);
  EXPECT_EQ(node.Suspend(daemon, {q}).ret, 0);
  xsched_node_info row;
  xs_core_list_nodes(node.core, 0, &row, 1);
  EXPECT_EQ(row.limited, 1u);
}

TEST(Ownership, MockCannotPassForAnotherEngine) {
  Node node(0, 0);
  xs_mock* other = xs_mock_new();
  xs_core_set_engine(node.core, XSCHED_ENGINE_UPDATE_QUEUE, &xs_mock_ops, other, 0, "");
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  auto items = Node::Items({q});
  xsched_suspend s = Node::SuspendArg(items);
  s.engine = XSCHED_ENGINE_MOCK;
  EXPECT_EQ(node.Call(app, XSCHED_IOC_SUSPEND, &s), -EPERM);
  EXPECT_EQ(node.Call(daemon, XSCHED_IOC_SUSPEND, &s), 0);
  EXPECT_EQ(node.Suspend(app, {q}).items[0].status, -EBUSY);
  EXPECT_EQ(xs_mock_suspended(other), 0u);
  node.Resume(daemon, {q});
  EXPECT_EQ(node.Suspend(app, {q}).suspend.engine,
            static_cast<uint32_t>(XSCHED_ENGINE_UPDATE_QUEUE));
  node.Close(app);
  node.Close(daemon);
  xs_mock_free(other);
}

TEST(Ownership, ReplacedAttributesReachTheEngine) {
  static xs_op seen;
  static const xs_engine_ops spy = {
      1U << XSCHED_LEVEL_INTERRUPT, 0,
      [](void*, xs_op* ops, u32 n, bool, u32) -> u32 {
        for (u32 i = 0; i < n; ++i) seen = ops[i], ops[i].status = 0;
        return n;
      },
      nullptr, nullptr};
  Node node(0, 0);
  xs_core_set_engine(node.core, XSCHED_ENGINE_UPDATE_QUEUE, &spy, nullptr, 0, "");
  xs_file* app = node.Open();
  uint64_t h = node.Register(app, 5);
  xsched_register_queue q = Node::Queue(5);
  q.flags = XSCHED_REGISTER_REPLACE;
  q.priority = 11;
  q.percentage = 50;
  EXPECT_EQ(node.Call(app, XSCHED_IOC_REGISTER_QUEUE, &q), 0);
  EXPECT_EQ(q.handle, h);
  node.Suspend(app, {h});
  EXPECT_EQ(seen.queue_id, 5u);
  EXPECT_EQ(seen.priority, 11u);
  EXPECT_EQ(seen.percentage, 50u);
  node.Close(app);
}

}  // namespace
}  // namespace kmod_test
