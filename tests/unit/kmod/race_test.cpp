// SPDX-License-Identifier: Apache-2.0
//
// Calls that meet while an engine works. A call that must wait is seen by its
// EINTR: in a thread that is being killed every wait ends so.
#include <gtest/gtest.h>

#include <cerrno>
#include <semaphore>
#include <thread>

#include "tests/unit/kmod/spy.h"

namespace kmod_test {
namespace {

constexpr uint32_t kUpdate = XSCHED_ENGINE_UPDATE_QUEUE;

struct Meeting {
  Spy spy;  // outlives the node
  Node node{0, kUpdate};
  xs_file *app, *a, *b;
  uint64_t q;
  Meeting() {
    spy.Offer(node, kUpdate, kInterrupts, XS_ENGINE_BATCHES, Spy::kBoth);
    app = node.Open();
    a = node.Open(XS_FILE_CONTROL);
    b = node.Open(XS_FILE_CONTROL);
    q = node.Register(app, 0);
  }
  // Once, while an engine suspends (or resumes) something.
  void Meanwhile(bool suspend, std::function<void()> act) {
    spy.meanwhile = [this, suspend, act = std::move(act)](const Spy::Call& call) {
      if (call.suspend != suspend) return;
      auto now = act;
      spy.meanwhile = nullptr;
      now();
    };
  }
  template <class F>
  static auto Killed(F call) {
    xs_signalled = true;
    auto result = call();
    xs_signalled = false;
    return result;
  }
};

TEST(Race, LeaseThatEndsDuringTheSuspension) {
  Meeting m;
  m.Meanwhile(true, [&] {
    m.node.time += 50 * kMs;
    xs_core_tick(m.node.core);  // waits for no engine
  });
  Node::Result r = m.node.Suspend(m.a, {m.q}, 50);
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.items[0].status, -ESRCH);
  EXPECT_EQ(r.items[0].state, 0u);
  EXPECT_EQ(r.suspend.held, 0u);
  ASSERT_EQ(m.spy.calls.size(), 2u);
  EXPECT_FALSE(m.spy.calls[1].suspend);
}

TEST(Race, LeaseOfAProcessThatEndsDuringTheSuspension) {
  Meeting m;
  m.Meanwhile(true, [&] {
    m.node.time += 50 * kMs;
    xs_core_tick(m.node.core);
  });
  EXPECT_EQ(m.node.SuspendProcess(m.a, m.q, 50), -ESRCH);
  EXPECT_EQ(m.node.Info(m.q).state, 0u);
}

TEST(Race, QueueUnregisteredDuringItsSuspension) {
  Meeting m;
  long unregistered = 0;
  m.Meanwhile(
      true, [&] { unregistered = Meeting::Killed([&] { return m.node.Unregister(m.app, m.q); }); });
  Node::Result r = m.node.Suspend(m.a, {m.q});
  EXPECT_EQ(unregistered, -EINTR);
  EXPECT_EQ(r.items[0].status, -ESRCH);
  EXPECT_EQ(r.suspend.held, 0u);
  EXPECT_EQ(m.spy.calls.size(), 2u) << "it runs again";
  EXPECT_EQ(m.node.Info(m.q).handle, 0u);
  EXPECT_EQ(m.node.tasks, 0);
}

TEST(Race, QueueThatDiesDuringTheWaitSaysWhy) {
  Meeting m;
  uint64_t far = m.node.Register(m.app, 1, 8);
  m.spy.answers = {0, -EACCES};
  m.node.Suspend(m.a, {m.q});
  m.spy.meanwhile = [&](const Spy::Call& call) {
    // It is let go of meanwhile, and its resume finds it reset.
    if (call.suspend && call.ops[0].queue_id == 1) {
      EXPECT_EQ(m.node.Resume(m.a, {m.q}).ret, 0);
    }
  };
  Node::Result r = m.node.Suspend(m.a, {m.q, far}, 0, XSCHED_ITEMS_PARTIAL);
  EXPECT_EQ(r.items[0].status, -EACCES);
  EXPECT_TRUE(r.items[0].state & XSCHED_QUEUE_DEAD);
}

TEST(Race, SecondHolderWaitsForTheFirst) {
  Meeting m;
  long second = 0;
  m.Meanwhile(true,
              [&] { second = Meeting::Killed([&] { return m.node.Suspend(m.b, {m.q}).ret; }); });
  m.node.Suspend(m.a, {m.q});
  EXPECT_EQ(second, -EINTR);
  EXPECT_EQ(m.node.Info(m.q).holders, 2u) << "what it asked for stays held";
  m.node.Resume(m.a, {m.q});
  EXPECT_TRUE(m.node.Suspended(m.q));
  EXPECT_EQ(m.spy.calls.size(), 1u);
}

TEST(Race, SuspendDuringTheResumeIsTurnedRound) {
  Meeting m;
  m.node.Suspend(m.a, {m.q});
  m.Meanwhile(false, [&] { Meeting::Killed([&] { return m.node.Suspend(m.b, {m.q}).ret; }); });
  EXPECT_EQ(m.node.Resume(m.a, {m.q}).ret, 0);
  EXPECT_TRUE(m.node.Suspended(m.q));
  EXPECT_EQ(m.node.Info(m.q).holders, 1u);
  EXPECT_EQ(m.spy.calls.size(), 3u);
}

TEST(Race, OtherQueuesAreNotWaitedFor) {
  Meeting m;
  uint64_t r = m.node.Register(m.app, 1);
  long other = -1;
  m.Meanwhile(true, [&] { other = Meeting::Killed([&] { return m.node.Suspend(m.b, {r}).ret; }); });
  m.node.Suspend(m.a, {m.q});
  EXPECT_EQ(other, 0);
  EXPECT_TRUE(m.node.Suspended(r));
}

// Or callers could keep each other waiting for ever.
TEST(Race, SeenAtRestOnceIsEnough) {
  Meeting m;
  uint64_t far = m.node.Register(m.app, 1, 8);
  std::binary_semaphore in_engine{0}, go_on{0};
  std::thread tick;
  m.spy.meanwhile = [&](const Spy::Call& call) {
    if (call.ops[0].queue_id == 0 && !call.suspend) {
      in_engine.release();
      go_on.acquire();
    } else if (call.ops[0].queue_id == 1 && call.suspend) {
      // The leases end, and while the first queue is resumed somebody wants it
      // suspended: it is at work, but not against what anybody wants.
      m.node.time += 50 * kMs;
      tick = std::thread([&] { xs_core_tick(m.node.core); });
      in_engine.acquire();
      Meeting::Killed([&] { return m.node.Suspend(m.b, {m.q}).ret; });
    }
  };
  Node::Result r = m.node.Suspend(m.a, {m.q, far}, 50);
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.suspend.held, 0u);
  go_on.release();
  tick.join();
  m.spy.meanwhile = nullptr;
  EXPECT_TRUE(m.node.Suspended(m.q));
  EXPECT_FALSE(m.node.Suspended(far));
}

