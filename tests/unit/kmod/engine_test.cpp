// SPDX-License-Identifier: Apache-2.0
//
// Which engine is taken, what it is handed, and how often; what of it is paid
// for (rate limit).
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/kmod/spy.h"

namespace kmod_test {
namespace {

constexpr uint32_t kUpdate = XSCHED_ENGINE_UPDATE_QUEUE;
constexpr uint32_t kQuiesce = XSCHED_ENGINE_QUIESCE;
constexpr uint32_t kSuspendQueues = XSCHED_ENGINE_SUSPEND_QUEUES;

struct Engines {
  Spy update, quiesce, suspend_queues;  // outlive the node
  Node node;
  xs_file *app, *daemon;
  uint64_t q;
  explicit Engines(uint32_t rate = 0, uint32_t auto_engine = 0) : node(rate, auto_engine) {
    app = node.Open();
    daemon = node.Open(XS_FILE_CONTROL);
    q = node.Register(app, 0);
  }
  long Suspend(xs_file* file, const std::function<void(xsched_suspend&)>& change) {
    auto items = Node::Items({q});
    s = Node::SuspendArg(items);
    change(s);
    long ret = node.Call(file, XSCHED_IOC_SUSPEND, &s);
    item = items[0];
    return ret;
  }
  long Process(xs_file* file, uint32_t engine) {
    p = {sizeof(p), 0, q, 0, engine, 0, 0, 0};
    return node.Call(file, XSCHED_IOC_SUSPEND_PROCESS, &p);
  }
  xsched_suspend s{};
  xsched_process p{};
  xsched_item item{};
};

TEST(Engine, AutoTakesOneQueueAtATimeFirst) {
  Engines e;
  e.suspend_queues.Offer(e.node, kSuspendQueues);
  EXPECT_EQ(e.node.Suspend(e.app, {e.q}).suspend.engine, kSuspendQueues);
  e.node.Resume(e.app, {e.q});
  e.update.Offer(e.node, kUpdate);
  EXPECT_EQ(e.node.Suspend(e.app, {e.q}).suspend.engine, kUpdate);
}

TEST(Engine, AutoWithGraceTakesOneThatHonoursIt) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  EXPECT_EQ(e.Suspend(e.app, [](auto& s) { s.grace_us = 300; }), -EOPNOTSUPP);
  e.suspend_queues.Offer(e.node, kSuspendQueues, kInterrupts, XS_ENGINE_GRACE);
  EXPECT_EQ(e.Suspend(e.app, [](auto& s) { s.grace_us = 300; }), 0);
  EXPECT_EQ(e.s.engine, kSuspendQueues);
  ASSERT_EQ(e.suspend_queues.calls.size(), 1u);
  EXPECT_EQ(e.suspend_queues.calls[0].grace_us, 300u);
}

TEST(Engine, ForProcessesIsNoneForQueues) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.quiesce.Offer(e.node, kQuiesce, kInterrupts, 0, Spy::kProcesses);
  EXPECT_EQ(e.Suspend(e.app, [](auto& s) { s.engine = kQuiesce; }), -EOPNOTSUPP);
  EXPECT_EQ(e.Process(e.app, kUpdate), -EOPNOTSUPP);
  EXPECT_EQ(e.Process(e.app, 0), 0);
  EXPECT_EQ(e.p.engine, kQuiesce);
}

// The parameter `engine` chooses how queues are suspended.
TEST(Engine, ForcedOneLeavesProcessesToQuiesce) {
  Engines e(0, kUpdate);
  e.update.Offer(e.node, kUpdate);
  EXPECT_EQ(e.Process(e.app, 0), -ENODEV);
  e.quiesce.Offer(e.node, kQuiesce, kInterrupts, 0, Spy::kProcesses);
  EXPECT_EQ(e.Process(e.app, 0), 0);
  EXPECT_EQ(e.p.engine, kQuiesce);
}

TEST(Engine, HigherLevelThanWantedWillDo) {
  Engines e;
  e.update.Offer(e.node, kUpdate, kInterrupts);
  EXPECT_EQ(e.Suspend(e.app, [](auto& s) { s.level = XSCHED_LEVEL_DEACTIVATE; }), 0);
  EXPECT_EQ(e.s.level, static_cast<uint32_t>(XSCHED_LEVEL_INTERRUPT));
}

