// SPDX-License-Identifier: Apache-2.0
//
// What a program said of its XQueues reaches the policy: checked, behind the
// administrator's word, and with the effect that the policy promises.
#include <cstdint>
#include <limits>

#include "runtime/xqueue/hints.h"
#include "two_processes.h"

namespace xsched {
namespace {

using test::FakeXQueues;

// Keeps what it was asked.
class Spy final : public Policy {
 public:
  explicit Spy(std::vector<PolicyInput>& seen, bool by_process = false)
      : seen_(seen), by_process_(by_process) {}
  std::string_view name() const override { return "SPY"; }
  bool shares_by_process() const override { return by_process_; }
  uint64_t decide(const PolicyContext&, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) override {
    seen_.assign(in.begin(), in.end());
    for (PolicyDecision& d : out) d = {};
    return kNever;
  }

 private:
  std::vector<PolicyInput>& seen_;
  const bool by_process_;
};

class HintsTest : public test::TwoProcesses {
 protected:
  HintsTest() : TwoProcesses(std::make_unique<Spy>(seen_)) {}
  void use(const char* policy) { arbiter_.set_policy(made(policy)); }

  std::vector<PolicyInput> seen_;  // the spy holds a reference, and looks only in cycle()
};

TEST_F(HintsTest, ReachThePolicyAndAreAChange) {
  const uint32_t x = a_.add(0);
  cycle();
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].share, 100);
  EXPECT_LT(seen_[0].deadline_ns, 0);
  EXPECT_LT(seen_[0].laxity_ns, 0);
  EXPECT_FALSE(cycle()) << "nothing new";
  write_hints(a_.slot(x), {.share = 30, .deadline_ns = 7, .laxity = {{5, -1, 2}}});
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].share, 30);
  EXPECT_EQ(seen_[0].deadline_ns, 7);
  EXPECT_EQ(seen_[0].laxity_ns, 5);
  EXPECT_EQ(seen_[0].lax_priority, -1);
  EXPECT_EQ(seen_[0].critical_priority, 2);
  EXPECT_FALSE(cycle());
  write_hints(a_.slot(x), {.share = 0});
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].share, 0) << "none of the GPU is not the same as no hint";
  EXPECT_LT(seen_[0].deadline_ns, 0) << "taken back";
  EXPECT_LT(seen_[0].laxity_ns, 0);
}

TEST_F(HintsTest, TheAdministratorsWordGoesFirst) {
  const uint32_t x = a_.add(0);
  write_hints(a_.slot(x), {.share = 30, .deadline_ns = 7});
  ProcessTerms terms;
  terms.share = 60;
  view_.set_terms(terms);
  cycle();
  EXPECT_EQ(seen_[0].share, 60);
  EXPECT_EQ(seen_[0].deadline_ns, 7) << "of this the rule says nothing";
  terms = {};
  terms.deadline_ns = 9;
  view_.set_terms(terms);
  cycle();
  EXPECT_EQ(seen_[0].share, 30);
  EXPECT_EQ(seen_[0].deadline_ns, 9);
}

TEST_F(HintsTest, HostileValuesAreClamped) {
  constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();
  Slot& slot = a_.slot(a_.add(0));
  HintLine& line = slot.hints;
  line.share.store(kHigh);
  line.deadline_ns.store(std::numeric_limits<int64_t>::min());
  line.laxity_ns.store(-5);
  line.lax_priority.store(kLow);
  line.critical_priority.store(kHigh);
  slot.identity.hints.store(~0u);
  a_.table().latency_budget_us.store(~0u);
  cycle();
  EXPECT_EQ(seen_[0].budget_ns, 10'000'000'000u) << "as much as a rule could say";
  EXPECT_EQ(seen_[0].share, 100);
  EXPECT_EQ(seen_[0].deadline_ns, 0);
  EXPECT_EQ(seen_[0].laxity_ns, 0);
  EXPECT_EQ(seen_[0].lax_priority, -255);
  EXPECT_EQ(seen_[0].critical_priority, 255);
  line.share.store(kLow);
  line.deadline_ns.store(std::numeric_limits<int64_t>::max());
  cycle();
  EXPECT_EQ(seen_[0].share, 0);
  EXPECT_EQ(seen_[0].deadline_ns, std::numeric_limits<int64_t>::max());
}

TEST_F(HintsTest, TheLongestTimesDoNotWrapIntoThePast) {
  constexpr int64_t kLongest = std::numeric_limits<int64_t>::max();
  const uint32_t far = a_.add(0), near = b_.add(0);
  write_hints(a_.slot(far), {.deadline_ns = kLongest, .laxity = {{kLongest, -255, 255}}});
  write_hints(b_.slot(near), {.deadline_ns = 1'000'000'000});
  ready(a_, far);
  ready(b_, near);
  for (const char* policy : {"KEDF", "LAX"}) {
    use(policy);
    cycle();
    EXPECT_FALSE(runs(a_, far)) << policy;
    EXPECT_TRUE(runs(b_, near)) << policy;
  }
}

TEST_F(HintsTest, TheProcessesLatencyBudgetIsItsDeadlineUnlessOneWasHinted) {
  const uint32_t x = a_.add(0);
  a_.table().latency_budget_us.store(2000);
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].budget_ns, 2'000'000u);
  EXPECT_EQ(seen_[0].deadline_ns, 2'000'000);
  write_hints(a_.slot(x), {.deadline_ns = 7});
  cycle();
  EXPECT_EQ(seen_[0].deadline_ns, 7);
}

TEST_F(HintsTest, AProcessHasTheShareThatItAskedForLast) {
  arbiter_.set_policy(std::make_unique<Spy>(seen_, true));
  const uint32_t x = a_.add(0);
  a_.add(0);
  b_.add(0);
  write_hints(a_.slot(x), {.share = 30});
  a_.table().process_share.store(20 + 1);
  EXPECT_TRUE(cycle());
  ASSERT_EQ(seen_.size(), 3u);
  EXPECT_EQ(seen_[0].share, 20);
  EXPECT_EQ(seen_[1].share, 20);
  EXPECT_EQ(seen_[2].share, 100);
  a_.table().process_share.store(0 + 1);
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].share, 0);
  a_.table().process_share.store(~0u);
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].share, 100);
  ProcessTerms terms;
  terms.share = 60;
  view_.set_terms(terms);
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[1].share, 60);
}