// To KFD the two are one queue: the engine must be done with the first.
TEST(Race, NextRegistrationWaitsForTheEngine) {
  Meeting m;
  uint64_t during = 1;
  m.Meanwhile(true, [&] {
    xs_file_retire(m.app);
    Meeting::Killed([&] { return m.node.Unregister(m.app, m.q); });
    during = Meeting::Killed([&] { return m.node.Register(m.b, 0); });
  });
  m.node.Suspend(m.a, {m.q});
  EXPECT_EQ(during, 0u);
  EXPECT_NE(m.node.Register(m.b, 0), 0u);
}

TEST(Race, UnregisteredQueueStaysUntilTheEngineIsDone) {
  Meeting m;
  uint64_t during = 1;
  m.Meanwhile(true, [&] {
    Meeting::Killed([&] { return m.node.Unregister(m.app, m.q); });
    during = Meeting::Killed([&] { return m.node.Register(m.app, 0); });
  });
  m.node.Suspend(m.a, {m.q});
  EXPECT_EQ(during, 0u);
}

TEST(Race, FailureThatAnotherMadeGoodIsNone) {
  Meeting m;
  uint64_t far = m.node.Register(m.app, 1, 8);
  m.spy.answers = {-EIO};  // and all others work
  m.spy.meanwhile = [&](const Spy::Call& call) {
    if (call.suspend && call.ops[0].queue_id == 1) {
      EXPECT_EQ(m.node.Suspend(m.b, {m.q}).items[0].status, 0);
    }
  };
  Node::Result r = m.node.Suspend(m.a, {m.q, far});
  EXPECT_EQ(r.items[0].status, 0);
  EXPECT_EQ(r.suspend.held, 2u);
  EXPECT_EQ(m.node.Info(m.q).holders, 2u);
}

TEST(Race, DeadQueueIsLeftAlone) {
  Meeting m;
  m.spy.answers = {-EACCES};
  m.Meanwhile(true, [&] {
    for (xs_file* file : {m.a, m.b})
      Meeting::Killed([&] { return m.node.Suspend(file, {m.q}).ret; });
  });
  EXPECT_EQ(m.node.Suspend(m.app, {m.q}).items[0].status, -EACCES);
  EXPECT_EQ(m.node.Info(m.q).holders, 2u) << "they have not seen it yet";
  EXPECT_EQ(m.node.Resume(m.a, {m.q}).items[0].status, 0);
  EXPECT_EQ(m.node.Resume(m.b, {m.q}).items[0].status, 0);
  EXPECT_EQ(m.spy.calls.size(), 1u);
}

TEST(Race, QueueThatDiesWhileItIsWaitedForIsNotHeld) {
  Meeting m;
  m.node.Suspend(m.a, {m.q});
  m.spy.answers = {-EACCES};
  Node::Result r{};
  std::thread waiter;
  m.Meanwhile(false, [&] {
    waiter = std::thread([&] { r = m.node.Suspend(m.b, {m.q}); });
    while (m.node.Info(m.q).holders == 0) std::this_thread::yield();
  });
  m.node.Resume(m.a, {m.q});
  waiter.join();
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.items[0].status, -EACCES);
  EXPECT_EQ(r.suspend.held, 0u);
  EXPECT_EQ(m.node.Info(m.q).holders, 0u);
}

}  // namespace
}  // namespace kmod_test