TEST(Engine, LevelReachedMayBeTheLowerOne) {
  Engines e;
  e.update.Offer(e.node, kUpdate, kDeactivates);
  EXPECT_EQ(e.Suspend(e.app, [](auto& s) { s.level = XSCHED_LEVEL_DEACTIVATE; }), 0);
  EXPECT_EQ(e.s.level, static_cast<uint32_t>(XSCHED_LEVEL_DEACTIVATE));
}

TEST(Engine, IsHandedWhatWasRegistered) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  xsched_register_queue r = Node::Queue(5, 9);
  r.ring_base = 0x7e0000001000;
  r.ring_size = 8192;
  r.priority = 3;
  r.percentage = 60;
  ASSERT_EQ(e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r, 2), 0);
  e.node.Suspend(e.daemon, {r.handle});
  e.node.Resume(e.daemon, {r.handle});
  ASSERT_EQ(e.update.calls.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const Spy::Call& call = e.update.calls[i];
    EXPECT_EQ(call.suspend, i == 0);
    EXPECT_EQ(call.mm, Node::Task(2).mm);
    ASSERT_EQ(call.ops.size(), 1u);
    EXPECT_EQ(call.ops[0].queue_id, 5u);
    EXPECT_EQ(call.ops[0].gpu_id, 9u);
    EXPECT_EQ(call.ops[0].ring_base, 0x7e0000001000u);
    EXPECT_EQ(call.ops[0].ring_size, 8192u);
    EXPECT_EQ(call.ops[0].priority, 3u);
    EXPECT_EQ(call.ops[0].percentage, 60u);
  }
}

TEST(Engine, IsHandedTheReplacedRing) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  xsched_register_queue r = Node::Queue(0);
  r.flags = XSCHED_REGISTER_REPLACE;
  r.ring_base = 0x7e0000001000;
  r.ring_size = 0;  // as KFD allows
  r.type = 0;
  ASSERT_EQ(e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r), 0);
  e.node.Suspend(e.app, {e.q});
  ASSERT_EQ(e.update.calls.size(), 1u);
  EXPECT_EQ(e.update.calls[0].ops[0].ring_base, 0x7e0000001000u);
  EXPECT_EQ(e.update.calls[0].ops[0].ring_size, 0u);
  EXPECT_EQ(e.node.Info(e.q).type, 0u);
  // The same ring with another priority is no other ring, suspended or not.
  r.priority = 1;
  r.handle = 0;
  EXPECT_EQ(e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r), 0);
  EXPECT_EQ(r.handle, e.q);
  EXPECT_EQ(e.node.Info(e.q).priority, 1u);
  r.ring_base += 4096;
  EXPECT_EQ(e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r), -EBUSY);
  r.ring_base -= 4096;
  r.ring_size = 4096;
  EXPECT_EQ(e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r), -EBUSY);
}

TEST(Engine, RingOfAQueueAtWorkIsNotReplaced) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  long ret = 0;
  e.update.meanwhile = [&](const Spy::Call&) {
    xsched_register_queue r = Node::Queue(0);
    r.flags = XSCHED_REGISTER_REPLACE;
    r.ring_size = 4096;
    ret = e.node.Call(e.app, XSCHED_IOC_REGISTER_QUEUE, &r);
  };
  e.node.Suspend(e.app, {e.q});
  EXPECT_EQ(ret, -EBUSY);
}

TEST(Engine, IsNotCalledForTheDead) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.node.Suspend(e.daemon, {e.q});
  Dead().insert(Node::Task(1).mm);
  EXPECT_EQ(e.node.Resume(e.daemon, {e.q}).items[0].status, 0);
  EXPECT_EQ(e.update.calls.size(), 1u);
}

TEST(Engine, IsCalledOnceANode) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  std::vector<uint64_t> queues;
  for (uint32_t i = 0; i < 6; ++i) queues.push_back(e.node.Register(e.app, 10 + i, 1 + i % 2));
  e.node.Suspend(e.app, queues);
  ASSERT_EQ(e.update.calls.size(), 2u);
  for (const Spy::Call& call : e.update.calls) {
    ASSERT_EQ(call.ops.size(), 3u);
    for (const xs_op& op : call.ops) EXPECT_EQ(op.gpu_id, call.ops[0].gpu_id);
  }
}

