// SPDX-License-Identifier: Apache-2.0
//
// What the command processor does with each kind of packet.
#include "fixture.h"

#if __has_include(<hsa/hsa.h>)
#include <hsa/amd_hsa_queue.h>
#include <hsa/amd_hsa_signal.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>

// Our own definitions against ROCm's.
static_assert(offsetof(amd_queue_v2_t, write_dispatch_id) == xsim::dev::kAmdQueueWriteIndex);
static_assert(offsetof(amd_queue_v2_t, read_dispatch_id) == 128);
static_assert(offsetof(amd_queue_v2_t, queue_inactive_signal) ==
              xsim::dev::kAmdQueueInactiveSignal);
static_assert(sizeof(amd_signal_t) == sizeof(xsim::dev::Signal));
static_assert(offsetof(amd_signal_t, event_mailbox_ptr) == offsetof(xsim::dev::Signal, mailbox));
static_assert(offsetof(amd_signal_t, event_id) == offsetof(xsim::dev::Signal, event_id));
static_assert(offsetof(amd_signal_t, start_ts) == offsetof(xsim::dev::Signal, start_ts));
static_assert(offsetof(hsa_kernel_dispatch_packet_t, kernel_object) ==
              offsetof(xsim::dev::DispatchPacket, kernel_object));
static_assert(offsetof(hsa_kernel_dispatch_packet_t, group_segment_size) ==
              offsetof(xsim::dev::DispatchPacket, group_bytes));
static_assert(offsetof(hsa_barrier_and_packet_t, dep_signal) ==
              offsetof(xsim::dev::BarrierPacket, dependency));
static_assert(offsetof(hsa_amd_barrier_value_packet_t, cond) ==
              offsetof(xsim::dev::BarrierValuePacket, condition));
static_assert(int{HSA_PACKET_TYPE_BARRIER_OR} == int{xsim::dev::kPacketBarrierOr});
#endif

