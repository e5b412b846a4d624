// SPDX-License-Identifier: Apache-2.0
//
// Edges: a scheduler that asked for them hears of each idle -> busy and each
// busy -> idle exactly once, the latter only after everything completed.
#include <gtest/gtest.h>

#include <barrier>

#include "gate_rig.h"

namespace xsched::test {
namespace {

constexpr uint32_t kBoth = kNotifyReady | kNotifyIdle;

void drain(Processor& processor) {
  while (processor.step()) {
  }
}

TEST(GateEdges, OncePerBurst) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  for (uint64_t burst = 1; burst <= 5; ++burst) {
    const uint64_t first = rig.reserve(burst);
    for (uint64_t i = 0; i < burst; ++i) rig.publish(first + i, 0, i);
    rig.gate->pump();
    EXPECT_EQ(rig.ready_edges, burst);
    EXPECT_EQ(rig.slot.state.ready, 1u);
    EXPECT_EQ(rig.gate->wants(), Gate::kWantsTick);
    rig.gate->pump();
    EXPECT_EQ(rig.idle_edges, burst - 1) << "nothing completed yet";
    // The first tick went out behind the first packet; the one behind the last
    // follows when it is back.
    drain(processor);
    rig.gate->pump();
    drain(processor);
    rig.gate->pump();
    EXPECT_EQ(rig.idle_edges, burst);
    EXPECT_EQ(rig.slot.state.ready, 0u);
    EXPECT_EQ(rig.slot.state.retired, rig.slot.state.moved);
    EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing);
    rig.gate->pump();
    EXPECT_EQ(rig.idle_edges, burst);
  }
  EXPECT_EQ(rig.ready_edges, 5u);
}

TEST(GateEdges, ATraceIsToldOfEachPacketOnceAndOfEachEdge) {
  Rig rig({.trace = true});
  Processor processor(rig);
  rig.submit(0, 0);
  EXPECT_EQ(rig.traced_ready, 1u) << "nobody need have asked for edges";
  const uint64_t first = rig.reserve(3);
  for (uint64_t i = 0; i < 3; ++i) rig.publish(first + i, 0, i);
  rig.gate->pump();
  rig.gate->pump();
  EXPECT_EQ(rig.traced, 4u);
  rig.slot.control.run = 0;
  rig.submit(0, 5);
  EXPECT_EQ(rig.traced, 4u) << "it waits at the gate";
  rig.slot.control.run = 1;
  rig.slot.control.notify = kNotifyIdle;
  rig.gate->pump();
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.traced, 5u) << "a tick is ours and is not told";
  EXPECT_EQ(rig.traced_ready, 1u);
  EXPECT_EQ(rig.traced_idle, 1u);
}

TEST(GateEdges, WorkBehindATickGetsAnother) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.submit(0, 0);  // packet and tick
  rig.submit(0, 1);  // behind the tick
  EXPECT_EQ(rig.hardware_write, 3u) << "one tick at a time";
  processor.step();
  processor.step();
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 0u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsTick);
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 1u);
}

TEST(GateEdges, SuspendedWithWorkIsReady) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.slot.control.run = 0;
  rig.submit(0, 0);
  EXPECT_EQ(rig.ready_edges, 1u);
  rig.gate->pump();
  EXPECT_EQ(rig.slot.state.ready, 1u);
  EXPECT_EQ(rig.idle_edges, 0u);
  rig.slot.control.run = 1;
  rig.gate->pump();
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 1u);
  EXPECT_EQ(rig.ready_edges, 1u);
}

TEST(GateEdges, SuspendedBehindARunningPacketIsNotIdle) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.submit(0, 0);
  rig.slot.control.run = 0;
  rig.submit(0, 1);
  drain(processor);  // packet 0 and its tick
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 0u);
  EXPECT_EQ(rig.slot.state.ready, 1u);
  rig.slot.control.run = 1;
  rig.gate->pump();
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 1u);
}

TEST(GateEdges, AskedForWhileBusy) {
  Rig rig;
  Processor processor(rig);
  rig.submit(0, 0);
  EXPECT_EQ(rig.hardware_write, 1u) << "no tick unless somebody asks";
  rig.slot.control.notify = kBoth;
  rig.gate->pump_and_settle();
  EXPECT_EQ(rig.slot.state.ready, 1u);
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.slot.state.ready, 0u);
  EXPECT_EQ(rig.idle_edges, 1u);
}

// Without notify `ready` is a hint that may be stale; asking corrects it.
TEST(GateEdges, AskedForWhileIdle) {
  Rig rig;
  Processor processor(rig);
  rig.submit(0, 0);
  drain(processor);
  rig.gate->pump();
  rig.slot.control.notify = kBoth;
  rig.gate->pump_and_settle();
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.slot.state.ready, 0u);
  EXPECT_EQ(rig.idle_edges, 1u);
  rig.submit(0, 1);
  EXPECT_EQ(rig.ready_edges, 1u);
}