// Each queue is resumed by what suspended it, and a process apart from its queues.
TEST(Engine, ThatSuspendedItResumesIt) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.suspend_queues.Offer(e.node, kSuspendQueues, kInterrupts, XS_ENGINE_BATCHES, Spy::kBoth);
  uint64_t r = e.node.Register(e.app, 1);
  e.Suspend(e.app, [](auto& s) { s.engine = kSuspendQueues; });
  e.node.Suspend(e.app, {r});
  EXPECT_EQ(e.Process(e.app, kSuspendQueues), 0);
  e.update.calls.clear();
  e.suspend_queues.calls.clear();
  EXPECT_EQ(e.node.Resume(e.app, {}, XSCHED_RESUME_ALL).resume.passes, 3u);
  ASSERT_EQ(e.update.calls.size(), 1u);
  ASSERT_EQ(e.update.calls[0].ops.size(), 1u);
  EXPECT_EQ(e.update.calls[0].ops[0].queue_id, 1u);
  ASSERT_EQ(e.suspend_queues.calls.size(), 2u);
  EXPECT_EQ(e.suspend_queues.calls[0].ops.size() + e.suspend_queues.calls[1].ops.size(), 1u);
}

TEST(Engine, OfTheFirstHolderServesTheOthers) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.suspend_queues.Offer(e.node, kSuspendQueues);
  e.Suspend(e.daemon, [](auto& s) { s.engine = kSuspendQueues; });
  EXPECT_EQ(e.node.Suspend(e.app, {e.q}).suspend.held, 1u);
  e.node.Resume(e.daemon, {e.q});
  e.node.Resume(e.app, {e.q});
  EXPECT_EQ(e.suspend_queues.calls.size(), 2u);
  EXPECT_TRUE(e.update.calls.empty());
}

TEST(Engine, NamedIsBusyForWhatAnotherHolds) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.suspend_queues.Offer(e.node, kSuspendQueues, kInterrupts, 0, Spy::kBoth);
  e.node.Suspend(e.app, {e.q});
  EXPECT_EQ(e.Suspend(e.daemon, [](auto& s) { s.engine = kSuspendQueues; }), 0);
  EXPECT_EQ(e.item.status, -EBUSY);
  EXPECT_EQ(e.item.state, static_cast<uint32_t>(XSCHED_QUEUE_SUSPENDED));
  EXPECT_EQ(e.s.held, 0u);
  // Not named, any will do.
  EXPECT_EQ(e.Suspend(e.daemon, [](auto& s) { s.engine = 0; }), 0);
  EXPECT_EQ(e.item.status, 0);
  e.node.Resume(e.daemon, {e.q});
  // Nobody holds it, but it does not run yet.
  e.update.answers = {-EIO};
  e.node.Resume(e.app, {e.q});
  e.Suspend(e.daemon, [](auto& s) { s.engine = kSuspendQueues; });
  EXPECT_EQ(e.item.status, -EBUSY);
  e.node.Advance(10 * kMs);
  e.Suspend(e.daemon, [](auto& s) { s.engine = kSuspendQueues; });
  EXPECT_EQ(e.item.status, 0);
}

TEST(Engine, NamedIsBusyForWhatAnotherWorksOn) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.suspend_queues.Offer(e.node, kSuspendQueues);
  e.update.meanwhile = [&](const Spy::Call& call) {
    if (!call.suspend) return;
    // Let go of at once: neither held nor suspended, only at work.
    xs_signalled = true;
    e.node.Resume(e.app, {e.q});
    xs_signalled = false;
    e.Suspend(e.daemon, [](auto& s) { s.engine = kSuspendQueues; });
  };
  e.node.Suspend(e.app, {e.q});
  EXPECT_EQ(e.item.status, -EBUSY);
}

TEST(Engine, OfAProcessIsOneToo) {
  Engines e;
  e.quiesce.Offer(e.node, kQuiesce, kInterrupts, 0, Spy::kProcesses);
  EXPECT_EQ(e.Process(e.daemon, XSCHED_ENGINE_MOCK), 0);
  EXPECT_EQ(e.Process(e.app, kQuiesce), -EBUSY);
  EXPECT_EQ(e.Process(e.app, 0), -EBUSY) << "a mock suspension must not pass for a real one";
  EXPECT_EQ(e.node.ResumeProcess(e.daemon, e.q), 0);
  EXPECT_EQ(e.Process(e.app, 0), 0);
  EXPECT_EQ(e.Process(e.daemon, kQuiesce), 0);
}

