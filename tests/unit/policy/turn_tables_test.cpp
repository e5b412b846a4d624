// SPDX-License-Identifier: Apache-2.0
//
// Policies that take turns, as tables: what happens at given times, with given
// GPU time used. The caller's part (memory, time) is played by hand.
#include <gtest/gtest.h>

#include "runtime/policy/policy.h"
#include "runtime/xqueue/slot.h"

namespace xsched {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kStart = 1000 * kMs;

// One GPU whose XQueues run exactly while they are told to, at no cost.
class Table {
 public:
  Table(const char* policy, std::vector<PolicyInput> in)
      : in_(std::move(in)), out_(in_.size()), was_ready_(in_.size()) {
    std::string error;
    policy_ = make_policy(policy, error);
    for (PolicyInput& x : in_) x.level = 3;
  }

  // Who runs now, as indices; charges the time since the last call.
  std::vector<size_t> at(double ms) {
    const uint64_t now = kStart + static_cast<uint64_t>(ms * kMs);
    for (size_t i = 0; i < in_.size(); ++i) {
      if (was_ready_[i] && out_[i].run) in_[i].run_ns += now - last_;
      was_ready_[i] = in_[i].ready;
    }
    last_ = now;
    PolicyContext context;
    context.now_ns = now;
    next_ = policy_->decide(context, in_, out_);
    std::vector<size_t> running;
    for (size_t i = 0; i < in_.size(); ++i) {
      in_[i].memory = out_[i].memory;
      if (out_[i].run) running.push_back(i);
    }
    return running;
  }

  double next_ms() const { return static_cast<double>(next_ - kStart) / kMs; }
  bool never() const { return next_ == kNever; }
  PolicyInput& operator[](size_t i) { return in_[i]; }
  const PolicyDecision& decision(size_t i) const { return out_[i]; }

