// SPDX-License-Identifier: Apache-2.0
//
// Latency budgets: the window and the way to suspend that follow from one, as a
// table and on a modelled machine; how long packets take.
#include "runtime/policy/budget.h"

#include <gtest/gtest.h>

#include <functional>

#include "model_gpu.h"
#include "runtime/xqueue/slot.h"

namespace xsched::test {
namespace {

PolicyInput low(uint32_t level, uint64_t work_us, uint32_t inside) {
  PolicyInput x;
  x.level = level;
  x.window = 4;
  x.ring_packets = 1024;
  x.work_ns = work_us * kUs;
  x.inside = inside;
  return x;
}

PolicyDecision suspended(const PolicyInput& x, uint64_t budget_us) {
  PolicyDecision d;
  d.run = false;
  if (x.level == 1) d.window = x.window;
  if (x.level == 2) d.guard = 1;
  fit_to_budget(x, budget_us * kUs, d);
  return d;
}

TEST(FitToBudget, TheWindowIsWhatEndsWithinTheBudget) {
  struct Row {
    const char* what;
    uint32_t level;
    uint64_t work_us, budget_us;
    uint32_t inside;
    bool refused, taken;
    uint32_t window, patience_us;
  };
  const uint32_t unknown = kInsideUnknown;
  for (const Row& r : {
           Row{"fits", 3, 100, 1050, 10, false, false, 10, 1050},
           Row{"fits, level 1", 1, 100, 1050, 10, false, false, 10, 0},
           Row{"more inside than fits: the strong way", 3, 100, 1050, 11, false, false, 10, 0},
           Row{"nobody knows what is inside", 3, 100, 1050, unknown, false, false, 10, 0},
           Row{"what was taken off stays so", 3, 100, 1050, 2, false, true, 10, 0},
           Row{"one is too long", 3, 100, 99, 1, false, false, 4, 0},
           Row{"too long, but nothing is inside", 3, 100, 99, 0, false, false, 4, 99},
           Row{"not measured, but nothing is inside", 3, 0, 99, 0, false, false, 4, 99},
           Row{"one is too long, level 1", 1, 100, 99, 1, false, false, 1, 0},
           Row{"too long, and the module refuses", 3, 100, 99, 1, true, false, 1, 0},
           Row{"fits, and the module refuses", 3, 100, 500, 5, true, false, 5, 500},
           Row{"exactly one", 3, 100, 100, 1, false, false, 1, 100},
           Row{"not measured", 3, 0, 1000, 1, false, false, 4, 0},
           Row{"not measured, level 1", 1, 0, 1000, 1, false, false, 4, 0},
           Row{"the ring bounds it", 3, 1, 10'000, 3, false, false, 1024, 10'000},
       }) {
    PolicyInput x = low(r.level, r.work_us, r.inside);
    x.save_refused = r.refused;
    x.taken_off = r.taken;
    const PolicyDecision d = suspended(x, r.budget_us);
    EXPECT_EQ(d.window, r.window) << r.what;
    EXPECT_EQ(d.patience_us, r.patience_us) << r.what;
    EXPECT_FALSE(d.run) << r.what;
  }
}

TEST(FitToBudget, TheWindowReckonsThatEachStraysTheWayToSuspendThatOneDoes) {
  PolicyInput x = low(3, 100, 6);
  x.work_spread_ns = 25 * kUs;
  const PolicyDecision six = suspended(x, 700);
  EXPECT_EQ(six.window, 3u);
  EXPECT_EQ(six.patience_us, 700u);
  x.inside = 7;
  EXPECT_EQ(suspended(x, 700).patience_us, 0u);
  x.inside = 1;
  x.work_spread_ns = 200 * kUs;
  EXPECT_EQ(suspended(x, 700).patience_us, 0u) << "it may stray further than the budget";
}

TEST(FitToBudget, AWindowWiderThanItsWordIsTheWidest) {
  PolicyInput x = low(1, 0, 1);
  x.work_ns = 1;
  x.ring_packets = 0;
  PolicyDecision d;
  fit_to_budget(x, uint64_t{1} << 32, d);
  EXPECT_EQ(d.window, UINT32_MAX);
}

TEST(FitToBudget, ABudgetOfNanosecondsIsNotNoPatience) {
  PolicyInput x = low(3, 0, 1);
  x.work_ns = 10;
  PolicyDecision d;
  d.run = false;
  fit_to_budget(x, 20, d);
  EXPECT_EQ(d.patience_us, 1u);
}

TEST(FitToBudget, Level2StaysAsItWas) {
  const PolicyDecision d = suspended(low(2, 100, 1), 1000);
  EXPECT_EQ(d.window, 0u);
  EXPECT_EQ(d.guard, 1u);
  EXPECT_EQ(d.patience_us, 0u);
}

TEST(FitToBudget, OneThatRunsGetsItsWindowAndNoPatience) {
  PolicyDecision d;
  fit_to_budget(low(3, 100, 2), 500 * kUs, d);
  EXPECT_TRUE(d.run);
  EXPECT_EQ(d.window, 5u);
  EXPECT_EQ(d.patience_us, 0u);
  EXPECT_NE(d.notify & kNotifyWork, 0u);
}

struct Bounds : ::testing::Test {
  // Who is bounded, in an answer by `name` that lets everything run.
  std::vector<uint32_t> windows(const char* name, const std::vector<PolicyInput>& in) {
    std::string error;
    const auto policy = make_policy(name, error);
    std::vector<PolicyDecision> out(in.size());
    budgets_.fit(*policy, in, out);
    std::vector<uint32_t> windows;
    for (const PolicyDecision& d : out) windows.push_back(d.window);
    return windows;
  }
  PolicyInput of(int32_t priority, uint64_t budget_us, uint32_t gpu = 1) {
    PolicyInput x = low(3, 100, 1);
    x.gpu_id = gpu;
    x.priority = priority;
    x.budget_ns = budget_us * kUs;
    if (budget_us != 0) x.deadline_ns = static_cast<int64_t>(x.budget_ns);
    return x;
  }
  using Windows = std::vector<uint32_t>;

