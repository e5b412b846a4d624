// SPDX-License-Identifier: Apache-2.0
//
// An XQueue at level 3 on engine kmod: who holds the hardware queue, this
// process or the scheduler, and that it runs whenever either of them goes.
#include <gtest/gtest.h>

#include "module_rig.h"
#include "runtime/base/clock.h"
#include "runtime/engine/kmod_engine.h"
#include "xqueue_rig.h"

namespace xsched::test {
namespace {

ModuleRig* g_rig = nullptr;
uint32_t g_next_id = 1000;

struct XQueueKmod : ::testing::Test, XQueueRig {
  XQueueKmod() { use(0); }
  ~XQueueKmod() override {
    xqueue->retire();
    forget_kfd_queue(g_next_id - 1);
    kmod_engine().forget_after_fork();
    xqueue.reset();  // before the module that it is in
  }
  void use(uint32_t rate) {
    if (xqueue != nullptr) {
      xqueue->retire();
      forget_kfd_queue(g_next_id - 1);
    }
    kmod_engine().forget_after_fork();
    module = std::make_unique<ModuleRig>(rate);
    g_rig = module.get();
    set_module_opener([](std::string& why) {
      ModuleFile file = g_rig->client();
      if (!file.check(false, why)) file.close();
      return file;
    });
    parts.kfd = ModuleRig::create_queue(g_next_id++);
    make();
    EXPECT_EQ(xqueue->set_level(3, EngineChoice::kAuto), 3u);
  }
  uint64_t handle() { return slot.identity.module_handle; }
  void say(uint32_t run, uint32_t carrier, uint32_t taken = 0) {
    slot.control.carrier = carrier;
    slot.control.taken = taken;
    slot.control.run = run;
    slot.control.sequence.fetch_add(1);
    xqueue->apply();
  }
  void scheduler(bool hold) {
    ModuleFile control = module->control();
    xsched_item item{};
    item.handle = handle();
    uint32_t retry = 0;
    EXPECT_EQ(hold ? control.suspend({&item, 1}, retry) : control.resume({&item, 1}), 0);
    EXPECT_EQ(item.status, 0);
  }
  bool applied() { return slot.state.applied == slot.control.sequence; }
  bool suspended() { return module->suspended(handle()); }
  EngineKind engine() { return static_cast<EngineKind>(slot.identity.engine.load()); }