 private:
  std::unique_ptr<Policy> policy_;
  std::vector<PolicyInput> in_;
  std::vector<PolicyDecision> out_;
  std::vector<bool> was_ready_;
  uint64_t last_ = 0;
  uint64_t next_ = 0;
};

using Who = std::vector<size_t>;

PolicyInput ready(int16_t share = 100, uint64_t process = 0, bool is_ready = true) {
  return {.ready = is_ready, .share = share, .process = process};
}

TEST(Up, SlicesOfFiveMillisecondsInProportion) {
  Table t("UP", {ready(60), ready(40)});
  EXPECT_EQ(t.at(0), Who{0});
  EXPECT_EQ(t.next_ms(), 3);
  EXPECT_EQ(t.at(3), Who{1});
  EXPECT_EQ(t.next_ms(), 5);
  EXPECT_EQ(t.at(5), Who{0});
}

TEST(Up, OverrunIsTakenOffTheNextTurn) {
  Table t("UP", {ready(50), ready(50)});
  t.at(0);
  EXPECT_EQ(t.at(3.5), Who{1});  // a millisecond late
  EXPECT_EQ(t.at(6), Who{0});
  EXPECT_EQ(t.next_ms(), 7.5);
}

TEST(Up, DebtorOfMoreThanASliceIsPassedOver) {
  Table t("UP", {ready(50), ready(50), ready(50)});
  t.at(0);
  EXPECT_EQ(t.at(6), Who{1});
  EXPECT_EQ(t.at(8), Who{2});
  EXPECT_EQ(t.at(10), Who{1});  // the first has 2.6 ms to pay yet
}

TEST(Up, WhatIsLeftOfATurnIsLost) {
  Table t("UP", {ready(50), ready(50)});
  t.at(0);
  t[0].ready = false;
  EXPECT_EQ(t.at(1), Who{1});
  EXPECT_TRUE(t.never());  // nobody waits
  t[0].ready = true;
  EXPECT_EQ(t.at(2), Who{1});
  EXPECT_EQ(t.next_ms(), 3.5);
  t.at(3.5);
  EXPECT_EQ(t.next_ms(), 6);
}

TEST(Up, WithNobodyReadyAllAreOpen) {
  Table t("UP", {ready(50, 0, false), ready(50, 0, false)});
  EXPECT_EQ(t.at(0), (Who{0, 1}));
  EXPECT_TRUE(t.never());
  EXPECT_EQ(t.decision(0).notify, kNotifyReady | kNotifyIdle);
}

TEST(Up, SmallSharesStretchTheRound) {
  Table t("UP", {ready(99), ready(1)});
  t.at(0);
  EXPECT_NEAR(t.next_ms(), 9.9, 1e-9);
  EXPECT_EQ(t.at(9.9), Who{1});
  EXPECT_NEAR(t.next_ms(), 10, 1e-9);
}

TEST(Up, GpusAreScheduledIndependently) {
  Table t("UP", {ready(50), ready(50), ready(50)});
  t[1].gpu_id = 5;
  EXPECT_EQ(t.at(0), (Who{0, 1}));
  EXPECT_EQ(t.decision(1).notify, 0u);
}

TEST(Up, WithoutTimeEverybodyRuns) {
  for (const char* name : {"UP", "PUP", "SPUP", "CFS", "MLFQ"}) {
    std::string error;
    const std::unique_ptr<Policy> policy = make_policy(name, error);
    const std::vector<PolicyInput> in(3, ready());
    std::vector<PolicyDecision> out(3);
    policy->decide(in, out);
    for (const PolicyDecision& d : out) EXPECT_TRUE(d.run) << name;
  }
}

TEST(Pup, AProcessTakesItsTurnWithAllItsXQueues) {
  Table t("PUP", {ready(50, 1), ready(50, 2), ready(50, 1)});
  EXPECT_EQ(t.at(0), (Who{0, 2}));
  EXPECT_EQ(t.next_ms(), 5);
}

TEST(Pup, AveragesATimesliceAProcess) {
  Table t("PUP", {ready(75, 1), ready(25, 2)});
  t.at(0);
  EXPECT_EQ(t.next_ms(), 7.5);
  EXPECT_EQ(t.at(7.5), Who{1});
  EXPECT_EQ(t.next_ms(), 10);
}

TEST(Pup, WhatIsLeftOfATurnIsSaved) {
  Table t("PUP", {ready(50, 1), ready(50, 2)});
  t.at(0);
  t[0].ready = false;
  EXPECT_EQ(t.at(2), Who{1});
  t[0].ready = true;
  t.at(3);
  EXPECT_EQ(t.at(7), Who{0});
  EXPECT_EQ(t.next_ms(), 7 + 3 + 5);
}

TEST(Pup, SavingsDecay) {
  Table t("PUP", {ready(50, 1), ready(50, 2), ready(50, 3, false)});
  double now = 0;
  for (int turn = 0; turn < 200; ++turn) {
    t.at(now);
    now = t.next_ms();
  }
  t[2].ready = true;
  while (t.at(now) != Who{2}) now = t.next_ms();
  EXPECT_LE(t.next_ms() - now, 11 * 5.0);
  EXPECT_GT(t.next_ms() - now, 9 * 5.0);
}

TEST(Pup, ANewXQueueJoinsItsProcess) {
  Table t("PUP", {ready(50, 1), ready(50, 2), ready(50, 1, false)});
  t.at(0);
  t.at(5);
  t[2].memory = {};  // as if it were new
  t[2].ready = true;
  EXPECT_EQ(t.at(6), Who{1});
  EXPECT_EQ(t.at(10), (Who{0, 2}));
}

TEST(Spup, RestsWhenTheShareIsUsed) {
  Table t("SPUP", {ready(20, 1)});
  EXPECT_EQ(t.at(0), Who{0});  // a slice of 1 ms in a period of 5
  EXPECT_EQ(t.next_ms(), 1);
  EXPECT_EQ(t.at(1), Who{});
  EXPECT_NEAR(t.next_ms(), 5, 0.01);
  EXPECT_EQ(t.at(5.01), Who{0});
}

TEST(Spup, SharesBeyondAllAreScaledDown) {
  Table t("SPUP", {ready(100, 1), ready(100, 2)});
  EXPECT_EQ(t.at(0), Who{0});
  EXPECT_EQ(t.next_ms(), 5);
  EXPECT_EQ(t.at(5), Who{1});
  EXPECT_EQ(t.at(10), Who{0});
}

TEST(Cfs, LeastVirtualTimeRunsForAMillisecond) {
  Table t("CFS", {ready(), ready(), ready()});
  EXPECT_EQ(t.at(0), Who{0});
  EXPECT_EQ(t.next_ms(), 1);
  EXPECT_EQ(t.at(1), Who{1});
  EXPECT_EQ(t.at(2), Who{2});
  EXPECT_EQ(t.at(3), Who{0});
}

TEST(Cfs, ASliceIsPlayedOut) {
  Table t("CFS", {ready(), ready()});
  t.at(0);
  EXPECT_EQ(t.at(0.5), Who{0});
  EXPECT_EQ(t.next_ms(), 1);
}

TEST(Cfs, APriorityStepIsAFifthMore) {
  Table t("CFS", {ready(), ready()});
  t[0].priority = 1;
  double ran = 0, now = 0;
  for (int i = 0; i < 2200; ++i, now = t.next_ms()) {
    if (t.at(now) == Who{0}) ran += 1;
  }
  EXPECT_NEAR(ran / 2200, 1.2 / 2.2, 0.002);
}

TEST(Cfs, SleepingSavesUpNothing) {
  Table t("CFS", {ready(), ready(100, 0, false)});
  t.at(0);
  t.at(5000);
  t[1].ready = true;
  double now = 5000, ran = 0;
  for (int i = 0; i < 20; ++i, now = t.next_ms()) {
    if (t.at(now) == Who{1}) ran += 1;
  }
  EXPECT_NEAR(ran, 10, 1);
}

TEST(Mlfq, NewOnesStartAboveThoseThatRanLong) {
  Table t("MLFQ", {ready(), ready(100, 0, false)});
  t.at(0);
  EXPECT_TRUE(t.never());
  t.at(11);
  t[1].ready = true;
  EXPECT_EQ(t.at(12), Who{1});
  EXPECT_EQ(t.next_ms(), 22);   // its allotment
  EXPECT_EQ(t.at(22), Who{0});  // first in the second level
}

TEST(Mlfq, TurnsInALevel) {
  Table t("MLFQ", {ready(), ready(), ready()});
  EXPECT_EQ(t.at(0), Who{0});
  EXPECT_EQ(t.at(10), Who{1});
  EXPECT_EQ(t.at(20), Who{2});
  EXPECT_EQ(t.at(30), Who{0});
  EXPECT_EQ(t.next_ms(), 50);
}

TEST(Mlfq, AllotmentIsNotRenewedByResting) {
  Table t("MLFQ", {ready(), ready(100, 0, false)});
  t.at(0);
  t[0].ready = false;
  t.at(9);
  t[0].ready = t[1].ready = true;
  t.at(20);
  EXPECT_EQ(t.next_ms(), 21);
  EXPECT_EQ(t.at(21), Who{1});
}

}  // namespace
}  // namespace xsched
