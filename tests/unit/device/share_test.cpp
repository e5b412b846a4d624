// SPDX-License-Identifier: Apache-2.0
//
// UPDATE_QUEUE, destroy and fork, whatever the queue is doing.
#include <sys/wait.h>

#include "fixture.h"

// TSan stops a child of a threaded process when it starts a thread.
#if defined(__SANITIZE_THREAD__)
#define SKIP_UNDER_TSAN() GTEST_SKIP() << "tsan does not follow fork() in a threaded process"
#else
#define SKIP_UNDER_TSAN() (void)0
#endif

namespace xsim::test {
namespace {

class Share : public ::testing::Test {
 protected:
  Share() : d(config()) {}
  static NodeConfig config() {
    NodeConfig c = test_config();
    c.kernel_times = {{"ms10", 10'000}, {"s100*", 100'000'000}, {"us200", 200}};
    return c;
  }
  static FakeKernel& full(FakeKernel& k, const char* name) {
    k.name = name;
    k.footprint = {16, 65536, 64};
    return k;
  }
  TestDevice d;
};

TEST_F(Share, ArgumentsAreChecked) {
  TestQueue q(d, 1);
  const uint64_t ring = reinterpret_cast<uint64_t>(q.storage), bytes = q.params.ring_bytes;
  EXPECT_EQ(d.device->update_queue(9, 100, 7, ring, bytes), EFAULT);
  EXPECT_EQ(d.device->update_queue(1, 101, 7, ring, bytes), EINVAL);
  EXPECT_EQ(d.device->update_queue(1, 100, 16, ring, bytes), EINVAL);
  EXPECT_EQ(d.device->update_queue(1, 100, 7, ring, bytes - 1), EINVAL);
  EXPECT_EQ(d.device->update_queue(1, 100, 7, ring + 64, bytes), EFAULT);
  EXPECT_EQ(d.device->update_queue(1, 100, 7, ring, bytes / 2), EFAULT);
  EXPECT_EQ(d.device->update_queue(1, 100, 12, ring, bytes), 0);
  EXPECT_EQ(q.view().priority, 12u);
  EXPECT_EQ(d.device->update_queue(1, 100, 7, 0, 0), 0);
  EXPECT_FALSE(q.view().mapped);
  EXPECT_EQ(d.device->destroy_queue(9), EINVAL);
  QueueParams p = q.params;
  EXPECT_EQ(d.device->create_queue(p), EEXIST);
  p.id = 2;
  p.ring_bytes = 100;
  EXPECT_EQ(d.device->create_queue(p), EINVAL);
  p = q.params;
  p.id = 2;
  p.type = QueueType::kCompute;
  EXPECT_EQ(d.device->create_queue(p), EINVAL);
  p = q.params;
  p.id = 2;
  p.gpu = 1;
  EXPECT_EQ(d.device->create_queue(p), EINVAL);
}

TEST_F(Share, AnUnmappedQueueRunsNothing) {
  TestQueue q(d, 1, 7, 0);
  FakeKernel k;
  TestSignal done;
  q.launch(k, 3, &done);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  EXPECT_FALSE(q.view().mapped);
  EXPECT_EQ(k.created, 0u);
  EXPECT_EQ(q.update(100), 0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Share, PreemptsAModelledKernelAndKeepsItsTime) {
  TestQueue q(d, 1);
  FakeKernel k;
  TestSignal done;
  full(k, "s100");
  q.launch(k, 4, &done);
  ASSERT_TRUE(eventually([&] { return q.view().cu_units == 256; }));
  ASSERT_EQ(q.update(0), 0);
  const QueueView v = q.view();
  EXPECT_EQ(v.cu_units, 0u);
  EXPECT_FALSE(v.mapped);
  EXPECT_TRUE(v.has_work);
  EXPECT_EQ(v.preemptions, 1u);
  EXPECT_EQ(v.dispatches, 0u);
  EXPECT_EQ(q.view().busy_ns, v.busy_ns);  // it stands still
  EXPECT_EQ(q.update(0), 0);               // again: nothing to do
  ASSERT_EQ(q.update(100), 0);
  ASSERT_TRUE(eventually([&] { return q.view().cu_units == 256; }));
  ASSERT_TRUE(eventually([&] { return q.view().busy_ns > v.busy_ns; }));
  EXPECT_EQ(q.view().preemptions, 1u);
  EXPECT_EQ(k.created, 4u);  // not begun anew
}

TEST_F(Share, ManyPreemptionsLoseNothing) {
  TestQueue q(d, 1);
  FakeKernel k;
  full(k, "ms10");
  k.body = [](uint64_t index, uint32_t call, const std::atomic<uint32_t>& stop) {
    if (stop != 0) return isa::Outcome::kPreempted;
    if (call > 50) return isa::Outcome::kDone;
    return index % 3 == 0 ? isa::Outcome::kSleeping : isa::Outcome::kYield;
  };
  k.sleep_ns = 20'000;
  TestSignal done(3);
  for (int i = 0; i < 3; ++i) q.launch(k, 9, &done);
  int rounds = 0;
  while (done.load() != 0 && rounds < 10000) {
    ASSERT_EQ(q.update(0), 0);
    ASSERT_EQ(q.view().cu_units, 0u);
    ASSERT_EQ(q.update(100), 0);
    ++rounds;
    std::this_thread::sleep_for(std::chrono::microseconds(rounds % 7 * 300));
  }
  EXPECT_EQ(done.load(), 0);
  EXPECT_EQ(k.created, 27u);
  EXPECT_EQ(k.done, 27u);
  EXPECT_EQ(k.alive, 0u);
  EXPECT_EQ(q.view().dispatches, 3u);
  // 9 workgroups on 4 compute units: three rounds of 10 ms a kernel.
  EXPECT_GE(q.view().busy_ns, 85'000'000u);
}

TEST_F(Share, PreemptsARunningInterpreter) {
  TestQueue q(d, 1);
  FakeKernel k;
  std::atomic<bool> finish{false};
  std::atomic<int> preempted{0};
  k.body = [&](uint64_t, uint32_t, const std::atomic<uint32_t>& stop) {
    while (stop == 0 && !finish) std::this_thread::yield();
    if (finish) return isa::Outcome::kDone;
    ++preempted;
    return isa::Outcome::kPreempted;
  };
  TestSignal done;
  q.launch(k, 1, &done);
  ASSERT_TRUE(eventually([&] { return k.created == 1; }));
  ASSERT_EQ(q.update(0), 0);
  EXPECT_EQ(preempted, 1);
  EXPECT_EQ(q.view().cu_units, 0u);
  finish = true;
  ASSERT_EQ(q.update(100), 0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Share, UnmapsWhileBlockedOnABarrier) {
  TestQueue q(d, 1);
  TestSignal a, done;
  dev::BarrierPacket p{};
  p.dependency[0] = a.handle();
  p.completion = done.handle();
  q.put(p, dev::kPacketBarrierAnd);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  ASSERT_EQ(q.update(0), 0);
  EXPECT_EQ(q.view().preemptions, 0u);  // it had no wave
  a.store(0);
  ASSERT_EQ(q.update(0), 0);
  EXPECT_EQ(done.load(), 1);
  ASSERT_EQ(q.update(100), 0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Share, KernelsOfTwoProcessesWaitForEachOther) {
  TestDevice other(d.config);
  TestQueue low(d, 1), high(other, 2);
  FakeKernel a, b;
  full(a, "s100");
  full(b, "us200");
  TestSignal done;
  low.launch(a, 4);
  ASSERT_TRUE(eventually([&] { return low.view().cu_units == 256; }));
  high.launch(b, 4, &done);
  ASSERT_TRUE(eventually([&] { return high.view().has_work; }));
  EXPECT_EQ(high.view().cu_units, 0u);
  EXPECT_EQ(done.load(), 1);
  ASSERT_EQ(low.update(0), 0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(low.view().preemptions, 1u);
}

TEST_F(Share, UnitsComeFreeWhenTheWavesAreSaved) {
  NodeConfig config = test_config();
  config.preempt_us = 200'000;
  config.kernel_times = d.config.kernel_times;
  TestDevice mine(config), other(config);
  TestQueue low(mine, 1), high(other, 2);
  FakeKernel a, b;
  full(a, "s100");
  full(b, "us200");
  TestSignal done;
  low.launch(a, 4);
  ASSERT_TRUE(eventually([&] { return low.view().cu_units == 256; }));
  high.launch(b, 4, &done);
  ASSERT_TRUE(eventually([&] { return high.view().has_work; }));
  std::thread suspend([&] { low.update(0); });
  // Counted as preempted, its waves are on their way and still in the way.
  EXPECT_TRUE(eventually([&] {
    const QueueView v = low.view();
    return v.preemptions == 1 && v.cu_units == 256;
  }));
  suspend.join();
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

// Each needs all its workgroups at once, and there is room for one of them.
TEST_F(Share, TwoCooperativeKernelsDoNotHoldEachOther) {
  TestDevice other(d.config);
  TestQueue a(d, 1), b(other, 2);
  ASSERT_EQ(d.device->make_cooperative(1), 0);
  ASSERT_EQ(other.device->make_cooperative(2), 0);
  EXPECT_EQ(d.device->make_cooperative(3), EINVAL);
  constexpr int kRounds = 50;
  std::vector<std::unique_ptr<FakeKernel>> kernels;
  TestSignal done(2 * kRounds);
  for (int i = 0; i < 2 * kRounds; ++i) {
    kernels.push_back(std::make_unique<FakeKernel>());
    FakeKernel* k = kernels.back().get();
    k->footprint = {16, 30000, 64};
    k->body = [k](uint64_t, uint32_t, const std::atomic<uint32_t>& stop) {
      if (k->created == 8) return isa::Outcome::kDone;
      return stop != 0 ? isa::Outcome::kPreempted : isa::Outcome::kYield;
    };
    (i % 2 != 0 ? a : b).launch(*k, 8, &done);
  }
  EXPECT_TRUE(eventually([&] {
    a.update(0);  // all of it again on the way back, too
    a.update(100);
    return done.load() == 0;
  }));
}

TEST_F(Share, GpusAreSeparate) {
  NodeConfig config = d.config;
  config.name += "-two";
  config.gpus = 2;
  TestDevice two(config);
  TestQueue first(two, 1);
  TestQueue second(two, 2);
  ASSERT_EQ(two.device->destroy_queue(2), 0);
  second.params.gpu = 1;
  ASSERT_EQ(two.device->create_queue(second.params), 0);
  FakeKernel k, little;
  TestSignal done;
  first.launch(full(k, "s100"), 4);
  ASSERT_TRUE(eventually([&] { return first.view().cu_units == 256; }));
  second.launch(little, 4, &done);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(second.view().gpu, 1u);
  EXPECT_EQ(two.device->reserve_vram(1, 4096), 0);
  EXPECT_EQ(two.device->vram_available(0), config.vram_bytes);
  EXPECT_EQ(two.device->vram_available(1), config.vram_bytes - 4096);
  EXPECT_EQ(two.device->reserve_vram(2, 4096), EINVAL);
}

TEST_F(Share, DestroysWhateverItDoes) {
  FakeKernel longest, spin;
  full(longest, "s100");
  spin.body = [](uint64_t, uint32_t, const std::atomic<uint32_t>& stop) {
    while (stop == 0) std::this_thread::yield();
    return isa::Outcome::kPreempted;
  };
  TestSignal never;
  dev::BarrierPacket p{};
  p.dependency[0] = never.handle();
  {
    TestQueue idle(d, 1), standing(d, 2), waiting(d, 3), blocked(d, 4), unmapped(d, 5, 7, 0),
        suspended(d, 6), missing(d, 7), late(d, 9);
    standing.launch(longest, 4);
    ASSERT_TRUE(eventually([&] { return standing.view().cu_units == 256; }));
    waiting.launch(longest, 4);
    blocked.put(p, dev::kPacketBarrierAnd);
    unmapped.launch(longest, 1);
    suspended.launch(spin, 1);
    ASSERT_TRUE(eventually([&] { return suspended.view().has_work; }));
    ASSERT_EQ(suspended.update(0), 0);
    missing.bell(0);
    ASSERT_TRUE(eventually([&] {
      return waiting.view().has_work && blocked.view().has_work && unmapped.view().has_work &&
             missing.view().has_work;
    }));
  }
  EXPECT_TRUE(list_queues(d.config.name).empty());
  TestQueue spinning(d, 8);
  spinning.launch(spin, 7);
  EXPECT_TRUE(eventually([&] { return spinning.view().cu_units != 0; }));
}

TEST_F(Share, AForkedChildStartsClean) {
  SKIP_UNDER_TSAN();
  TestQueue q(d, 1);
  FakeKernel k;
  full(k, "s100");
  q.launch(k, 4);
  ASSERT_TRUE(eventually([&] { return q.view().cu_units == 256; }));
  const pid_t child = fork();
  if (child == 0) {
    d.device->forget_after_fork();
    if (d.device->destroy_queue(1) != EINVAL) _exit(1);
    TestQueue mine(d, 1);
    if (mine.created != 0) _exit(2);
    FakeKernel little;
    TestSignal done;
    mine.launch(little, 1, &done);  // waits: the parent holds the GPU
    if (!eventually([&] { return list_queues(d.config.name).size() == 2; })) _exit(3);
    for (const QueueView& v : list_queues(d.config.name)) {
      if (v.pid == static_cast<uint32_t>(getpid()) && v.cu_units != 0) _exit(4);
    }
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(list_queues(d.config.name).size(), 1u);
  EXPECT_EQ(q.view().cu_units, 256u);
}

// A process that is killed with a full GPU frees its waiter.
TEST_F(Share, AKilledProcessFreesItsWaiter) {
  SKIP_UNDER_TSAN();
  const pid_t child = fork();
  if (child == 0) {
    d.device->forget_after_fork();
    TestQueue mine(d, 5);
    FakeKernel k;
    full(k, "s100");
    mine.launch(k, 4);
    for (;;) pause();
  }
  ASSERT_TRUE(eventually([&] { return d.view(5).cu_units == 256; }));
  TestQueue q(d, 1);
  FakeKernel k;
  TestSignal done;
  full(k, "us200");
  q.launch(k, 4, &done);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  EXPECT_EQ(done.load(), 1);
  kill(child, SIGKILL);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace xsim::test
