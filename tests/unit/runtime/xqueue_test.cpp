// SPDX-License-Identifier: Apache-2.0
//
// An XQueue on plain memory, levels 1 and 2: control words in, held hardware
// queue out. (Level 3 needs a KFD: tests/node/hsa.)
#include <gtest/gtest.h>

#include <functional>

#include "xqueue_rig.h"

namespace xsched::test {
namespace {

struct AtLevel : XQueueRig {
  explicit AtLevel(uint32_t level) {
    slot.identity.window_wanted = 2;
    make();
    xqueue->set_level(level, EngineChoice::kGate);
  }
  void write(uint64_t number) {
    publish(reserve(), 0, number);
    xqueue->gate().pump();
  }
  bool guard_closed() { return value_of(handle_of(guard)).load() != 0; }
};

TEST(XQueue, CarriesOutTheSchedulersWord) {
  AtLevel rig(2);
  rig.slot.control.run = 0;
  rig.slot.control.sequence = 7;
  rig.xqueue->apply();
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  EXPECT_EQ(rig.slot.state.applied, 7u);
  EXPECT_EQ(rig.slot.counters.suspends, 1u);
  EXPECT_TRUE(rig.guard_closed());
  rig.write(1);
  EXPECT_EQ(rig.hardware_write, 0u);
  rig.slot.control.run = 1;
  rig.xqueue->apply();
  EXPECT_EQ(rig.slot.state.suspended, 0u);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.hardware_write, 1u);
}

// Only at level 3 does it cost anything to stop what is inside.
TEST(XQueue, BelowLevel3NobodyIsPatient) {
  AtLevel rig(2);
  rig.slot.control.patience_us = 1'000'000;
  rig.slot.control.run = 0;
  rig.xqueue->apply();
  EXPECT_TRUE(rig.guard_closed());
  EXPECT_EQ(rig.slot.counters.patient, 0u);
}

TEST(XQueue, AHoldOfItsOwnOutlastsTheSchedulers) {
  AtLevel rig(1);
  EXPECT_TRUE(rig.xqueue->set_hold(true));
  EXPECT_EQ(rig.slot.state.held, 1u) << "the scheduler is told";
  rig.slot.control.run = 0;
  rig.xqueue->apply();
  rig.slot.control.run = 1;
  rig.xqueue->apply();
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  EXPECT_TRUE(rig.xqueue->set_hold(false));
  EXPECT_EQ(rig.slot.state.suspended, 0u);
  EXPECT_EQ(rig.slot.state.held, 0u);
}

TEST(XQueue, LevelChangesWhileSuspended) {
  AtLevel rig(1);
  rig.xqueue->set_hold(true);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.xqueue->set_level(2, EngineChoice::kGate), 2u);
  EXPECT_TRUE(rig.guard_closed()) << "the new level holds at once";
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  EXPECT_EQ(rig.xqueue->set_level(1, EngineChoice::kGate), 1u);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  rig.write(1);
  EXPECT_EQ(rig.hardware_write, 0u) << "still held";
  EXPECT_EQ(rig.xqueue->set_level(3, EngineChoice::kGate), 2u);
  rig.xqueue->set_hold(false);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.hardware_write, 2u) << "the packet and its guard";
}

TEST(XQueue, ACapOfTheSchedulerLowersTheLevelAndGivesItBack) {
  AtLevel rig(2);
  rig.slot.control.level_cap = 1;
  rig.slot.control.run = 0;
  rig.xqueue->apply();
  EXPECT_EQ(rig.slot.identity.level_actual, 1u);
  EXPECT_EQ(rig.slot.identity.level_wanted, 2u);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  rig.slot.control.level_cap = 0;
  rig.xqueue->apply();
  EXPECT_EQ(rig.slot.identity.level_actual, 2u);
  EXPECT_TRUE(rig.guard_closed()) << "while suspended";
}

TEST(XQueue, ACapHoldsAgainstALaterWish) {
  AtLevel rig(1);
  rig.slot.control.level_cap = 1;
  rig.xqueue->apply();
  EXPECT_EQ(rig.xqueue->set_level(2, EngineChoice::kGate), 1u);
}

TEST(XQueue, KeepsItsBoundsAfterAHoldOfItsOwn) {
  AtLevel rig(1);
  for (uint64_t i = 0; i < 5; ++i) rig.write(i);
  EXPECT_EQ(rig.hardware_write, 5u) << "no bound before";
  rig.hardware_read = 5;
  for (Packet& packet : rig.hardware) packet.header = kPacketInvalid;
  rig.xqueue->set_hold(true);
  rig.xqueue->set_hold(false);
  for (uint64_t i = 0; i < 5; ++i) rig.write(i);
  EXPECT_EQ(rig.hardware_write, 7u) << "window 2";
  rig.xqueue->set_window(4);
  rig.xqueue->gate().pump();
  EXPECT_EQ(rig.hardware_write, 9u);
}

// The first suspend at level 2 need not wait for a whole ring.
TEST(XQueue, Level2HasGuardsBeforeAnybodyCompetes) {
  AtLevel rig(2);
  Processor processor(rig);
  for (uint64_t i = 0; i < 40; ++i) rig.write(i);
  EXPECT_EQ(rig.hardware_write, 50u) << "a guard before every fourth kernel";
  for (int i = 0; i < 4; ++i) processor.step();  // three kernels and a guard
  rig.slot.control.run = 0;
  rig.xqueue->apply();
  while (processor.step()) {
  }
  EXPECT_EQ(processor.executed(), 7u) << "at most four more";
  rig.slot.control.run = 1;
  rig.xqueue->apply();
  while (processor.step()) {
  }
  EXPECT_EQ(processor.executed(), 40u);
}

