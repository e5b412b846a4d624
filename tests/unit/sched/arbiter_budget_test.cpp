// SPDX-License-Identifier: Apache-2.0
//
// Latency budgets through the arbiter: where budget, durations and what is in
// flight come from, and what is published.
#include "two_processes.h"

namespace xsched {
namespace {

using test::FakeXQueues;

constexpr uint64_t kUs = 1000;

class ArbiterBudget : public test::TwoProcesses {
 protected:
  ArbiterBudget() : TwoProcesses("HPF") {
    scope_ = Arbiter::Scope::kTouched;
    low_ = add(a_, 0, 3);
    high_ = add(b_, 10, 3);
  }
  static uint32_t add(FakeXQueues& x, int32_t priority, uint32_t level) {
    const uint32_t i = x.add(priority, level);
    x.slot(i).identity.ring_packets.store(1024);
    x.slot(i).state.inside.store(kInsideUnknown);
    return i;
  }
  void budget(uint32_t us) { b_.table().latency_budget_us.store(us); }
  void measured(uint64_t us) { low().counters.work_ns.store(us * kUs); }
  void urgent(bool ready) {
    b_.slot(high_).state.ready.store(ready ? 1 : 0);
    cycle();
    if (!ready) cycle();  // the linger
  }
  Slot& low() { return a_.slot(low_); }
  const ControlLine& said() { return low().control; }

