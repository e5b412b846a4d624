// SPDX-License-Identifier: Apache-2.0
//
// What holds for every policy on any sequence of snapshots.
#include <gtest/gtest.h>

#include <random>

#include "../count_allocations.h"
#include "runtime/policy/policy.h"

namespace xsched {
namespace {

class EveryPolicy : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Policy> make() const {
    std::string error;
    return make_policy(GetParam(), error);
  }
  bool is(std::string_view name) const { return GetParam() == name; }
};

// XQueues that come, go, get ready and use time, at random.
class Crowd {
 public:
  Crowd(uint32_t seed, size_t most) : random_(seed), most_(most) {}

  void step() {
    now_ += 1 + random_() % 3'000'000;
    if (random_() % 4 == 0) {
      while (in_.size() > most_ || (!in_.empty() && random_() % 4 == 0)) {
        in_.erase(in_.begin() + static_cast<long>(random_() % in_.size()));
      }
      for (size_t n = random_() % 4; n > 0 && in_.size() < most_; --n) in_.push_back(born());
    }
    for (PolicyInput& x : in_) {
      if (random_() % 3 == 0) {
        if (!x.ready) x.ready_since_ns = now_;
        x.ready = !x.ready;
      }
      if (random_() % 3 == 0) x.run_ns += random_() % 2'000'000;
    }
  }

  PolicyInput born() {
    PolicyInput x;
    x.gpu_id = random_() % 3;
    x.priority = static_cast<int32_t>(random_() % 9) - 4;
    x.level = 1 + random_() % 3;
    x.window = random_() % 5;
    x.active = random_() % 3 == 0;
    x.share = static_cast<int16_t>(random_() % 8 == 0 ? 0 : random_() % 101);
    x.cpu_priority = static_cast<int16_t>(random_() % 40);
    x.lax_priority = static_cast<int16_t>(random_() % 3);
    x.critical_priority = static_cast<int16_t>(random_() % 6);
    x.process = random_() % 6;
    x.deadline_ns = static_cast<int64_t>(random_() % 10'000'000) - 1'000'000;
    x.laxity_ns = static_cast<int64_t>(random_() % 10'000'000) - 1'000'000;
    return x;
  }

  std::vector<PolicyInput>& in() { return in_; }
  PolicyContext context() const { return {now_, 0, 2}; }