TEST_F(HintsTest, FactsOfAProcessReachThePolicy) {
  a_.add(0);
  b_.add(0);
  other_.set_facts({.cpu_priority = 7, .active = true});
  EXPECT_TRUE(cycle());
  EXPECT_EQ(seen_[0].cpu_priority, 0);
  EXPECT_FALSE(seen_[0].active);
  EXPECT_EQ(seen_[1].cpu_priority, 7);
  EXPECT_TRUE(seen_[1].active);
}

TEST_F(HintsTest, TheNearerDeadlineRunsFirst) {
  use("KEDF");
  const uint32_t late = a_.add(0), soon = b_.add(0);
  write_hints(a_.slot(late), {.deadline_ns = 1'000'000'000'000});
  write_hints(b_.slot(soon), {.deadline_ns = 1'000'000});
  ready(a_, late);
  cycle();
  EXPECT_TRUE(runs(a_, late));
  ready(b_, soon);
  cycle();
  EXPECT_FALSE(runs(a_, late));
  EXPECT_TRUE(runs(b_, soon));
}

TEST_F(HintsTest, BehindItsLaxityAnXQueueIsCritical) {
  use("LAX");
  const uint32_t plain = a_.add(0), lax = b_.add(0);
  write_hints(b_.slot(lax), {.laxity = {{50'000'000, -1, 10}}});
  ready(a_, plain);
  ready(b_, lax);
  cycle();
  EXPECT_TRUE(runs(a_, plain));
  EXPECT_FALSE(runs(b_, lax));
  const uint64_t again = arbiter_.decide_again_ns();
  EXPECT_EQ(again, now_ + 50'000'000);
  cycle(again - now_);
  EXPECT_FALSE(runs(a_, plain));
  EXPECT_TRUE(runs(b_, lax));
}

// GPU time in proportion to the shares, by the arbiter's own books.
TEST_F(HintsTest, SharesAreGpuTime) {
  use("UP");
  const uint32_t much = a_.add(0), little = a_.add(0);
  write_hints(a_.slot(much), {.share = 75});
  write_hints(a_.slot(little), {.share = 25});
  ready(a_, much);
  ready(a_, little);
  uint64_t ran[2] = {};
  for (uint64_t next = now_ + 1; now_ < 1'000'000'000; next = arbiter_.decide_again_ns()) {
    ASSERT_GT(next, now_);
    for (const uint32_t i : {much, little}) {
      if (runs(a_, i)) ran[i == much ? 0 : 1] += next - now_;
    }
    cycle(next - now_);
    ASSERT_NE(runs(a_, much), runs(a_, little));
  }
  EXPECT_NEAR(static_cast<double>(ran[0]) / static_cast<double>(ran[0] + ran[1]), 0.75, 0.01);
}

TEST_F(HintsTest, TheUrgentOfTheCpuIsUrgentOnTheGpu) {
  use("CHPF");
  const uint32_t low = a_.add(10), high = b_.add(0);
  other_.set_facts({.cpu_priority = 5});
  ready(a_, low);
  ready(b_, high);
  cycle();
  EXPECT_FALSE(runs(a_, low));
  other_.set_facts({.cpu_priority = -5});
  cycle();
  EXPECT_TRUE(runs(a_, low));
  EXPECT_FALSE(runs(b_, high));
}

TEST_F(HintsTest, TheActiveProcessRunsFirst) {
  use("AWF");
  const uint32_t back = a_.add(10), front = b_.add(0, 3, 2);  // on another GPU
  other_.set_facts({.active = true});
  ready(a_, back);
  cycle();
  EXPECT_TRUE(runs(a_, back));
  ready(b_, front);
  cycle();
  EXPECT_FALSE(runs(a_, back));
  other_.set_facts({});
  cycle();
  EXPECT_TRUE(runs(a_, back));
}

}  // namespace
}  // namespace xsched