  uint32_t low_ = 0, high_ = 0;
};

TEST_F(ArbiterBudget, TheWindowFollowsTheDurations) {
  cycle();
  EXPECT_EQ(said().window, 0u) << "nobody has a budget";
  budget(1000);
  cycle();
  EXPECT_EQ(said().window, 4u) << "XSCHED_WINDOW, until durations are known";
  EXPECT_EQ(said().notify & kNotifyWork, kNotifyWork);
  measured(100);
  cycle();
  EXPECT_EQ(said().window, 10u);
  low().counters.work_spread_ns.store(25 * kUs);
  cycle();
  EXPECT_EQ(said().window, 5u);
  budget(0);
  cycle();
  EXPECT_EQ(said().window, 0u);
  EXPECT_EQ(said().notify & kNotifyWork, 0u);
}

TEST_F(ArbiterBudget, AClosedGateIsEnoughIfAllInsideEndsInTime) {
  budget(1000);
  measured(100);
  cycle();
  low().state.inside.store(10);
  urgent(true);
  EXPECT_EQ(said().run, 0u);
  EXPECT_EQ(said().patience_us, 1000u);
  urgent(false);
  EXPECT_EQ(said().run, 1u);
  EXPECT_EQ(said().patience_us, 0u);
}

// Competition begins while the open window's packets are in flight.
TEST_F(ArbiterBudget, MoreInFlightThanFitsIsTakenOff) {
  measured(100);
  low().state.inside.store(1);  // counted when there last was a window
  cycle();
  budget(1000);
  ready(b_, high_);
  cycle();
  EXPECT_EQ(said().run, 0u);
  EXPECT_EQ(said().patience_us, 0u) << "nobody counted under the open window";
  urgent(false);
  low().state.inside.store(64);
  urgent(true);
  EXPECT_EQ(said().patience_us, 0u) << "still inside from before";
  low().state.inside.store(0);
  measured(90);
  cycle();
  EXPECT_EQ(said().window, 11u);
  EXPECT_EQ(said().patience_us, 0u) << "what was taken off stays so";
  measured(100);
  urgent(false);
  low().state.inside.store(10);
  urgent(true);
  EXPECT_EQ(said().patience_us, 1000u);
}

TEST_F(ArbiterBudget, WhatMayStillEnterCountsAsInside) {
  budget(1000);
  measured(20);  // window 50
  cycle();
  low().state.inside.store(5);
  measured(100);  // as if seen at the same moment: 10 fit, 50 may be inside
  urgent(true);
  EXPECT_EQ(said().window, 10u);
  EXPECT_EQ(said().patience_us, 0u);
}

TEST_F(ArbiterBudget, ATighterBudgetEndsThePatienceOfOneThatIsSuspended) {
  budget(1000);
  measured(100);
  cycle();
  low().state.inside.store(10);
  urgent(true);
  EXPECT_EQ(said().patience_us, 1000u);
  budget(300);
  cycle();
  EXPECT_EQ(said().run, 0u);
  EXPECT_EQ(said().patience_us, 0u);
}

TEST_F(ArbiterBudget, OnePacketLongerThanTheBudgetIsTakenOff) {
  budget(1000);
  measured(5000);
  cycle();
  low().state.inside.store(1);
  EXPECT_EQ(said().window, 4u);
  urgent(true);
  EXPECT_EQ(said().patience_us, 0u);
}

TEST_F(ArbiterBudget, AnEmptyQueueIsLeftThereHoweverLongItsPackets) {
  budget(1000);
  measured(5000);
  low().state.inside.store(0);
  cycle();
  urgent(true);
  EXPECT_EQ(said().run, 0u);
  EXPECT_EQ(said().patience_us, 1000u);
}

// Its kernels would have to end first, once let in.
TEST_F(ArbiterBudget, LingersAsBeforeALowerLevelWhileTheGateAloneSuspends) {
  budget(1000);
  measured(100);
  low().state.inside.store(10);
  cycle();
  urgent(true);
  ASSERT_EQ(said().patience_us, 1000u);
  idle(b_, high_);
  cycle();
  EXPECT_EQ(arbiter_.decide_again_ns(), now_ + kLingerNs);
}

TEST_F(ArbiterBudget, ARefusedSuspendLeavesAWindowOfOneForAWhile) {
  budget(1000);
  measured(5000);
  cycle();
  EXPECT_EQ(said().window, 4u);
  low().state.refused.store(1);
  cycle();
  EXPECT_EQ(said().window, 1u);
  const uint64_t end = now_ + kSaveRefusedNs;
  cycle();
  EXPECT_EQ(arbiter_.decide_again_ns(), end);
  cycle(end - 1 - now_);
  EXPECT_EQ(said().window, 1u);
  cycle(1);
  EXPECT_EQ(said().window, 4u);
}

TEST_F(ArbiterBudget, TheRuleGoesBeforeTheProcess) {
  budget(1000);
  measured(100);
  ProcessTerms terms;
  terms.deadline_ns = 500 * kUs;
  other_.set_terms(terms);
  cycle();
  EXPECT_EQ(said().window, 5u);
}

TEST_F(ArbiterBudget, NobodyIsBoundedForOneThatIsHeld) {
  budget(1000);
  measured(100);
  b_.slot(high_).state.held.store(1);
  cycle();
  EXPECT_EQ(said().window, 0u);
  b_.slot(high_).state.held.store(0);
  cycle();
  EXPECT_EQ(said().window, 10u);
}

TEST_F(ArbiterBudget, AnOperatorsHoldTakesItOff) {
  budget(1000);
  measured(100);
  cycle();
  low().state.inside.store(3);
  view_.entries()[low_].held = true;
  urgent(true);
  EXPECT_EQ(said().run, 0u);
  EXPECT_EQ(said().patience_us, 0u);
}

TEST_F(ArbiterBudget, HostileValuesAreBounded) {
  constexpr uint64_t kMost = ~uint64_t{0};
  constexpr uint32_t kMost32 = ~0u;
  struct Row {
    uint64_t work_ns, spread_ns;
    uint32_t ring, window, inside, budget_us;
  };
  for (const Row& row : {
           Row{kMost, kMost, kMost32, kMost32, kMost32 - 1, kMost32}, Row{1, 1, 1, 1, 0, 1},
           Row{4, kMost, 1024, 4, 1, 1000},      // work + 4 * spread wraps to 0,
           Row{kMost - 3, 1, 1024, 4, 1, 1000},  // and here
           Row{1, 0, kMost32, 4, 1, kMost32},    // more fits than a ring holds
           Row{0, 0, kMost32, 0, 1, 1000},       // not even one in the window
       }) {
    low().counters.work_ns.store(row.work_ns);
    low().counters.work_spread_ns.store(row.spread_ns);
    low().identity.ring_packets.store(row.ring);
    low().identity.window_wanted.store(row.window);
    low().state.inside.store(row.inside);
    budget(row.budget_us);
    ready(b_, high_);
    cycle();
    EXPECT_GE(said().window, 1u);
    EXPECT_LE(said().window, 1u << 20);
    idle(b_, high_);
    cycle();
  }
}

}  // namespace
}  // namespace xsched