  Budgets budgets_;  // one, as the arbiter has: nothing of a decision is left for the next
};

TEST_F(Bounds, OnlyLessUrgentOnesOfItsGpu) {
  EXPECT_EQ(windows("HPF", {of(10, 1000), of(0, 0), of(10, 0), of(20, 0), of(0, 0, 2)}),
            (Windows{0, 10, 0, 0, 0}));
}
TEST_F(Bounds, TheTightestOfThoseThatGoBefore) {
  EXPECT_EQ(windows("HPF", {of(10, 1000), of(20, 500), of(0, 0)}), (Windows{5, 0, 5}));
  PolicyInput wide = of(10, 1000), tight = of(10, 500);
  wide.deadline_ns = tight.deadline_ns = 7;  // the program's own, which goes before its budget
  EXPECT_EQ(windows("HPF", {wide, tight, of(0, 0)}), (Windows{0, 0, 5}));
}
TEST_F(Bounds, NobodyWithABudgetChangesNothing) {
  EXPECT_EQ(windows("HPF", {of(10, 1000), of(0, 0)}), (Windows{0, 10}));
  EXPECT_EQ(windows("HPF", {of(10, 0), of(0, 0)}), (Windows{0, 0}));
  EXPECT_EQ(windows("HPF", {of(0, 1000), of(0, 0)}), (Windows{0, 0}))
      << "and who goes before nobody";
}
TEST_F(Bounds, WhereTurnsAreTakenTheShorterBudgetGoesBefore) {
  EXPECT_EQ(windows("UP", {of(0, 1000), of(10, 0), of(0, 500), of(0, 500), of(0, 0, 2)}),
            (Windows{5, 5, 0, 0, 0}));
}
TEST_F(Bounds, OneThatIsCriticalLaterGoesBeforeItsLikeButNotItself) {
  PolicyInput x = of(0, 1000);
  x.laxity_ns = 1;
  x.critical_priority = 10;
  PolicyInput between = of(5, 0);
  EXPECT_EQ(windows("LAX", {x, between}), (Windows{0, 10}));
  EXPECT_EQ(windows("LAX", {x, x, between}), (Windows{10, 10, 10}));
}
// Of two with the same budget the second goes before the third, the first does not.
TEST_F(Bounds, WhoeverGoesBeforeOthersIsNotTakenForOneThatDoesNot) {
  struct Row {
    const char* policy;
    std::function<void(PolicyInput& weak, PolicyInput& strong, PolicyInput& x)> differ;
  };
  const Row rows[] = {
      {"HPF", [](auto&, auto& strong, auto& x) { strong.priority = 10, x.priority = 5; }},
      {"HPF", [](auto&, auto& strong, auto& x) { strong.gpu_id = x.gpu_id = 2, x.priority = -1; }},
      {"CHPF", [](auto&, auto& strong, auto& x) { strong.cpu_priority = 10, x.cpu_priority = 5; }},
      {"AWF", [](auto&, auto& strong, auto&) { strong.active = true; }},
      {"KEDF", [](auto& weak, auto& strong,
                  auto& x) { weak.deadline_ns = 9, strong.deadline_ns = 1, x.deadline_ns = 5; }},
      {"LAX",
       [](auto& weak, auto& strong, auto& x) {
         weak.laxity_ns = strong.laxity_ns = 1, strong.lax_priority = 10, x.priority = 5;
       }},
      {"LAX",
       [](auto& weak, auto& strong, auto& x) {
         weak.laxity_ns = strong.laxity_ns = 1, strong.critical_priority = 10, x.priority = 5;
       }},
      {"LAX",
       [](auto& weak, auto& strong, auto& x) {
         weak.critical_priority = strong.critical_priority = 10, strong.laxity_ns = 1;
         x.priority = 5;
       }},
  };
  for (const Row& row : rows) {
    PolicyInput weak = of(0, 1000), strong = weak, x = of(0, 0);
    row.differ(weak, strong, x);
    EXPECT_EQ(windows(row.policy, {weak, x})[1], 0u) << row.policy << ", row " << &row - rows;
    EXPECT_EQ(windows(row.policy, {weak, strong, x})[2], 10u)
        << row.policy << ", row " << &row - rows;
  }
}
TEST_F(Bounds, KedfGoesByDeadline) {
  EXPECT_EQ(windows("KEDF", {of(0, 1000), of(10, 0), of(0, 2000)}), (Windows{0, 10, 10}));
}
TEST_F(Bounds, ManyRanksStillBoundTheLowest) {
  std::vector<PolicyInput> in;
  for (int32_t i = 1; i <= 200; ++i) in.push_back(of(i, 10'000 - 10 * static_cast<uint64_t>(i)));
  in.push_back(of(0, 0));
  const Windows all = windows("HPF", in);
  EXPECT_EQ(all.back(), 80u) << "the budget of rank 200";
  EXPECT_EQ(all[150], 80u) << "one between those that are not told apart";
}

// --- how long packets take --------------------------------------------------

TEST(WorkTime, ConvergesAndKnowsTheSpread) {
  WorkTime work;
  uint64_t now = kSecond, retired = 0;
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    work.look({now, retired++, {}, true});
    now += 500 * kUs + random() % (1000 * kUs);
  }
  EXPECT_NEAR(static_cast<double>(work.typical_ns()), 1e6, 3e5);
  EXPECT_GT(work.spread_ns(), 100 * kUs);
  EXPECT_LT(work.spread_ns(), 400 * kUs);
  EXPECT_GT(work.typical_ns() + 4 * work.spread_ns(), 1500 * kUs) << "the longest there is";
}

TEST(WorkTime, SeveralBetweenTwoLooksShareTheTime) {
  WorkTime work;
  for (uint64_t i = 0; i < 50; ++i) work.look({kSecond + i * 100 * kUs, i * 10, {}, true});
  EXPECT_NEAR(static_cast<double>(work.typical_ns()), 10e3, 100);
}

TEST(WorkTime, TimeThatTheQueueMayHaveBeenIdleDoesNotCount) {
  for (int what = 0; what < 4; ++what) {
    WorkTime work;
    uint64_t marks[3] = {};
    bool full = true;
    // Two looks in a row are all right: the second sees the first packet retire, and
    // nobody knows when that began.
    for (uint64_t i = 0; i < 60; ++i) {
      if (what < 3 && i % 2 == 0) ++marks[what];  // suspended in between, say
      if (what == 3) full = i % 3 != 0;
      work.look({kSecond + i * kMs, i, {marks[0], marks[1], marks[2]}, full});
    }
    EXPECT_EQ(work.typical_ns(), 0u) << what;
  }
}

TEST(WorkTime, SaysSoOnlyWhenItChanges) {
  WorkTime work;
  uint64_t now = kSecond, retired = 0;
  int said = 0;
  for (int i = 0; i < 1000; ++i, now += kMs) said += work.look({now, retired++, {}, true});
  EXPECT_GT(said, 0);
  EXPECT_LT(said, 20) << "while it converges";
  const int before = said;
  for (int i = 0; i < 100; ++i, now += 3 * kMs) said += work.look({now, retired++, {}, true});
  EXPECT_GT(said, before);
}

// --- on a modelled machine -----------------------------------------------------

Load background(uint64_t kernel_us, uint32_t level = 3) {
  Load load;
  load.input.gpu_id = 1;
  load.input.level = level;
  load.input.window = 4;
  load.input.ring_packets = 1024;
  load.kernel_ns = kernel_us * kUs;
  return load;
}

Load urgent(uint64_t budget_us) {
  Load load = background(200);
  load.input.priority = 10;
  load.input.budget_ns = budget_us * kUs;
  load.period_ns = 30 * kMs;
  load.kernels = 3;
  load.random_arrivals = true;
  return load;
}

struct Budgeted : ModelGpu {
  Budgeted(std::vector<Load> loads, uint32_t seed) : ModelGpu("HPF", std::move(loads), seed) {
    superior = [](const PolicyInput& a, const PolicyInput& b, uint64_t) {
      return a.priority > b.priority;
    };
  }
};

constexpr uint64_t kDecision = 20 * kUs, kSave = 100 * kUs;  // as in Costs

TEST(Budgeted, WhereTheWindowMeetsTheBudgetNothingIsSaved) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    Budgeted gpu({urgent(8000), background(500)}, seed);
    gpu.run(kSecond);  // until durations are known
    const uint64_t saves = gpu.outcome(1).saves, suspends = gpu.outcome(1).suspends;
    gpu.run(20 * kSecond);
    EXPECT_GT(gpu.outcome(1).suspends, suspends + 100);
    EXPECT_EQ(gpu.outcome(1).saves, saves) << "seed " << seed;
    EXPECT_LE(gpu.outcome(0).longest_wait_ns, 8000 * kUs + 2 * kDecision);
    EXPECT_LE(gpu.outcome(1).longest_inversion_ns, 8000 * kUs + kDecision);
    EXPECT_GT(gpu.outcome(1).window, 4u) << "as wide as the budget allows";
    EXPECT_LE(gpu.outcome(1).window, 16u);
  }
}

TEST(Budgeted, WhereOnePacketIsTooLongEachSuspendSaves) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    Budgeted gpu({urgent(2000), background(10'000)}, seed);
    gpu.run(20 * kSecond);
    EXPECT_GT(gpu.outcome(1).saves, 100u);
    EXPECT_EQ(gpu.outcome(1).saves, gpu.outcome(1).suspends);
    EXPECT_LE(gpu.outcome(1).longest_inversion_ns, kDecision + kSave);
  }
}

// Whatever was measured: what has not run out when the budget is over is saved. The
// urgent one's requests are longer than its budget, so it is still there to see.
TEST(Budgeted, TheBudgetHoldsWhenKernelsBecomeLonger) {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    Load other = background(300), request = urgent(5000);
    other.grow_at_ns = 3 * kSecond;
    other.grow = 100;
    request.kernels = 75;
    Budgeted gpu({request, other}, seed);
    gpu.run(12 * kSecond);
    EXPECT_GT(gpu.outcome(1).overdue, 0u) << "seed " << seed;
    EXPECT_LE(gpu.outcome(1).longest_inversion_ns, 5000 * kUs + kDecision + kSave);
  }
}

}  // namespace
}  // namespace xsched::test
