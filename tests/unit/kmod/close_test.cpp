// SPDX-License-Identifier: Apache-2.0
//
// What a close, an unregistration and a death leave behind: nothing.
#include <gtest/gtest.h>

#include <cerrno>
#include <semaphore>
#include <thread>

#include "tests/unit/kmod/spy.h"

namespace kmod_test {
namespace {

std::vector<uint32_t> Types(xs_file* file, uint64_t handle) {
  xsched_event events[64];
  uint32_t n = xs_file_take_events(file, events, 64);
  std::vector<uint32_t> types;
  for (uint32_t i = 0; i < n; ++i)
    if (events[i].handle == handle) types.push_back(events[i].type);
  return types;
}

TEST(Close, LetsGoOfMoreThanOneBatch) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  std::vector<uint64_t> queues;
  for (uint32_t i = 0; i < 600; ++i) queues.push_back(node.Register(app, i));
  auto suspend_all = [&] {
    for (size_t i = 0; i < queues.size(); i += 200)
      node.Suspend(daemon, std::vector<uint64_t>(queues.begin() + i, queues.begin() + i + 200));
    EXPECT_EQ(xs_mock_suspended(node.mock), 600u);
  };
  suspend_all();
  Node::Result r = node.Resume(daemon, {}, XSCHED_RESUME_ALL);
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.resume.passes, 3u);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  suspend_all();
  node.open_files.erase(daemon);
  EXPECT_TRUE(xs_file_close(daemon, false));
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

TEST(Close, OfAFileThatHoldsNothingNeedsNoMemory) {
  Node node;
  xs_file* file = node.Open();
  node.open_files.erase(file);
  xs_fail_alloc_in = 0;
  EXPECT_TRUE(xs_file_close(file, false));
  xs_fail_alloc_in = -1;
}

TEST(Close, KeepsNoReferenceToAProcess) {
  Node node;
  xs_file* app = node.Open();
  xs_file* other = node.Open();
  node.Register(app, 0);
  node.Register(app, 1);
  node.Register(other, 0, 7, 2);
  EXPECT_EQ(node.tasks, 2);
  node.Close(app);
  EXPECT_EQ(node.tasks, 1);
  node.Close(other);
  EXPECT_EQ(node.tasks, 0);
}

// The last one out waits for a process that nothing leads to any more.
TEST(Close, WaitsForAProcessThatDoesNotResume) {
  for (bool alone : {true, false}) {
    Node node;
    xs_file* app = node.Open();
    xs_file* other = node.Open();
    if (alone) {
      node.Close(other);
      other = nullptr;
    }
    uint64_t q = node.Register(app, 0);
    EXPECT_EQ(node.SuspendProcess(app, q), 0);
    xs_mock_fail(node.mock, 0, 1, -EIO);
    EXPECT_EQ(node.Unregister(app, q), 0);
    EXPECT_EQ(xs_mock_suspended(node.mock), 1u);
    node.open_files.erase(app);
    EXPECT_EQ(xs_file_close(app, false), !alone);
    node.Advance(10 * kMs);
    EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
    if (alone) {
      EXPECT_TRUE(xs_file_close(app, false));
    }
    EXPECT_EQ(node.tasks, 0);
    if (other) node.Close(other);
  }
}

TEST(Close, GivenUpLeavesOthersTheirRetries) {
  Node node;
  xs_file* app = node.Open();
  xs_file* other = node.Open();
  uint64_t q = node.Register(app, 0), r = node.Register(other, 1, 7, 2);
  node.Suspend(app, {q});
  node.Suspend(other, {r});
  xs_mock_fail(node.mock, 0, 1000, -EIO);
  node.Resume(other, {r});
  node.open_files.erase(app);
  EXPECT_TRUE(xs_file_close(app, true));
  EXPECT_EQ(node.tasks, 1);
  xs_mock_fail(node.mock, 0, 0, 0);
  node.Advance(10 * kMs);
  EXPECT_FALSE(node.Suspended(r));
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u) << "what was given up";
}

