// SPDX-License-Identifier: Apache-2.0
//
// What a suspension does to queues of another process.

#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "victim.h"

namespace xsim::test {
namespace {

TEST(ModuleStops, ARunningKernelOfAnotherProcess) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  EXPECT_TRUE(stopped(config));
  const QueueView v = view(config);
  EXPECT_EQ(v.preemptions, 1u);
  EXPECT_EQ(v.dispatches, 0u);
  EXPECT_EQ(file.state(victim.handles[0]), XSCHED_QUEUE_SUSPENDED | XSCHED_QUEUE_HELD);
  EXPECT_EQ(view(config).busy_ns, v.busy_ns);  // it stands still
  ASSERT_EQ(file.resume(victim.handles[0]), 0);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  EXPECT_TRUE(eventually([&] { return view(config).busy_ns > v.busy_ns; }));
  EXPECT_EQ(view(config).preemptions, 1u);
}

TEST(ModuleStops, SixtyFourQueuesInOneCall) {
  const NodeConfig config = module_config(80);
  Victim victim(config, 64, 1);
  ASSERT_EQ(victim.handles.size(), 64u);
  ASSERT_TRUE(eventually([&] {
    uint32_t busy = 0;
    for (const QueueView& v : list_queues(config.name)) busy += v.cu_units != 0 ? 1 : 0;
    return busy == config.hw_slots;
  }));
  File file(config);
  std::vector<xsched_item> items(64);
  for (size_t i = 0; i < items.size(); ++i) items[i].handle = victim.handles[i];
  xsched_suspend s{};
  s.count = 64;
  s.level = XSCHED_LEVEL_INTERRUPT;
  s.lease_ms = 60000;
  s.items = reinterpret_cast<uintptr_t>(items.data());
  ASSERT_EQ(file.call(XSCHED_IOC_SUSPEND, s), 0);
  EXPECT_EQ(s.held, 64u);
  EXPECT_EQ(s.passes, 64u);  // KFD takes one queue at a time
  EXPECT_EQ(s.engine, static_cast<uint32_t>(XSCHED_ENGINE_UPDATE_QUEUE));
  for (const xsched_item& item : items) {
    EXPECT_EQ(item.status, 0);
    EXPECT_NE(item.ns, 0u);
  }
  for (const QueueView& v : list_queues(config.name)) {
    EXPECT_EQ(v.cu_units, 0u);
    EXPECT_EQ(v.percent, 0u);
  }
  xsched_resume r{};
  r.flags = XSCHED_RESUME_ALL;
  ASSERT_EQ(file.call(XSCHED_IOC_RESUME, r), 0);
  for (const QueueView& v : list_queues(config.name)) EXPECT_EQ(v.percent, 100u);
}

TEST(ModuleStops, AQueueThatWaitsForWork) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File file(config);
  const uint64_t handle = file.offer(queue);
  ASSERT_EQ(file.suspend(handle), 0);
  FakeKernel kernel;
  TestSignal done;
  queue.launch(kernel, 3, &done);
  ASSERT_TRUE(eventually([&] { return queue.view().has_work; }));
  EXPECT_EQ(kernel.created, 0u);
  ASSERT_EQ(file.resume(handle), 0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST(ModuleStops, ManyTimesAndLosesNothing) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File file(config);
  const uint64_t handle = file.offer(queue);
  FakeKernel kernel;
  kernel.body = [](uint64_t index, uint32_t call, const std::atomic<uint32_t>& stop) {
    if (stop != 0) return isa::Outcome::kPreempted;
    if (call > 50) return isa::Outcome::kDone;
    return index % 3 == 0 ? isa::Outcome::kSleeping : isa::Outcome::kYield;
  };
  kernel.sleep_ns = 20'000;
  TestSignal done(20);
  for (int i = 0; i < 20; ++i) queue.launch(kernel, 9, &done);
  EXPECT_TRUE(eventually([&] {
    const int status = file.suspend(handle);
    if (status == -EAGAIN) return false;  // the module's rate limit
    EXPECT_EQ(status, 0);
    EXPECT_EQ(queue.view().cu_units, 0u);
    EXPECT_EQ(file.resume(handle), 0);
    return done.load() == 0;
  }));
  EXPECT_EQ(kernel.created, 180u);
  EXPECT_EQ(kernel.done, 180u);
}

// SIGSTOP stops the simulated command processor too; a GPU would not care.
void stop_process(pid_t pid) {
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_TRUE(WIFSTOPPED(status));
}

TEST(ModuleStops, AProcessThatIsStopped) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  stop_process(victim.pid);
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  EXPECT_TRUE(stopped(config));
  const uint64_t busy_ns = view(config).busy_ns;
  // Its units are another's.
  TestDevice device(config);
  TestQueue queue(device, 2);
  FakeKernel kernel;
  kernel.footprint = {16, 65536, 64};
  TestSignal done;
  queue.launch(kernel, 4, &done);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  ASSERT_EQ(kill(victim.pid, SIGCONT), 0);
  EXPECT_TRUE(eventually([&] { return view(config).preemptions == 1; }));
  EXPECT_TRUE(stopped(config));
  EXPECT_EQ(view(config).busy_ns, busy_ns);
  ASSERT_EQ(file.resume(victim.handles[0]), 0);
  EXPECT_TRUE(eventually([&] { return running(config) && view(config).cu_units == 256; }));
}