 private:
  std::mt19937 random_;
  size_t most_;
  uint64_t now_ = 1'000'000'000;
  std::vector<PolicyInput> in_;
};

TEST_P(EveryPolicy, AnswersTheSameWhenAskedAgain) {
  Crowd crowd(1, 30);
  const std::unique_ptr<Policy> policy = make();
  for (int step = 0; step < 3000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    std::vector<PolicyDecision> out(in.size()), again(in.size());
    const uint64_t next = policy->decide(crowd.context(), in, out);
    ASSERT_EQ(next, make()->decide(crowd.context(), in, again));
    ASSERT_GT(next, crowd.context().now_ns);
    for (size_t i = 0; i < in.size(); ++i) {
      ASSERT_EQ(out[i].run, again[i].run);
      ASSERT_EQ(out[i].window, again[i].window);
      ASSERT_EQ(out[i].guard, again[i].guard);
      ASSERT_EQ(out[i].notify, again[i].notify);
      ASSERT_EQ(out[i].memory, again[i].memory);
      in[i].memory = out[i].memory;
    }
  }
}

// A decision repeated at the same time with nothing used changes nothing: an
// arbiter may decide as often as it likes.
TEST_P(EveryPolicy, DecidingAgainAtOnceChangesNobody) {
  Crowd crowd(2, 20);
  const std::unique_ptr<Policy> policy = make();
  for (int step = 0; step < 3000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    std::vector<PolicyDecision> out(in.size()), again(in.size());
    policy->decide(crowd.context(), in, out);
    for (size_t i = 0; i < in.size(); ++i) in[i].memory = out[i].memory;
    policy->decide(crowd.context(), in, again);
    for (size_t i = 0; i < in.size(); ++i) ASSERT_EQ(out[i].run, again[i].run) << step;
  }
}

TEST_P(EveryPolicy, AReadyXQueueRunsOnEveryGpuThatHasOne) {
  if (is("SPUP")) GTEST_SKIP() << "skip: SPUP leaves a GPU idle by definition";
  const bool whole_machine = is("HHPF") || is("AWF");
  Crowd crowd(3, 20);
  const std::unique_ptr<Policy> policy = make();
  for (int step = 0; step < 3000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    std::vector<PolicyDecision> out(in.size());
    policy->decide(crowd.context(), in, out);
    for (uint32_t gpu = 0; gpu < 3; ++gpu) {
      bool any_ready = false, any_runs = false;
      for (size_t i = 0; i < in.size(); ++i) {
        if (!whole_machine && in[i].gpu_id != gpu) continue;
        any_ready |= in[i].ready;
        any_runs |= in[i].ready && out[i].run;
      }
      ASSERT_EQ(any_ready, any_runs) << "step " << step << " GPU " << gpu;
    }
    for (size_t i = 0; i < in.size(); ++i) in[i].memory = out[i].memory;
  }
}

// A suspend that was not prepared for would come late.
TEST_P(EveryPolicy, OnlyThePreparedAreEverSuspended) {
  Crowd crowd(4, 12);
  const std::unique_ptr<Policy> policy = make();
  for (int step = 0; step < 3000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    std::vector<PolicyDecision> out(in.size());
    policy->decide(crowd.context(), in, out);
    for (size_t i = 0; i < in.size(); ++i) {
      in[i].memory = out[i].memory;
      if (out[i].run) continue;
      ASSERT_TRUE(in[i].level != 1 || out[i].window == in[i].window);
      ASSERT_TRUE(in[i].level != 2 || out[i].guard == 1);
    }
  }
}

TEST_P(EveryPolicy, AloneRunsOpenAndSilent) {
  if (is("SPUP")) GTEST_SKIP() << "skip: SPUP limits one that is alone by definition";
  PolicyInput x{.priority = -9, .ready = true, .level = 1, .window = 4, .laxity_ns = 5};
  std::vector<PolicyDecision> out(1);
  EXPECT_TRUE(is("LAX") || make()->decide({.now_ns = 100}, {&x, 1}, out) == kNever);
  make()->decide({.now_ns = 100}, {&x, 1}, out);
  EXPECT_TRUE(out[0].run);
  EXPECT_EQ(out[0].window, 0u);
  EXPECT_EQ(out[0].notify, 0u);
}

TEST_P(EveryPolicy, AllocatesNothingForASizeItHasSeen) {
#ifndef XSCHED_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "skip: allocations are the sanitizer's here";
#endif
  const std::unique_ptr<Policy> policy = make();
  Crowd crowd(5, 40);
  std::vector<PolicyDecision> out(40);
  std::vector<PolicyInput> first(40);
  policy->decide(crowd.context(), first, out);
  uint64_t allocated = 0;
  for (int step = 0; step < 2000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    const uint64_t before = g_allocations.load();
    policy->decide(crowd.context(), in, std::span(out).first(in.size()));
    allocated += g_allocations.load() - before;
    for (size_t i = 0; i < in.size(); ++i) in[i].memory = out[i].memory;
  }
  EXPECT_EQ(allocated, 0u);
}

// Bounds on what a caller's mistakes can do: nothing but a bad decision.
TEST_P(EveryPolicy, ClockAndCountersThatStepBackHarmNothing) {
  const std::unique_ptr<Policy> policy = make();
  Crowd crowd(6, 10);
  std::mt19937 random(6);
  for (int step = 0; step < 2000; ++step) {
    crowd.step();
    std::vector<PolicyInput>& in = crowd.in();
    PolicyContext context = crowd.context();
    if (random() % 5 == 0) context.now_ns -= random() % 900'000'000;
    for (PolicyInput& x : in) {
      if (random() % 5 == 0) x.run_ns /= 2;
      x.share = static_cast<int16_t>(random());
    }
    std::vector<PolicyDecision> out(in.size());
    ASSERT_GT(policy->decide(context, in, out), context.now_ns);
    for (size_t i = 0; i < in.size(); ++i) in[i].memory = out[i].memory;
  }
}

INSTANTIATE_TEST_SUITE_P(Names, EveryPolicy,
                         ::testing::Values("HPF", "HHPF", "CHPF", "UP", "PUP", "SPUP", "KEDF",
                                           "LAX", "AWF", "CFS", "MLFQ"),
                         [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace xsched