TEST(Close, GivenUpFreesItsProcessWhoeverIsLeft) {
  Node node;
  xs_file* app = node.Open();
  node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  node.SuspendProcess(app, q);
  xs_mock_fail(node.mock, 0, 1000, -EIO);
  node.open_files.erase(app);
  EXPECT_TRUE(xs_file_close(app, true));
  EXPECT_EQ(node.tasks, 0);
}

TEST(Close, GivenUpLeavesAProcessThatHasOtherQueues) {
  Node node;
  xs_file* app = node.Open();
  xs_file* other = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(other, 1);
  node.Suspend(app, {q});
  node.SuspendProcess(daemon, r);
  xs_mock_fail(node.mock, 0, 2, -EIO);
  node.open_files.erase(app);
  EXPECT_TRUE(xs_file_close(app, true));
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
}

TEST(Close, GivenUpWithoutMemoryDropsItsHolds) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  node.open_files.erase(daemon);
  xs_fail_alloc_in = 0;
  EXPECT_TRUE(xs_file_close(daemon, true));
  EXPECT_EQ(node.Info(q).holders, 0u);
}

TEST(Close, WithoutMemoryIsCalledAgain) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  node.open_files.erase(daemon);
  xs_fail_alloc_in = 0;
  EXPECT_FALSE(xs_file_close(daemon, false));
  EXPECT_TRUE(xs_file_close(daemon, false));
  EXPECT_FALSE(node.Suspended(q));
}

TEST(Close, OneThatStaysKeepsNoOtherSuspended) {
  Spy spy;
  Node node(0, XSCHED_ENGINE_UPDATE_QUEUE);
  spy.Offer(node, XSCHED_ENGINE_UPDATE_QUEUE);
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t stuck = node.Register(app, 0), other = node.Register(app, 1);
  node.Suspend(daemon, {stuck, other}, 60000);
  spy.answers = {-EIO};
  spy.calls.clear();
  node.open_files.erase(app);
  EXPECT_FALSE(xs_file_close(app, false));
  node.Advance(1);
  ASSERT_EQ(spy.calls.size(), 2u);
  EXPECT_EQ(spy.calls[1].ops[0].queue_id, 1u);
  node.open_files.insert(app);
}

TEST(Close, GivenUpFreesAProcessInRetry) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.SuspendProcess(app, q);
  xs_mock_fail(node.mock, 0, 1000, -EIO);
  node.Unregister(app, q);
  node.open_files.erase(app);
  EXPECT_TRUE(xs_file_close(app, true));
  EXPECT_EQ(node.tasks, 0);
}

// While one queue cannot be resumed, the tick's thread is at work on another
// one, which is gone when it is done.
TEST(Close, GivenUpOutlastsAnotherThreadsWork) {
  Spy spy;
  Node node(0, XSCHED_ENGINE_UPDATE_QUEUE);
  spy.Offer(node, XSCHED_ENGINE_UPDATE_QUEUE);
  xs_file* app = node.Open();
  uint64_t stuck = node.Register(app, 0), slow = node.Register(app, 1, 8);
  node.Suspend(app, {stuck, slow});
  spy.answers = {-EIO};
  node.Resume(app, {slow});  // is tried again in 10 ms
  spy.answers = {-EIO, -EIO};
  std::binary_semaphore in_engine{0}, go_on{0};
  std::thread tick;
  int tries = 0;
  spy.meanwhile = [&](const Spy::Call& call) {
    if (call.ops[0].queue_id == 1) {
      in_engine.release();
      go_on.acquire();
    } else if (++tries == 2) {  // the last one for `stuck`
      node.time += 10 * kMs;
      tick = std::thread([&] { xs_core_tick(node.core); });
      in_engine.acquire();
    }
  };
  // From here on the close keeps the lock, but for its wait for `slow`.
  node.traced = [&](const Node::Trace& t) {
    if (t.handle == stuck && tries == 2) go_on.release();
  };
  node.open_files.erase(app);
  EXPECT_TRUE(xs_file_close(app, true));
  tick.join();
  EXPECT_EQ(node.tasks, 0);
}

