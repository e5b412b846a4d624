// SPDX-License-Identifier: Apache-2.0
//
// What the arbiter tells policies beyond the slots: time, GPU time used,
// processes, memory. Seen through policies that need it.
#include <gtest/gtest.h>

#include "fake_xqueues.h"
#include "runtime/sched/arbiter.h"

namespace xsched {
namespace {

using test::FakeXQueues;

constexpr uint64_t kMs = 1'000'000;

class PolicyBooksTest : public ::testing::Test {
 protected:
  void use(const char* policy) {
    arbiter_ = std::make_unique<Arbiter>(make_policy(policy, error_));
    arbiter_->add(view_);
    arbiter_->add(other_);
  }
  void at(double ms) {
    const uint64_t now = 1000 * kMs + static_cast<uint64_t>(ms * kMs);
    for (TableView* view : {&view_, &other_}) view->scan(now);
    arbiter_->decide(now);
    for (TableView* view : {&view_, &other_}) {
      if (view->changed()) view->publish();
    }
  }
  double again_ms() const {
    return (static_cast<double>(arbiter_->decide_again_ns()) - 1000.0 * kMs) / kMs;
  }
  static bool runs(FakeXQueues& x, uint32_t i) { return x.slot(i).control.run.load() != 0; }
  static uint32_t ready(FakeXQueues& x, int32_t priority = 0) {
    const uint32_t i = x.add(priority);
    x.slot(i).state.ready.store(1);
    return i;
  }

  std::string error_;
  FakeXQueues a_, b_;
  TableView view_{a_.table()}, other_{b_.table()};
  std::unique_ptr<Arbiter> arbiter_;
};

TEST_F(PolicyBooksTest, TurnsAreTakenInTime) {
  use("UP");
  const uint32_t one = ready(a_), two = ready(b_);
  at(0);
  EXPECT_TRUE(runs(a_, one));
  EXPECT_FALSE(runs(b_, two));
  EXPECT_EQ(again_ms(), 2.5);
  at(2.5);
  EXPECT_FALSE(runs(a_, one));
  EXPECT_TRUE(runs(b_, two));
  EXPECT_EQ(again_ms(), 5);
}

TEST_F(PolicyBooksTest, ALateSuspendIsPaidBack) {
  use("UP");
  const uint32_t one = ready(a_);
  ready(b_);
  at(0);
  at(2.5);
  a_.slot(one).counters.last_suspend_ns.store(kMs);
  a_.slot(one).counters.suspends.store(1);
  at(5);
  EXPECT_TRUE(runs(a_, one));
  EXPECT_EQ(again_ms(), 6.5);
}

TEST_F(PolicyBooksTest, NoMoreLatenessIsBelievedThanHasPassed) {
  use("UP");
  const uint32_t one = ready(a_);
  ready(b_);
  at(0);
  at(2.5);
  a_.slot(one).counters.last_suspend_ns.store(~0ull);
  a_.slot(one).counters.suspends.store(1);
  at(4);
  at(5);
  EXPECT_TRUE(runs(a_, one));
  EXPECT_EQ(again_ms(), 6);
}

TEST_F(PolicyBooksTest, XQueuesOfAProcessTakeTheirTurnTogether) {
  use("PUP");
  const uint32_t one = ready(a_), two = ready(a_), other = ready(b_);
  at(0);
  EXPECT_TRUE(runs(a_, one));
  EXPECT_TRUE(runs(a_, two));
  EXPECT_FALSE(runs(b_, other));
  EXPECT_EQ(again_ms(), 5);
  at(5);
  EXPECT_FALSE(runs(a_, two));
  EXPECT_TRUE(runs(b_, other));
}

TEST_F(PolicyBooksTest, AClaimedPidMakesNobodyPartOfAnotherProcess) {
  use("PUP");
  ready(a_);
  const uint32_t other = ready(b_);
  b_.table().pid.store(a_.table().pid.load());
  at(0);
  EXPECT_FALSE(runs(b_, other));
}

TEST_F(PolicyBooksTest, OneThatVanishedIsChargedNoLonger) {
  use("UP");
  const uint32_t one = ready(a_), two = ready(b_), three = ready(b_);
  at(0);
  ASSERT_TRUE(runs(a_, one));
  a_.slot(one).identity.state.store(IdentityLine::kFree);
  at(1);
  ASSERT_TRUE(runs(b_, two));
  at(3.5);  // its slice, now half of a round, is used up by it alone
  EXPECT_FALSE(runs(b_, two));
  EXPECT_TRUE(runs(b_, three));
}

TEST_F(PolicyBooksTest, ANewPolicyKnowsNothingOfTheOldOnesMemory) {
  use("UP");
  ready(a_);
  ready(b_);
  at(0);
  arbiter_->set_policy(make_policy("CFS", error_));
  for (TableView* view : {&view_, &other_}) {
    for (const XQueueEntry& entry : view->entries()) EXPECT_EQ(entry.books.memory, PolicyMemory{});
  }
  at(1);
  EXPECT_EQ(again_ms(), 2);
}

}  // namespace
}  // namespace xsched