TEST(ModuleStops, AStoppedProcessThatIsResumedBeforeItGoesOn) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  stop_process(victim.pid);
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  TestDevice device(config);
  TestQueue queue(device, 2);
  FakeKernel kernel;
  make_full(kernel);
  queue.launch(kernel, 1);
  ASSERT_TRUE(eventually([&] { return running(config, 2); }));
  ASSERT_EQ(file.resume(victim.handles[0]), 0);
  ASSERT_EQ(kill(victim.pid, SIGCONT), 0);
  // It has to ask for its units again, and one of the four is taken.
  EXPECT_TRUE(eventually([&] { return view(config).preemptions == 1 && running(config); }));
  EXPECT_EQ(view(config).cu_units, 192u);
}

TEST(ModuleStops, ButNotWithAnotherRing) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File file(config);
  xsched_register_queue r = registration(queue);
  r.ring_size /= 2;
  ASSERT_EQ(file.call(XSCHED_IOC_REGISTER_QUEUE, r), 0);
  EXPECT_EQ(file.suspend(r.handle), -EFAULT);
  r.flags = XSCHED_REGISTER_REPLACE;
  r.ring_size *= 2;
  ASSERT_EQ(file.call(XSCHED_IOC_REGISTER_QUEUE, r), 0);
  EXPECT_EQ(file.suspend(r.handle), 0);
}

// What the process says of its own queue is not undone.
TEST(ModuleStops, WhatItsProcessUnmappedStaysUnmapped) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue before(device, 1), meanwhile(device, 2);
  File file(config);
  const uint64_t one = file.offer(before), two = file.offer(meanwhile);
  ASSERT_EQ(before.update(0), 0);
  ASSERT_EQ(file.suspend(one), 0);
  ASSERT_EQ(file.suspend(two), 0);
  ASSERT_EQ(meanwhile.update(0), 0);
  ASSERT_EQ(file.resume(one), 0);
  ASSERT_EQ(file.resume(two), 0);
  EXPECT_EQ(before.view().percent, 0u);
  EXPECT_EQ(meanwhile.view().percent, 0u);
}

TEST(ModuleStops, FromManyThreadsAtOnce) {
  const NodeConfig config = module_config(8);
  Victim victim(config, 8, 1);
  ASSERT_EQ(victim.handles.size(), 8u);
  // A doorbell is seen a little later; until then a queue has no work to stop.
  const auto all = [&](bool (*what)(const NodeConfig&, uint32_t)) {
    return eventually([&] {
      for (uint32_t i = 1; i <= 8; ++i) {
        if (!what(config, i)) return false;
      }
      return true;
    });
  };
  ASSERT_TRUE(all(running));
  File file(config);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 40; ++round) {
        const int status = file.suspend(victim.handles[i]);
        if (status == -EAGAIN) continue;
        if (status != 0 || !stopped(config, i + 1)) ++wrong;
        if (file.resume(victim.handles[i]) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(all(running));
}

// A pass that takes long keeps nobody waiting, not even on the same file.
TEST(ModuleStops, WhileOtherCallsAreAnswered) {
  NodeConfig config = module_config();
  config.preempt_us = 2'000'000;
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  std::atomic<bool> done{false};
  std::thread slow([&] {
    file.suspend(victim.handles.at(0));
    done = true;
  });
  EXPECT_TRUE(eventually([&] { return file.state(victim.handles[0]) & XSCHED_QUEUE_BUSY; }));
  xsched_query q{};
  EXPECT_EQ(file.call(XSCHED_IOC_QUERY, q), 0);
  EXPECT_EQ(q.num_queues, 1u);
  EXPECT_FALSE(done);
  slow.join();
  EXPECT_TRUE(stopped(config));
}

}  // namespace
}  // namespace xsim::test