TEST(Close, RetiredFileGetsNoEvents) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  Types(app, q);
  xs_file_retire(app);
  EXPECT_FALSE(xs_file_has_events(app));
  node.Close(app);
}

TEST(Retired, QueueHasNoName) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.Suspend(daemon, {q});
  xs_file_retire(app);
  EXPECT_EQ(node.Suspend(daemon, {q}).ret, -ENOENT);
  EXPECT_EQ(node.SuspendProcess(daemon, q), -ENOENT);
  EXPECT_EQ(node.Unregister(app, q), -ENOENT);
  EXPECT_NE(node.Info(q).handle, q);
  EXPECT_EQ(Types(daemon, q), (std::vector<uint32_t>{XSCHED_EVENT_SUSPENDED, XSCHED_EVENT_GONE}));
}

TEST(Unregister, TakesTheHoldsOfAll) {
  Node node;
  xs_file* app = node.Open();
  xs_file* a = node.Open(XS_FILE_CONTROL);
  xs_file* b = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  for (xs_file* file : {a, b}) {
    node.Suspend(file, {q});
    node.SuspendProcess(file, q);
  }
  EXPECT_EQ(node.Unregister(app, q), 0);
  EXPECT_EQ(node.Renew(a, 100), 0u);
  EXPECT_EQ(node.Renew(b, 100), 0u);
  EXPECT_EQ(node.tasks, 0);
}

TEST(Unregister, OfTheLastQueueResumesTheProcessFirst) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1);
  node.SuspendProcess(daemon, q);
  EXPECT_EQ(node.Unregister(app, q), 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u) << "there is another queue of it";
  EXPECT_EQ(node.Unregister(app, r), 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
}

TEST(Unregister, MakesRoomForAnother) {
  Node node;
  node.limits.max_queues = 2;
  xs_core_set_limits(node.core, &node.limits);
  xs_file* app = node.Open();
  xs_file* other = node.Open();
  uint64_t q = node.Register(app, 0);
  EXPECT_NE(node.Register(app, 1), 0u);
  EXPECT_EQ(node.Register(app, 2), 0u);
  EXPECT_NE(node.Register(other, 2, 7, 2), 0u) << "the limit is a file's";
  EXPECT_EQ(node.Unregister(app, q), 0);
  EXPECT_NE(node.Register(app, 2), 0u);
}

TEST(Unregister, SaysGoneOnce) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  xsched_listen gone{sizeof(gone), XSCHED_LISTEN_ALL, 1 << XSCHED_EVENT_GONE, 0};
  node.Call(daemon, XSCHED_IOC_LISTEN, &gone);
  uint64_t q = node.Register(app, 0);
  node.Unregister(app, q);
  EXPECT_EQ(Types(daemon, q).size(), 1u);
  q = node.Register(app, 0);
  xs_file_retire(app);
  node.Close(app);
  EXPECT_EQ(Types(daemon, q).size(), 1u);
}

TEST(Death, OfAQueueIsOneEventToo) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 1, -EACCES);
  node.Resume(app, {q});
  EXPECT_EQ(node.Info(q).last_error, -EACCES);
  EXPECT_EQ(Types(app, q), (std::vector<uint32_t>{XSCHED_EVENT_REGISTERED, XSCHED_EVENT_SUSPENDED,
                                                  XSCHED_EVENT_ERROR, XSCHED_EVENT_GONE}));
  xs_file* listener = node.Open(XS_FILE_CONTROL);
  xsched_listen all{sizeof(all), XSCHED_LISTEN_ALL, 1 << XSCHED_EVENT_GONE, 0};
  node.Call(listener, XSCHED_IOC_LISTEN, &all);
  node.Unregister(app, q);
  EXPECT_FALSE(xs_file_has_events(listener)) << "it was said before";
}

// No xs_mock_forget here: the engine learns of it from the core.
TEST(Death, IsToldToTheEngine) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0), r = node.Register(app, 1);
  node.Suspend(daemon, {q, r});
  node.SuspendProcess(daemon, q);
  EXPECT_EQ(xs_mock_suspended(node.mock), 3u);
  Dead().insert(Node::Task(1).mm);
  EXPECT_EQ(node.Resume(daemon, {q}).items[0].status, 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 2u);
  EXPECT_EQ(node.ResumeProcess(daemon, r), 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u);
  node.Close(app);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