namespace xsim::test {
namespace {

class Aql : public ::testing::Test {
 protected:
  Aql() : d(test_config()), q(d, 1) {}
  TestDevice d;
  TestQueue q;
};

TEST_F(Aql, OpensAndCreates) {
  ASSERT_NE(d.device, nullptr) << d.error;
  EXPECT_EQ(q.created, 0);
  const QueueView v = q.view();
  EXPECT_EQ(v.pid, static_cast<uint32_t>(getpid()));
  EXPECT_TRUE(v.mapped);
  EXPECT_FALSE(v.has_work);
}

TEST_F(Aql, DispatchRunsEveryWorkgroupAndCompletes) {
  FakeKernel k;
  TestSignal done(3);
  uint64_t mailbox = 0;
  done.mailbox = reinterpret_cast<uint64_t>(&mailbox);
  done.event_id = 77;
  q.launch(k, 1000, &done);
  ASSERT_TRUE(eventually([&] { return d.raised(77); }));
  EXPECT_EQ(done.load(), 2);
  EXPECT_EQ(mailbox, 77u);
  EXPECT_EQ(k.done.load(), 1000u);
  EXPECT_EQ(k.created.load(), 1000u);
  EXPECT_EQ(k.alive.load(), 0u);
  EXPECT_GE(done.end_ts, done.start_ts);
  EXPECT_NE(done.end_ts, 0u);
  EXPECT_EQ(q.read(), 1u);
  EXPECT_EQ(q.storage[0], dev::kPacketInvalid);
  EXPECT_TRUE(eventually([&] { return q.view().dispatches == 1 && q.view().cu_units == 0; }));
}

TEST_F(Aql, RingWrapsAround) {
  FakeKernel k;
  constexpr uint64_t kCount = 1000;  // ring of 256
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(eventually([&] { return q.write - q.read() < 256; }));
    q.launch(k, 1);
  }
  ASSERT_TRUE(eventually([&] { return q.read() == kCount; }));
  EXPECT_EQ(k.done.load(), kCount);
}

TEST_F(Aql, BarrierAndWaitsForAll) {
  TestSignal a, b, done;
  dev::BarrierPacket p{};
  p.dependency[0] = a.handle();
  p.dependency[3] = b.handle();
  p.completion = done.handle();
  q.put(p, dev::kPacketBarrierAnd);
  a.store(0);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  EXPECT_EQ(done.load(), 1);
  b.store(0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

// Each dependency is at 0 for a while, the two never together.
TEST_F(Aql, BarrierAndHasEachOnceAtZeroNotAllTogether) {
  TestSignal a, b, done;
  dev::BarrierPacket p{};
  p.dependency[0] = a.handle();
  p.dependency[4] = b.handle();
  p.completion = done.handle();
  q.put(p, dev::kPacketBarrierAnd);
  uint32_t look = 0;
  EXPECT_TRUE(eventually([&] {
    // Long enough each for the poller, which looks every 25 ms at the least.
    TestSignal& up = look / 64 % 2 != 0 ? a : b;
    TestSignal& down = look / 64 % 2 != 0 ? b : a;
    if (look++ % 64 == 0) {
      up.store(1);
      down.store(0);
    }
    return done.load() == 0;
  }));
}

TEST_F(Aql, BarrierOrWaitsForOne) {
  TestSignal a, b, done;
  dev::BarrierPacket p{};
  p.dependency[1] = a.handle();
  p.dependency[2] = b.handle();
  p.completion = done.handle();
  q.put(p, dev::kPacketBarrierOr);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  EXPECT_EQ(done.load(), 1);
  b.store(0);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Aql, BarriersWithoutDependenciesPass) {
  TestSignal done(2);
  dev::BarrierPacket p{};
  p.completion = done.handle();
  q.put(p, dev::kPacketBarrierAnd);
  q.put(p, dev::kPacketBarrierOr);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Aql, BarrierOnAnotherQueueOfTheProcess) {
  TestQueue q2(d, 2);
  FakeKernel k;
  TestSignal first, second;
  dev::BarrierPacket p{};
  p.dependency[0] = first.handle();
  p.completion = second.handle();
  q2.put(p, dev::kPacketBarrierAnd);
  q.launch(k, 1, &first);
  EXPECT_TRUE(eventually([&] { return second.load() == 0; }));
}

TEST_F(Aql, BarrierValueConditions) {
  struct Row {
    uint32_t condition;
    int64_t value, mask, before, after;
  };
  const Row rows[] = {{0, 5, -1, 4, 5},          {1, 5, -1, 5, 6}, {2, 5, -1, 5, 4},
                      {3, 5, -1, 4, 5},          {0, 1, 1, 2, 3},  {2, -3, -1, -3, -4},
                      {3, 0x10, 0xf0, 0xf, 0x10}};
  for (const Row& r : rows) {
    TestSignal s(r.before), done;
    dev::BarrierValuePacket p{};
    p.format = dev::kVendorBarrierValue;
    p.signal = s.handle();
    p.value = r.value;
    p.mask = r.mask;
    p.condition = r.condition;
    p.completion = done.handle();
    const uint64_t index = q.put(p, dev::kPacketVendor);
    ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
    EXPECT_EQ(q.read(), index) << "condition " << r.condition;
    s.store(r.after);
    ASSERT_TRUE(eventually([&] { return done.load() == 0; })) << "condition " << r.condition;
    ASSERT_TRUE(eventually([&] { return !q.view().has_work; }));
  }
}

TEST_F(Aql, BarrierValueWithNullSignalPasses) {
  TestSignal done;
  dev::BarrierValuePacket p{};
  p.format = dev::kVendorBarrierValue;
  p.completion = done.handle();
  q.put(p, dev::kPacketVendor);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Aql, Pm4AcquireMemInvalidatesCode) {
  alignas(8) uint32_t ib[9] = {0xc0005800u | 5u << 16, 0, 0, 0, 0, 0, 0, 0xc0001000u, 0};
  TestSignal done;
  dev::Pm4Packet p{};
  p.format = dev::kVendorPm4;
  p.jump[0] = 3u << 30 | 2u << 16 | 0x3fu << 8;
  p.jump[1] = static_cast<uint32_t>(reinterpret_cast<uint64_t>(ib));
  p.jump[2] = static_cast<uint32_t>(reinterpret_cast<uint64_t>(ib) >> 32);
  p.jump[3] = 9 | 1u << 23;
  p.completion = done.handle();
  const uint32_t before = invalidations;
  q.put(p, dev::kPacketVendor);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(invalidations, before + 1);
}

TEST_F(Aql, WaitsForALateProducer) {
  FakeKernel k;
  // Slot 0 is taken but not written; slot 1 is written and rung.
  q.write = 1;
  q.launch(k, 1);
  ASSERT_TRUE(eventually([&] { return q.view().has_work; }));
  EXPECT_EQ(k.done.load(), 0u);
  q.write = 0;
  q.put(TestQueue::packet(k, 1, nullptr), dev::kPacketDispatch, false);
  EXPECT_TRUE(eventually([&] { return k.done.load() == 2; }));
}

TEST_F(Aql, DoorbellsOutOfOrder) {
  FakeKernel k;
  q.put(TestQueue::packet(k, 1, nullptr), dev::kPacketDispatch, false);
  q.put(TestQueue::packet(k, 1, nullptr), dev::kPacketDispatch, false);
  q.bell(1);
  q.bell(0);
  EXPECT_TRUE(eventually([&] { return k.done.load() == 2; }));
}

TEST_F(Aql, NothingRunsWithoutADoorbell) {
  FakeKernel k;
  q.put(TestQueue::packet(k, 1, nullptr), dev::kPacketDispatch, false);
  TestQueue other(d, 2);
  TestSignal done;
  other.launch(k, 1, &done);
  ASSERT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(k.done.load(), 1u);
  q.bell(0);
  EXPECT_TRUE(eventually([&] { return k.done.load() == 2; }));
}

TEST_F(Aql, YieldsAndSleepsGoOn) {
  FakeKernel k;
  k.sleep_ns = 50'000;
  k.body = [](uint64_t index, uint32_t call, const std::atomic<uint32_t>&) {
    if (call >= 4) return isa::Outcome::kDone;
    return index % 2 != 0 ? isa::Outcome::kYield : isa::Outcome::kSleeping;
  };
  TestSignal done;
  q.launch(k, 40, &done);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(k.done.load(), 40u);
  EXPECT_EQ(k.created.load(), 40u);
}

// A grid-wide barrier: every workgroup spins until all have begun.
TEST_F(Aql, WorkgroupsThatWaitForEachOther) {
  FakeKernel k;
  k.footprint = {4, 8192, 64};  // 8 units: 32 fit into 4 compute units
  k.body = [&k](uint64_t, uint32_t, const std::atomic<uint32_t>&) {
    return k.created == 32 ? isa::Outcome::kDone : isa::Outcome::kYield;
  };
  TestSignal done;
  q.launch(k, 32, &done);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
}

TEST_F(Aql, ALargeGridStaysWithinItsUnits) {
  FakeKernel k;
  k.footprint = {16, 65536, 128};  // a whole compute unit each
  k.body = [](uint64_t, uint32_t call, const std::atomic<uint32_t>&) {
    return call < 3 ? isa::Outcome::kYield : isa::Outcome::kDone;
  };
  TestSignal done;
  q.launch(k, 200, &done);
  EXPECT_TRUE(eventually([&] { return done.load() == 0; }));
  EXPECT_EQ(k.done.load(), 200u);
  EXPECT_LE(k.most_alive.load(), 4u);
}

}  // namespace
}  // namespace xsim::test
