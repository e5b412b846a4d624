// SPDX-License-Identifier: Apache-2.0
//
// The gate, one thread: what moves, what stays, what is added, step by step.
#include <gtest/gtest.h>

#include "gate_rig.h"

namespace xsched::test {
namespace {

void drain(Processor& processor) {
  while (processor.step()) {
  }
}

TEST(Gate, PacketsPassVerbatimAndInOrder) {
  for (const bool device_memory : {false, true}) {
    Rig rig({.device_memory = device_memory});
    Processor processor(rig);
    const uint64_t first = rig.reserve(10);
    for (uint64_t i = 0; i < 10; ++i) rig.publish(first + i, 7, 100 + i);
    rig.gate->pump();
    EXPECT_EQ(rig.hardware_write, 10u);
    EXPECT_EQ(rig.doorbells, 1u) << "one doorbell a batch";
    EXPECT_EQ(rig.last_doorbell, 9u);
    EXPECT_EQ(rig.hardware[3].word1, 103u);
    drain(processor);
    ASSERT_EQ(processor.log.size(), 10u);
    for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(processor.log[i].number, 100 + i);
    EXPECT_EQ(rig.proxy_read, 10u);
    EXPECT_EQ(rig.slot.state.moved, 10u);
    EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing);
  }
}

TEST(Gate, StopsAtTheFirstUnpublishedPacket) {
  Rig rig;
  Processor processor(rig);
  const uint64_t first = rig.reserve(3);
  rig.publish(first + 2, 0, 2);
  rig.gate->pump();
  rig.publish(first + 1, 0, 1);
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 0u);
  EXPECT_EQ(rig.gate->at_gate(), 3u);
  rig.publish(first, 0, 0);
  rig.gate->pump();
  drain(processor);
  ASSERT_EQ(processor.log.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(processor.log[i].number, i);
}

TEST(Gate, SuspendedNothingMovesAndResumeMovesAll) {
  Rig rig;
  for (const bool own : {false, true}) {
    const uint64_t before = rig.hardware_write;
    own ? rig.gate->hold(true) : rig.slot.control.run.store(0);
    rig.gate->pump_and_settle();
    for (uint64_t i = 0; i < 5; ++i) rig.submit(0, i);
    EXPECT_EQ(rig.hardware_write, before);
    EXPECT_EQ(rig.gate->at_gate(), 5u);
    EXPECT_EQ(rig.slot.state.ready, 1u) << "it wants to run";
    EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing) << "nobody polls a suspended gate";
    own ? rig.gate->hold(false) : rig.slot.control.run.store(1);
    rig.gate->pump();
    EXPECT_EQ(rig.hardware_write, before + 5);
    EXPECT_EQ(rig.gate->at_gate(), 0u);
  }
}

TEST(Gate, EitherHoldIsEnough) {
  Rig rig;
  rig.slot.control.run = 0;
  rig.gate->hold(true);
  rig.submit(0, 0);
  rig.gate->hold(false);
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 0u);
  rig.gate->hold(true);
  rig.slot.control.run = 1;
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 0u);
  rig.gate->obey_nobody();
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 1u);
}

TEST(Gate, WindowBoundsWhatIsInside) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.window = 3;
  for (uint64_t i = 0; i < 10; ++i) rig.submit(0, i);
  EXPECT_EQ(rig.hardware_write, 3u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsPoll);
  EXPECT_EQ(rig.attended, 1u) << "the dispatcher is woken once, not for each packet";
  processor.step();
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 4u);
  rig.slot.control.window = 0;
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 10u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing);
}

TEST(Gate, TheTighterBoundHolds) {
  Rig rig;
  rig.gate->set_own_bounds(2, 0);
  for (uint64_t i = 0; i < 5; ++i) rig.submit(0, i);
  EXPECT_EQ(rig.hardware_write, 2u);
  rig.slot.control.window = 1;
  rig.gate->set_own_bounds(4, 0);
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 2u);
  rig.slot.control.window = 3;
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 3u);
}

// The processor stops at a closed guard after at most `guard` packets.
TEST(Gate, GuardStopsTheProcessor) {
  for (const uint32_t guard : {1u, 2u, 5u}) {
    for (const uint64_t already : {0u, 1u, 3u, 4u, 10u}) {
      Rig rig;
      Processor processor(rig);
      rig.slot.control.guard = guard;
      for (uint64_t i = 0; i < 20; ++i) rig.submit(0, i);
      while (processor.executed() < already) ASSERT_TRUE(processor.step());
      rig.gate->close_guard(true);
      drain(processor);
      EXPECT_LE(processor.executed() - already, guard) << "guard " << guard << " after " << already;
      EXPECT_LT(processor.executed(), 20u);
      rig.gate->close_guard(false);
      drain(processor);
      EXPECT_EQ(processor.executed(), 20u);
      EXPECT_EQ(processor.barriers, 20u / guard);
    }
  }
}