  std::unique_ptr<ModuleRig> module;
};

TEST_F(XQueueKmod, PublishesItsHandle) {
  EXPECT_EQ(engine(), EngineKind::kKmod);
  EXPECT_NE(handle(), 0u);
  EXPECT_EQ(module->info(handle()).queue_id, kfd_queue_id(*parts.kfd));
  xqueue->set_level(2, EngineChoice::kAuto);
  EXPECT_EQ(handle(), 0u) << "below level 3 nobody may suspend the hardware queue";
}

TEST_F(XQueueKmod, SuspendsItselfWithoutAScheduler) {
  say(0, kCarrierSelf);
  EXPECT_TRUE(suspended());
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_TRUE(applied());
  say(1, kCarrierSelf);
  EXPECT_FALSE(suspended());
  EXPECT_EQ(slot.state.suspended, 0u);
}

// `kernels` in the hardware queue under a window, then suspended by the gate alone.
struct Patience : XQueueKmod {
  void suspend(uint32_t patience_us, uint32_t carrier = kCarrierSelf, uint64_t kernels = 2) {
    slot.control.window = 4;
    for (uint64_t i = 0; i < kernels; ++i) publish(reserve(), 0, i);
    xqueue->gate().pump();
    slot.control.patience_us = patience_us;
    say(0, carrier);
  }
  static constexpr uint32_t kLong = 3'600'000'000;
};

TEST_F(Patience, LeavesTheHardwareQueueAlone) {
  suspend(kLong);
  EXPECT_EQ(module->passes, 0);
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_TRUE(applied());
  EXPECT_EQ(slot.counters.patient, 1u);
  EXPECT_NE(xqueue->retry_at_ns(), 0u);
  publish(reserve(), 0, 9);
  xqueue->gate().pump();
  EXPECT_EQ(hardware_write, 2u) << "nothing enters";
  hardware_read = 2;
  say(1, kCarrierSelf);
  EXPECT_EQ(hardware_write, 3u);
  EXPECT_EQ(module->passes, 0);
  EXPECT_EQ(slot.counters.suspends, 1u);
  EXPECT_EQ(slot.counters.overdue, 0u);
  suspend(kLong);
  xqueue->set_level(3, EngineChoice::kAuto);
  EXPECT_EQ(module->passes, 0) << "nor for a level that is asked for again";
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_EQ(slot.counters.suspends, 2u);
  EXPECT_EQ(slot.counters.patient, 2u);
}

TEST_F(Patience, EndsWithWhatIsStillInside) {
  // The process sees to it, whoever takes hardware queues off otherwise.
  for (const uint32_t carrier : {kCarrierSelf, kCarrierScheduler}) {
    const uint64_t before = slot.counters.suspends;
    suspend(1, carrier);  // over as soon as somebody looks
    const uint64_t end = xqueue->retry_at_ns();
    while (end != 0 && now_ns() <= end) {
    }
    xqueue->apply();
    EXPECT_TRUE(suspended());
    EXPECT_EQ(slot.state.suspended, 1u);
    xqueue->apply();
    EXPECT_EQ(slot.counters.overdue, before + 1);
    EXPECT_EQ(slot.counters.suspends, before + 1) << "one suspend, carried out twice";
    EXPECT_EQ(xqueue->retry_at_ns(), 0u);
    say(1, carrier);
    EXPECT_FALSE(suspended());
  }
}

TEST_F(Patience, HasNoEndOnceNothingIsInside) {
  suspend(1, kCarrierSelf, 0);
  xqueue->apply();
  EXPECT_EQ(module->passes, 0);
  EXPECT_EQ(xqueue->retry_at_ns(), 0u);
}

TEST_F(Patience, ASchedulerThatLosesItIsLeftTheHardwareQueue) {
  suspend(kLong, kCarrierScheduler);
  EXPECT_EQ(slot.state.suspended, 1u);
  slot.control.patience_us = 0;
  say(0, kCarrierScheduler);
  EXPECT_EQ(module->passes, 0) << "the scheduler's to do";
  EXPECT_EQ(slot.state.suspended, 0u) << "and not done yet";
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  EXPECT_EQ(slot.state.suspended, 1u);
  scheduler(false);
  say(1, kCarrierScheduler);
  EXPECT_EQ(slot.state.suspended, 0u);
}

TEST_F(Patience, AHoldOfTheProcessKeepsItsLevel) {
  suspend(kLong);
  xqueue->set_hold(true);
  EXPECT_TRUE(suspended());
  say(1, kCarrierSelf);
  EXPECT_TRUE(suspended());
  xqueue->set_hold(false);
  EXPECT_FALSE(suspended());
}

TEST_F(XQueueKmod, LeavesTheHardwareToASchedulerThatCarries) {
  say(0, kCarrierScheduler);
  EXPECT_EQ(module->passes, 0);
  EXPECT_EQ(slot.state.suspended, 0u) << "it does not hold yet";
  EXPECT_FALSE(applied());
  publish(reserve(), 0, 1);
  xqueue->gate().pump();
  EXPECT_EQ(hardware_write, 0u) << "but nothing enters";
  scheduler(true);
  slot.control.taken_ns = 123;
  say(0, kCarrierScheduler, 1);
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_TRUE(applied());
  EXPECT_EQ(slot.counters.last_suspend_ns, 123u);
  EXPECT_EQ(slot.counters.suspends, 1u);
  scheduler(false);
  const uint64_t before = handle();
  say(1, kCarrierScheduler);
  EXPECT_FALSE(suspended());
  EXPECT_EQ(handle(), before) << "a scheduler that lets go by itself keeps its right";
  EXPECT_EQ(hardware_write, 1u);
}

TEST_F(XQueueKmod, TakesBackWhatADeadSchedulerLeft) {
  say(0, kCarrierScheduler);
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  const uint64_t before = handle();
  say(1, kCarrierSelf);  // the local scheduler's word
  EXPECT_FALSE(module->suspended(before));
  EXPECT_NE(handle(), before);
  EXPECT_FALSE(suspended());
  EXPECT_EQ(module->queues(), 1u);
}

TEST_F(XQueueKmod, GoesOnHoldingItselfWhenTheSchedulerStops) {
  say(0, kCarrierScheduler);
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  say(0, kCarrierSelf);
  EXPECT_EQ(module->info(handle()).holders, 2u) << "its own before the other ends";
  scheduler(false);
  EXPECT_TRUE(suspended());
  say(1, kCarrierSelf);
  EXPECT_FALSE(suspended());
}

TEST_F(XQueueKmod, AHoldOfItsOwnDoesNotEndWithTheSchedulers) {
  say(0, kCarrierScheduler);
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  xqueue->set_hold(true);
  scheduler(false);
  say(1, kCarrierScheduler);
  EXPECT_TRUE(suspended());
  EXPECT_EQ(slot.state.suspended, 1u);
  xqueue->set_hold(false);
  EXPECT_FALSE(suspended());
}

TEST_F(XQueueKmod, ABoostEndsTheSchedulersHold) {
  say(0, kCarrierScheduler);
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  const uint64_t before = handle();
  xqueue->set_boost(true);
  EXPECT_FALSE(module->suspended(before));
  EXPECT_EQ(handle(), 0u) << "nor may it suspend again meanwhile";
  xqueue->set_boost(false);
  EXPECT_TRUE(suspended());
  EXPECT_EQ(slot.state.suspended, 1u);
}

TEST_F(XQueueKmod, ExitLeavesNothingThatCouldBeSuspended) {
  say(0, kCarrierScheduler);
  scheduler(true);
  say(0, kCarrierScheduler, 1);
  xqueue->release();
  EXPECT_EQ(module->queues(), 0u);
  EXPECT_EQ(handle(), 0u);
}

TEST_F(XQueueKmod, DestroyLeavesNothingThatCouldBeSuspended) {
  say(0, kCarrierSelf);
  xqueue->retire();
  EXPECT_EQ(module->queues(), 0u);
}

TEST_F(XQueueKmod, ARefusedRateIsTriedAgain) {
  use(1);
  say(0, kCarrierSelf);
  say(1, kCarrierSelf);
  say(0, kCarrierSelf);
  EXPECT_EQ(slot.state.suspended, 0u);
  EXPECT_FALSE(applied());
  EXPECT_NE(xqueue->retry_at_ns(), 0u);
  EXPECT_EQ(slot.state.refused, 1u);
  module->advance_ms(1100);
  xqueue->apply();
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_TRUE(applied());
  EXPECT_EQ(xqueue->retry_at_ns(), 0u);
}

TEST_F(XQueueKmod, AnEngineThatFailsGivesWayToTheNext) {
  module->fail = -EIO;
  say(0, kCarrierSelf);
  // kfd fails here too (no such descriptor): the guards are left.
  EXPECT_EQ(engine(), EngineKind::kGate);
  EXPECT_EQ(slot.identity.level_actual, 2u);
  EXPECT_EQ(slot.state.suspended, 1u);
  EXPECT_NE(value_of(handle_of(guard)).load(), 0);
  EXPECT_EQ(module->queues(), 0u);
  EXPECT_NE(xqueue->kmod_why().find("suspend failed"), std::string::npos) << xqueue->kmod_why();
  say(1, kCarrierSelf);
  EXPECT_EQ(value_of(handle_of(guard)).load(), 0);
}

}  // namespace
}  // namespace xsched::test