TEST(Engine, TurnedOffLeavesARetry) {
  Engines e;
  e.update.Offer(e.node, kUpdate, kInterrupts, 0, Spy::kBoth);
  e.node.Suspend(e.app, {e.q});
  e.Process(e.app, 0);
  for (bool process_only : {true, false}) {
    if (process_only)
      e.update.Offer(e.node, kUpdate, kInterrupts, 0, Spy::kProcesses);
    else
      xs_core_set_engine(e.node.core, kUpdate, nullptr, nullptr, -ENODEV, "off");
    EXPECT_EQ(process_only ? e.node.Resume(e.app, {e.q}).items[0].status
                           : e.node.ResumeProcess(e.app, e.q),
              -ENODEV);
  }
  e.update.Offer(e.node, kUpdate, kInterrupts, 0, Spy::kBoth);
  e.node.Advance(10 * kMs);
  EXPECT_EQ(e.node.Info(e.q).state, 0u);
}

// KFD's queue is one: the next registration resumes it as it was suspended.
TEST(Engine, IsTakenOverWithTheSuspension) {
  Engines e;
  e.update.Offer(e.node, kUpdate);
  e.suspend_queues.Offer(e.node, kSuspendQueues, kInterrupts, XS_ENGINE_GRACE);
  e.Suspend(e.daemon, [](auto& s) {
    s.engine = kSuspendQueues;
    s.grace_us = 300;
  });
  e.node.time += 7 * kMs;
  xs_file_retire(e.app);
  uint64_t r = e.node.Register(e.daemon, 0);
  EXPECT_EQ(e.node.Info(r).engine, kSuspendQueues);
  e.node.time += 2 * kMs;
  EXPECT_EQ(e.node.Info(r).suspended_ns, 2 * kMs) << "its own time";
  e.node.Advance(kMs);
  EXPECT_FALSE(e.node.Suspended(r));
  ASSERT_EQ(e.suspend_queues.calls.size(), 2u);
  EXPECT_FALSE(e.suspend_queues.calls[1].suspend);
  EXPECT_EQ(e.suspend_queues.calls[1].grace_us, 300u);
  EXPECT_TRUE(e.update.calls.empty());
}

// 10 ms a pass, 4 at once.
struct Limited : Engines {
  explicit Limited(uint32_t flags) : Engines(100) {
    update.Offer(node, kUpdate, kInterrupts, flags, Spy::kBoth);
    for (uint32_t i = 0; i < 8; ++i) queues.push_back(node.Register(app, 10 + i));
  }
  std::vector<uint64_t> Some(size_t n) { return {queues.begin(), queues.begin() + n}; }
  uint32_t Times() {  // that one queue can be suspended
    for (uint32_t n = 0;; ++n) {
      long ret = node.Suspend(daemon, {q}).ret;
      if (ret == -EAGAIN || n == 100) return n;
      EXPECT_EQ(ret, 0);
      node.Resume(daemon, {q});
    }
  }
  std::vector<uint64_t> queues;
};

TEST(Rate, BatchIsOnePass) {
  Limited l(XS_ENGINE_BATCHES);
  EXPECT_EQ(l.node.Suspend(l.daemon, l.queues).ret, 0);
  EXPECT_EQ(l.Times(), 3u);
}

TEST(Rate, BatchIsOnePassOnEachNodeInAnyOrder) {
  Limited l(XS_ENGINE_BATCHES);
  std::vector<uint64_t> mixed;
  for (uint32_t i = 0; i < 4; ++i) {
    mixed.push_back(l.queues[i]);
    mixed.push_back(l.node.Register(l.app, 100 + i, 8));
  }
  EXPECT_EQ(l.node.Suspend(l.daemon, mixed).suspend.passes, 2u);
  EXPECT_EQ(l.Times(), 3u);
}