TEST(Gate, OwnGuardStopsTheProcessorToo) {
  Rig rig;
  Processor processor(rig);
  rig.gate->set_own_bounds(0, 1);
  for (uint64_t i = 0; i < 4; ++i) rig.submit(0, i);
  processor.step();  // the guard before the first
  processor.step();
  rig.gate->close_guard(true);
  drain(processor);
  EXPECT_EQ(processor.executed(), 1u);
}

// A kernel that still waits for something when the guard is closed.
TEST(Gate, AClosedGuardStopsAKernelBehindABarrierThatWaits) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.guard = 1;
  int64_t other = 1;
  rig.submit(0, 0);
  rig.submit_barrier(&other);
  rig.submit(0, 1);
  drain(processor);
  EXPECT_EQ(processor.executed(), 1u);
  rig.gate->close_guard(true);
  other = 0;
  drain(processor);
  EXPECT_EQ(processor.executed(), 1u);
  rig.gate->close_guard(false);
  drain(processor);
  EXPECT_EQ(processor.executed(), 2u);
}

// Who waits for a kernel's end learns of it although the guard is closed.
TEST(Gate, ABarrierBehindAKernelIsNotHeldUpByTheGuard) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.guard = 1;
  rig.submit(0, 0);
  rig.submit_barrier();
  rig.submit(0, 1);
  processor.step();
  rig.gate->close_guard(true);
  drain(processor);
  EXPECT_EQ(processor.executed(), 1u);
  EXPECT_EQ(processor.barriers, 2u);  // the guard before it, the barrier behind it
}

// A program that polls makes clr send a barrier each time; a narrow window
// would let them out more slowly than they come.
TEST(Gate, BarriersDoNotCountAgainstTheWindow) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.window = 1;
  rig.submit(0, 0);
  for (int i = 0; i < 10; ++i) rig.submit_barrier();
  rig.submit(0, 1);
  EXPECT_EQ(rig.hardware_write, 11u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsPoll);
  processor.step();
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 12u);
}

TEST(Gate, WhatEnteredWithoutAWindowCountsAgainstALaterOne) {
  Rig rig;
  Processor processor(rig);
  for (uint64_t i = 0; i < 5; ++i) rig.submit(0, i);
  rig.slot.control.window = 2;
  rig.submit(0, 5);
  EXPECT_EQ(rig.hardware_write, 5u);
  for (int i = 0; i < 3; ++i) processor.step();
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 5u);
  processor.step();
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 6u);
}

TEST(Gate, SaysHowMuchWorkIsInside) {
  Rig rig({.proxy_packets = 1024, .hardware_packets = 1024});
  Processor processor(rig);
  const auto inside = [&] { return rig.slot.state.inside.load(); };
  for (uint64_t i = 0; i < 3; ++i) rig.submit(0, i);
  EXPECT_EQ(inside(), kInsideUnknown) << "nobody counts without a window";
  rig.slot.control.window = 2;
  rig.gate->pump();
  EXPECT_EQ(inside(), 3u) << "what entered before counts";
  for (int i = 0; i < 3; ++i) processor.step();
  for (int i = 0; i < 5; ++i) rig.submit_barrier();
  rig.submit(0, 3);
  EXPECT_EQ(inside(), 1u) << "barriers do not";
  rig.submit(0, 4);
  rig.submit(0, 5);
  EXPECT_EQ(inside(), 2u);
  rig.slot.control.run = 0;
  while (processor.step()) {
  }
  rig.gate->pump_and_settle();
  EXPECT_EQ(inside(), 0u) << "also while nothing may enter";
  rig.slot.control.run = 1;
  rig.slot.control.window = 300;
  rig.gate->pump();
  EXPECT_EQ(inside(), 1u);
  rig.slot.control.window = 0;
  rig.gate->pump();
  EXPECT_EQ(inside(), kInsideUnknown);
}

// One mark from look to look: the window was full all the time.
TEST(Gate, MarksWhateverEndsAFullWindow) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.window = 2;
  for (uint64_t i = 0; i < 6; ++i) rig.submit(0, i);
  Gate::WorkLook last = rig.gate->work_look();
  EXPECT_TRUE(last.full);
  const auto next = [&] {
    rig.gate->pump();
    const Gate::WorkLook look = rig.gate->work_look();
    const bool same = look.mark == last.mark;
    const uint64_t retired = look.retired - last.retired;
    last = look;
    return std::pair{same, retired};
  };
  EXPECT_EQ(next(), std::pair(true, uint64_t{0}));
  processor.step();
  EXPECT_EQ(next(), std::pair(true, uint64_t{1}));
  processor.step();
  processor.step();
  EXPECT_EQ(next(), std::pair(true, uint64_t{2}));
  rig.slot.control.window = 1;
  EXPECT_FALSE(next().first) << "another window";
  while (processor.step()) {
  }
  EXPECT_EQ(rig.gate->work_look().full, true) << "as the last move saw it";
  EXPECT_FALSE(next().first) << "room";
  EXPECT_FALSE(last.full);
}