TEST(XQueue, Level1HasNoGuards) {
  AtLevel rig(1);
  for (uint64_t i = 0; i < 40; ++i) rig.write(i);
  EXPECT_EQ(rig.hardware_write, 40u);
}

TEST(XQueue, ABoostEndsTheSchedulersSuspendOnly) {
  AtLevel rig(2);
  rig.slot.control.run = 0;
  rig.xqueue->apply();
  rig.write(1);
  rig.xqueue->set_boost(true);
  EXPECT_EQ(rig.slot.state.suspended, 0u);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.hardware_write, 1u);
  rig.xqueue->set_boost(false);
  EXPECT_EQ(rig.slot.state.suspended, 1u);
  EXPECT_TRUE(rig.guard_closed());
  rig.xqueue->set_hold(true);
  rig.xqueue->set_boost(true);
  EXPECT_EQ(rig.slot.state.suspended, 1u) << "a hold is stronger";
}

TEST(XQueue, ReleaseLetsEverythingPassAndObeysNobody) {
  AtLevel rig(2);
  rig.slot.control.run = 0;
  rig.xqueue->set_hold(true);
  rig.write(1);
  rig.xqueue->release();
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_GE(rig.hardware_write, 1u);
  EXPECT_FALSE(rig.xqueue->set_hold(true));
  rig.xqueue->apply();
  const uint64_t before = rig.hardware_write;
  rig.write(2);
  EXPECT_GT(rig.hardware_write, before);
}

TEST(XQueue, RetireDropsAndOpensTheGuard) {
  AtLevel rig(2);
  rig.xqueue->set_hold(true);
  rig.write(1);
  rig.write(2);
  EXPECT_EQ(rig.xqueue->retire(), 2u);
  EXPECT_FALSE(rig.guard_closed());
  EXPECT_EQ(rig.hardware_write, 0u);
}

struct Measured : AtLevel {
  Measured() : AtLevel(1) {
    slot.control.window = 2;
    for (uint64_t i = 0; i < 60; ++i) write(i);
  }
  // One packet ends, `ns` after the last look. True if the scheduler wants to hear of it.
  bool look(uint64_t ns = 1'000'000) {
    processor.step();
    xqueue->gate().pump();
    return xqueue->measure_work(now += ns);
  }
  Processor processor{*this};
  uint64_t now = 1'000'000'000;
};

TEST(XQueue, SaysHowLongItsPacketsTake) {
  Measured rig;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(rig.look()) << "nobody wants to hear of it";
  EXPECT_EQ(rig.slot.counters.work_ns, 1'000'000u);
  EXPECT_GT(rig.slot.counters.work_spread_ns, 0u);
  rig.slot.control.notify = kNotifyWork;
  EXPECT_TRUE(rig.look(5'000'000));
}

TEST(XQueue, TimeInWhichItMayHaveBeenHeldUpIsNotMeasured) {
  const std::function<void(Measured&)> between[] = {
      [](Measured& rig) { rig.slot.control.sequence.fetch_add(1); },
      [](Measured& rig) { rig.slot.counters.suspends.fetch_add(1); },
      [](Measured& rig) { rig.slot.control.window = rig.slot.control.window == 2 ? 3 : 2; },
  };
  for (const auto& happens : between) {
    Measured rig;
    for (int i = 0; i < 40; ++i) {
      if (i % 2 == 0) happens(rig);
      rig.look();
    }
    EXPECT_EQ(rig.slot.counters.work_ns, 0u) << &happens - between;
  }
  Measured boosted;
  boosted.slot.control.run = 0;
  boosted.xqueue->apply();
  boosted.xqueue->set_boost(true);
  for (int i = 0; i < 40; ++i) boosted.look();
  EXPECT_EQ(boosted.processor.executed(), 40u);
  EXPECT_EQ(boosted.slot.counters.work_ns, 0u) << "others run beside it";
}

// Application, agent and in-process API at once: the end is what was said last.
TEST(XQueue, ManyHands) {
  AtLevel rig(2);
  Processor processor(rig);
  constexpr uint64_t kPackets = 3000;
  std::atomic<bool> written{false};
  Loop hardware([&] { return processor.step(); });
  Loop dispatcher([&] {
    if (rig.xqueue->gate().wants() != Gate::kWantsNothing) rig.xqueue->gate().pump();
    return false;
  });
  Loop scheduler([&] {
    rig.slot.control.run.fetch_xor(1);
    rig.slot.control.sequence.fetch_add(1);
    rig.xqueue->apply();
    return false;
  });
  Loop tool([&, level = 1u]() mutable {
    rig.xqueue->set_hold(level == 1);
    rig.xqueue->set_level(level = 3 - level, EngineChoice::kGate);
    return false;
  });
  std::thread application([&] {
    for (uint64_t i = 0; i < kPackets; ++i) {
      const uint64_t index = rig.reserve();
      while (!rig.has_room(index)) std::this_thread::yield();
      rig.publish(index, 0, i);
      rig.xqueue->gate().pump();
    }
    written = true;
  });
  ASSERT_TRUE(eventually([&] { return written.load(); }));
  application.join();
  scheduler.stop();
  tool.stop();
  rig.slot.control.run = 1;
  rig.xqueue->set_hold(false);
  rig.xqueue->apply();
  ASSERT_TRUE(eventually([&] { return processor.executed() == kPackets; }));
  EXPECT_EQ(rig.slot.state.suspended, 0u);
  EXPECT_FALSE(rig.guard_closed());
  hardware.stop();
  for (uint64_t i = 0; i < kPackets; ++i) ASSERT_EQ(processor.log[i].number, i);
}

}  // namespace
}  // namespace xsched::test