TEST(GateEdges, NoLongerAskedForWithATickOut) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.submit(0, 0);
  rig.slot.control.notify = 0;
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 0u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing);
  // And asked for again, in whatever state.
  rig.slot.control.notify = kBoth;
  rig.gate->pump_and_settle();
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.slot.state.ready, 0u);
  rig.submit(0, 1);
  EXPECT_EQ(rig.ready_edges, 2u);
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.slot.state.ready, 0u);
}

TEST(GateEdges, ReadyOnlySendsNoTick) {
  Rig rig;
  rig.slot.control.notify = kNotifyReady;
  rig.submit(0, 0);
  EXPECT_EQ(rig.ready_edges, 1u);
  EXPECT_EQ(rig.hardware_write, 1u);
}

// No signal could be made: an urgent queue must not look busy for ever.
TEST(GateEdges, WithoutATickSignalTheReadIndexDecides) {
  Rig rig({.ticks = false});
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.submit(0, 0);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsPoll);
  EXPECT_EQ(rig.idle_edges, 0u);
  drain(processor);
  rig.gate->pump();
  EXPECT_EQ(rig.idle_edges, 1u);
  EXPECT_EQ(rig.gate->wants(), Gate::kWantsNothing);
  rig.submit(0, 1);
  EXPECT_EQ(rig.ready_edges, 2u);
}

TEST(GateEdges, ATickDoesNotCountAgainstTheWindow) {
  Rig rig;
  Processor processor(rig);
  rig.slot.control.notify = kBoth;
  rig.slot.control.window = 1;
  rig.submit(0, 0);
  processor.step();  // the packet; the tick is out
  rig.submit(0, 1);
  EXPECT_EQ(rig.slot.state.moved, 2u);
}

// An application, a processor and a dispatcher at once; each burst is waited
// for, so the edges are known exactly.
TEST(GateEdges, NoneIsLostOrRepeated) {
  constexpr uint64_t kBursts = 2000;
  Rig rig;
  rig.slot.control.notify = kBoth;
  Processor processor(rig);
  std::atomic<uint64_t> submitted{0}, early{0};
  rig.edge_hook = [&] {
    if (rig.slot.state.ready == 0 && processor.executed() != submitted) early.fetch_add(1);
  };
  Loop hardware([&] { return processor.step(); });
  Loop dispatcher([&] { return attend(rig); });
  for (uint64_t burst = 0; burst < kBursts; ++burst) {
    const uint64_t packets = 1 + burst % 3;
    submitted.fetch_add(packets);
    // All at once: between two doorbells it may rightly have become idle.
    const uint64_t first = rig.reserve(packets);
    while (!rig.has_room(first + packets - 1)) std::this_thread::yield();
    for (uint64_t i = packets; i-- > 0;) rig.publish(first + i, 0, i);
    rig.gate->pump();
    ASSERT_TRUE(eventually([&] { return rig.idle_edges == burst + 1; })) << "burst " << burst;
    ASSERT_EQ(rig.ready_edges, burst + 1);
  }
  EXPECT_EQ(early, 0u);
}

// Nobody waits: edges alternate, and the end is idle.
TEST(GateEdges, AlternateUnderStress) {
  constexpr uint64_t kPackets = 20000;
  Rig rig;
  rig.slot.control.notify = kBoth;
  Processor processor(rig);
  uint32_t last = 0;  // touched by the gate's owner only
  std::atomic<uint64_t> repeated{0};
  rig.edge_hook = [&] {
    const uint32_t ready = rig.slot.state.ready;
    if (ready == last) repeated.fetch_add(1);
    last = ready;
  };
  Loop hardware([&] { return processor.step(); });
  Loop dispatcher([&] { return attend(rig); });
  std::vector<std::thread> producers;
  for (uint64_t p = 0; p < 2; ++p) {
    producers.emplace_back([&, p] {
      for (uint64_t i = 0; i < kPackets / 2; ++i) {
        rig.submit(p, i);
        if (i % 7 == p) std::this_thread::yield();
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  // The edge is reported after it is seen.
  ASSERT_TRUE(eventually(
      [&] { return rig.slot.state.ready == 0 && rig.ready_edges == rig.idle_edges; }));
  EXPECT_EQ(processor.executed(), kPackets);
  EXPECT_EQ(repeated, 0u);
}

// The scheduler asks for edges just as the first packet comes. It settles and
// looks: it must see the queue ready, or hear of it.
TEST(GateEdges, AskedForAtTheVeryMoment) {
  constexpr int kRounds = 3000;
  std::unique_ptr<Rig> rig;
  std::barrier<> start(2), end(2);
  std::thread application([&] {
    for (int round = 0; round < kRounds; ++round) {
      start.arrive_and_wait();
      rig->submit(0, 0);
      end.arrive_and_wait();
    }
  });
  int unheard = 0;
  for (int round = 0; round < kRounds; ++round) {
    rig = std::make_unique<Rig>();
    start.arrive_and_wait();
    rig->slot.control.notify.store(kBoth, std::memory_order_relaxed);
    rig->gate->pump_and_settle();
    const bool seen = rig->slot.state.ready.load(std::memory_order_acquire) != 0;
    end.arrive_and_wait();
    if (!seen && rig->ready_edges == 0) ++unheard;
  }
  application.join();
  EXPECT_EQ(unheard, 0);
}

}  // namespace
}  // namespace xsched::test