// In a window that is wider than the gate tells packets apart all count.
TEST(Gate, OnlyWorkCountsAsRetired) {
  for (const uint32_t window : {2u, 300u}) {
    Rig rig({.proxy_packets = 1024, .hardware_packets = 1024});
    Processor processor(rig);
    rig.slot.control.window = window;
    rig.submit(0, 0);
    rig.submit_barrier();
    for (uint64_t i = 1; i < 400; ++i) rig.submit(0, i);
    const uint64_t before = rig.gate->work_look().retired;
    for (int i = 0; i < 2; ++i) processor.step();
    rig.gate->pump();
    EXPECT_EQ(rig.gate->work_look().retired - before, window == 2 ? 1u : 2u) << window;
  }
}

TEST(Gate, WindowsOfAnyWidthHold) {
  for (const uint32_t window : {1u, 255u, 256u, 257u, 400u}) {
    Rig rig({.proxy_packets = 1024, .hardware_packets = 1024});
    Processor processor(rig);
    rig.slot.control.window = window;
    for (uint64_t i = 0; i < 900; ++i) {
      rig.submit(0, i);
      ASSERT_LE(rig.hardware_write - rig.hardware_read, window);
      if (i % 3 == 0) processor.step();
    }
    EXPECT_EQ(rig.hardware_write - rig.hardware_read, window);
  }
}

TEST(Gate, WithoutSignalsThereAreNoGuards) {
  Rig rig({.guards = false, .ticks = false});
  rig.slot.control.guard = 1;
  for (uint64_t i = 0; i < 4; ++i) rig.submit(0, i);
  rig.gate->close_guard(true);
  EXPECT_EQ(rig.hardware_write, 4u);
}

// Guards and ticks of its own find room even in a ring that is full.
TEST(Gate, OwnPacketsNeverOverrunAFullRing) {
  Rig rig({.proxy_packets = 64, .hardware_packets = 16});
  Processor processor(rig);
  rig.slot.control.guard = 1;
  rig.slot.control.notify = kNotifyReady | kNotifyIdle;
  for (uint64_t i = 0; i < 40; ++i) rig.submit(0, i);
  EXPECT_LE(rig.hardware_write, 16u);
  while (processor.executed() < 40) {
    drain(processor);
    rig.gate->pump();
    ASSERT_LE(rig.hardware_write - rig.hardware_read, 16u);
  }
  for (uint64_t i = 0; i < 40; ++i) EXPECT_EQ(processor.log[i].number, i);
}

// ROCr may put packets of its own into a queue that it made.
TEST(Gate, AForeignWriterIsRespected) {
  Rig rig;
  Processor processor(rig);
  rig.submit(0, 0);
  for (uint64_t i = 0; i < 3; ++i) {
    Packet& packet = rig.hardware[rig.hardware_write + i];
    packet.body[0] = 99;
    packet.body[1] = i;
    packet.header = kPacketKernel;
  }
  rig.hardware_write += 3;
  rig.submit(0, 1);
  EXPECT_EQ(rig.hardware_write, 5u);
  EXPECT_EQ(rig.last_doorbell, 4u);
  drain(processor);
  ASSERT_EQ(processor.log.size(), 5u);
  EXPECT_EQ(processor.log[0].producer, 0u);
  EXPECT_EQ(processor.log[1].producer, 99u);
  EXPECT_EQ(processor.log[3].producer, 99u);
  EXPECT_EQ(processor.log[4].producer, 0u);
}

TEST(Gate, AQueueThatWasUsedBeforeIsTakenUp) {
  Rig used;
  Processor processor(used);
  for (uint64_t i = 0; i < 5; ++i) used.submit(0, i);
  drain(processor);
  // As a new gate on the same hardware ring would: indices go on.
  HardwareRing to;
  to.base = used.hardware.data();
  to.packets = used.hardware.size();
  to.write_index = &used.hardware_write;
  to.read_index = &used.hardware_read;
  to.doorbell = [](void*, uint64_t) {};
  Rig fresh;
  ProxyRing from{fresh.proxy.data(), fresh.proxy.size(), &fresh.proxy_write, &fresh.proxy_read};
  Gate::Listener listener{[](void*) {}, [](void*) {}, nullptr};
  Gate gate(to, from, fresh.slot, listener);
  fresh.publish(fresh.reserve(), 3, 33);
  gate.pump();
  EXPECT_EQ(used.hardware_write, 6u);
  drain(processor);
  EXPECT_EQ(processor.log.back().number, 33u);
}