TEST(Rate, OneQueueAtATimeIsAPassEach) {
  Limited l(0);
  EXPECT_EQ(l.node.Suspend(l.daemon, l.Some(3)).suspend.passes, 3u);
  EXPECT_EQ(l.Times(), 1u);
}

TEST(Rate, SpentToTheLastIsSpent) {
  Limited l(0);
  l.node.Suspend(l.daemon, l.Some(4));
  Node::Result r = l.node.Suspend(l.daemon, {l.q});
  EXPECT_EQ(r.ret, -EAGAIN);
  EXPECT_EQ(r.suspend.retry_us, 1u);
}

TEST(Rate, DebtIsPaidBack) {
  Limited l(0);
  EXPECT_EQ(l.node.Suspend(l.daemon, l.queues).ret, 0);  // 4 of 8 on credit
  EXPECT_EQ(l.node.Suspend(l.daemon, {l.q}).suspend.retry_us, 40001u);
  l.node.time += 25 * kMs;
  EXPECT_EQ(l.node.Suspend(l.daemon, {l.q}).suspend.retry_us, 15001u);
  l.node.time += 15 * kMs;
  EXPECT_EQ(l.node.Suspend(l.daemon, {l.q}).ret, -EAGAIN);
  l.node.time += 1000;
  EXPECT_EQ(l.node.Suspend(l.daemon, {l.q}).ret, 0);
}

TEST(Rate, PauseFillsNoMoreThanTheBurst) {
  Limited l(0);
  EXPECT_EQ(l.Times(), 4u);
  l.node.time += 20 * kMs;
  EXPECT_EQ(l.Times(), 2u);
  l.node.time += 3600ULL * 1000 * kMs;
  EXPECT_EQ(l.Times(), 4u);
}

TEST(Rate, WhatIsSuspendedCostsNothing) {
  Limited l(0);
  l.node.Suspend(l.daemon, {l.queues[0]});
  EXPECT_EQ(l.Process(l.daemon, 0), 0);
  EXPECT_EQ(l.Times(), 2u);
  xs_file* other = l.node.Open(XS_FILE_CONTROL);
  for (xs_file* file : {l.daemon, other}) {
    EXPECT_EQ(l.node.Suspend(file, {l.queues[0]}).ret, 0);
    EXPECT_EQ(l.Process(file, 0), 0);
  }
}

TEST(Rate, WhatIsSuspendedPaysForNoOther) {
  Limited l(XS_ENGINE_BATCHES);
  l.node.Suspend(l.daemon, {l.queues[0]});
  l.node.Suspend(l.daemon, {l.queues[0], l.queues[1]});
  EXPECT_EQ(l.Times(), 2u);
}

// It would be suspended again: somebody has to pay for that.
TEST(Rate, WhatIsLetGoOfIsNotFree) {
  Limited l(0);
  l.node.Suspend(l.daemon, {l.queues[0]});
  l.update.answers = {-EIO};
  l.node.Resume(l.daemon, {l.queues[0]});
  l.node.Suspend(l.daemon, {l.queues[0]});
  EXPECT_EQ(l.Times(), 2u);
}

TEST(Rate, TurnedAwayIsCountedOnItsNode) {
  Limited l(0);
  uint64_t far = l.node.Register(l.app, 100, 8);
  EXPECT_EQ(l.Times(), 4u);
  EXPECT_EQ(l.Process(l.daemon, 0), -EAGAIN);
  EXPECT_EQ(l.p.retry_us, 1u);
  EXPECT_EQ(l.node.Suspend(l.daemon, {far}).ret, 0) << "another node";
  xsched_node_info rows[2];
  xs_core_list_nodes(l.node.core, 0, rows, 2);
  EXPECT_EQ(rows[0].limited, 2u);
  EXPECT_EQ(rows[1].limited, 0u);
}

TEST(Rate, BurstOfNoneIsOne) {
  Limited l(0);
  l.node.limits.burst = 0;
  xs_core_set_limits(l.node.core, &l.node.limits);
  EXPECT_EQ(l.Times(), 1u);
}

TEST(Rate, AboveTheClocksIsStillALimit) {
  Limited l(0);
  l.node.limits.rate = 4000000000u;
  xs_core_set_limits(l.node.core, &l.node.limits);
  EXPECT_EQ(l.Times(), 4u);
}

}  // namespace
}  // namespace kmod_test