TEST(Death, StopsTheClockOfASuspension) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  node.time += 5 * kMs;
  node.Kill(1);
  node.Resume(app, {q});
  node.time += 5 * kMs;
  EXPECT_EQ(node.Info(q).suspended_ns, 5 * kMs);
}

// The old one's memory may have become the new one's: same mm, other process.
TEST(Death, OfAProcessLeavesItsSuccessorAlone) {
  Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  uint64_t q = node.Register(app, 0);
  node.SuspendProcess(daemon, q);
  node.Kill(1);
  EXPECT_EQ(node.ResumeProcess(daemon, q), 0);
  xs_file_retire(app);
  Dead().clear();
  uint64_t r = node.Register(daemon, 0);
  EXPECT_EQ(node.SuspendProcess(daemon, r), 0);
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  node.Close(app);
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  EXPECT_EQ(xs_mock_suspended(node.mock), 1u);
}

TEST(Death, IsTheLastError) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  node.Kill(1);
  node.Resume(app, {q});
  EXPECT_EQ(node.Info(q).last_error, -ESRCH);
}

TEST(Death, EndsTheRetries) {
  Node node;
  xs_file* app = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_mock_fail(node.mock, 0, 1, -EIO);
  node.Resume(app, {q});
  EXPECT_TRUE(node.Info(q).state & XSCHED_QUEUE_RETRYING);
  node.Kill(1);
  node.Advance(10 * kMs);
  EXPECT_EQ(node.Info(q).state, static_cast<uint32_t>(XSCHED_QUEUE_DEAD));
}

TEST(Death, OfARetiredQueueIsNoNews) {
  Node node;
  xs_file* app = node.Open();
  xs_file* listener = node.Open(XS_FILE_CONTROL);
  xsched_listen gone{sizeof(gone), XSCHED_LISTEN_ALL, 1 << XSCHED_EVENT_GONE, 0};
  node.Call(listener, XSCHED_IOC_LISTEN, &gone);
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_file_retire(app);
  node.Kill(1);
  node.Close(app);
  EXPECT_EQ(Types(listener, q).size(), 1u);
}

TEST(Exec, MakesAnotherProcess) {
  Node node;
  xs_file* app = node.Open();  // kept over the exec
  uint64_t q = node.Register(app, 0);
  xs_task after = {Node::Task(2).mm, Node::Task(1).pid};
  xsched_register_queue r = Node::Queue(0);
  EXPECT_EQ(xs_ioctl(app, &after, XSCHED_IOC_REGISTER_QUEUE, &r), 0);
  EXPECT_NE(r.handle, q);
  Dead().insert(Node::Task(1).mm);
  EXPECT_EQ(node.Suspend(app, {q}).ret, -ESRCH);
  EXPECT_EQ(node.Suspend(app, {r.handle}).ret, 0);
}

TEST(Retired, QueueIsTakenOverByItsProcessOnly) {
  Node node;
  xs_file* app = node.Open();
  xs_file* other = node.Open();
  uint64_t q = node.Register(app, 0);
  node.Suspend(app, {q});
  xs_file_retire(app);
  uint64_t r = node.Register(other, 0, 7, 2);
  EXPECT_FALSE(node.Suspended(r));
  node.Close(app);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

TEST(Retired, ProcessIsTakenOverWithItsSuspension) {
  Node node;
  xs_file* app = node.Open();
  xs_file* again = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  node.SuspendProcess(daemon, node.Register(app, 0));
  xs_file_retire(app);
  uint64_t r = node.Register(again, 0);
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  EXPECT_EQ(node.SuspendProcess(daemon, r), 0);
  node.Close(app);
  node.Advance(100 * kMs);
  EXPECT_TRUE(node.Info(r).state & XSCHED_QUEUE_PROCESS_SUSPENDED);
  EXPECT_EQ(node.ResumeProcess(daemon, r), 0);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

}  // namespace
}  // namespace kmod_test