TEST(Gate, ToolQueueTakesPacketsThroughItsFunctions) {
  Rig rig({.tool_queue = true});
  Processor processor(rig);
  for (uint64_t i = 0; i < 5; ++i) rig.submit(0, i);
  EXPECT_EQ(rig.doorbells, 5u) << "each packet is announced";
  drain(processor);
  ASSERT_EQ(processor.log.size(), 5u);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(processor.log[i].number, i);
  rig.gate->hold(true);
  rig.gate->pump_and_settle();
  rig.submit(0, 5);
  EXPECT_EQ(rig.hardware_write, 5u);
}

// A barrier with a dependency that has not happened is seen, also by another
// thread; our own guards are no dependency on others.
TEST(Gate, WaitsForOthers) {
  Rig rig;
  Processor processor(rig);
  int64_t signal[2] = {0, 1};  // as amd_signal_t: the value stands at offset 8
  rig.slot.control.guard = 1;
  rig.submit(0, 0);
  rig.gate->close_guard(true);
  EXPECT_FALSE(rig.gate->waits_for_others());
  rig.gate->close_guard(false);

  const uint64_t index = rig.reserve();
  Packet& barrier = rig.proxy[index];
  barrier.body[0] = 0;
  barrier.body[3] = handle_of(signal[0]);
  store_release(barrier.header, kPacketBarrierAnd | kHeaderBarrierBit);
  EXPECT_FALSE(rig.gate->waits_for_others()) << "it is not in the hardware ring yet";
  rig.gate->pump();
  EXPECT_TRUE(rig.gate->waits_for_others());
  signal[1] = 0;
  EXPECT_FALSE(rig.gate->waits_for_others());
  signal[1] = 1;
  drain(processor);  // its dependencies are read at offset 0 here, so it passes
  EXPECT_FALSE(rig.gate->waits_for_others());
}

TEST(Gate, ABoostRunsAgainstTheSchedulerButNotAgainstAHold) {
  Rig rig;
  rig.slot.control.run = 0;
  rig.submit(0, 0);
  rig.gate->boost(true);
  rig.gate->hold(true);
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 0u);
  rig.gate->hold(false);
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 1u);
  rig.gate->boost(false);
  rig.submit(0, 1);
  EXPECT_EQ(rig.hardware_write, 1u);
}

TEST(Gate, DropAllCountsAndClosesForGood) {
  Rig rig;
  rig.submit(0, 0);
  rig.slot.control.run = 0;
  for (uint64_t i = 1; i < 6; ++i) rig.submit(0, i);
  EXPECT_EQ(rig.gate->drop_all(), 5u);
  rig.slot.control.run = 1;
  rig.gate->pump();
  EXPECT_EQ(rig.hardware_write, 1u);
}

TEST(Gate, DropAllOfAnEmptyGateDropsNothing) {
  Rig rig;
  rig.submit(0, 0);
  EXPECT_EQ(rig.gate->drop_all(), 0u);
}

// ROCr itself writes a pm4 packet into a queue that it made (ExecutePM4).
TEST(Gate, APacketOfAnotherWriterIsNotOverwritten) {
  Rig rig;
  rig.submit(0, 0);
  Packet& foreign = rig.hardware[1];
  foreign.body[1] = 77;
  store_release(foreign.header, kPacketVendor | 1u << 16);
  store_release(rig.hardware_write, uint64_t{2});
  rig.submit(0, 1);
  EXPECT_EQ(rig.hardware_write, 3u);
  EXPECT_EQ(rig.last_doorbell, 2u);
  EXPECT_EQ(foreign.body[1], 77u);
  EXPECT_EQ(packet_type(rig.hardware[2].header), uint32_t{kPacketKernel});
}

// The application's own, vendor formats and packets without a signal included.
TEST(Gate, EveryTypeIsCopiedVerbatim) {
  for (const uint32_t header :
       {kPacketVendor | 1u << 16, kPacketVendor | 2u << 16, kPacketKernel | kHeaderBarrierBit,
        uint32_t{kPacketAgent}, kPacketBarrierOr | kHeaderSystemScopes}) {
    Rig rig;
    const uint64_t index = rig.reserve();
    Packet& packet = rig.proxy[index];
    packet.word1 = 3;
    for (uint64_t i = 0; i < 6; ++i) packet.body[i] = 100 + i;
    packet.body[6] = 0;
    store_release(packet.header, header);
    rig.gate->pump();
    const Packet& moved = rig.hardware[0];
    EXPECT_EQ(moved.header, header);
    EXPECT_EQ(moved.word1, 3u);
    for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(moved.body[i], 100 + i);
    EXPECT_EQ(moved.completion_signal(), 0u);
  }
}

}  // namespace
}  // namespace xsched::test
