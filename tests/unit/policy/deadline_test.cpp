// SPDX-License-Identifier: Apache-2.0
//
// KEDF with k = 1 on one GPU is EDF: what is feasible, costs of preemption
// included, is met.
#include <gtest/gtest.h>

#include "model_gpu.h"

namespace xsched::test {
namespace {

constexpr Costs kCosts;

// Each request preempts at most once and is waited for by a decision at its
// start and at its end.
uint64_t overhead() {
  return kCosts.save_ns + kCosts.restore_ns + 2 * kCosts.decision_ns;
}

// Periodic requests that together want at most `most` of the GPU.
std::vector<Load> tasks(std::mt19937& random, uint32_t level, double most) {
  std::vector<Load> loads;
  double used = 0;
  for (int tries = 0; tries < 100 && loads.size() < 6; ++tries) {
    Load load{.kernel_ns = (100 + random() % 900) * kUs, .vary = false};
    load.kernels = 1 + random() % 6;
    load.period_ns = (5 + random() % 60) * kMs;
    load.born_ns = random() % (20 * kMs);
    const double wants = static_cast<double>(load.kernels * load.kernel_ns + overhead()) /
                         static_cast<double>(load.period_ns);
    if (used + wants > most) continue;
    used += wants;
    load.input.gpu_id = 1;
    load.input.level = level;
    load.input.window = 2;
    load.input.deadline_ns = static_cast<int64_t>(load.period_ns);
    // Against the deadlines, so that only a policy that looks at these works.
    load.input.priority = static_cast<int32_t>(load.period_ns / kMs);
    loads.push_back(load);
  }
  return loads;
}

size_t late(const std::string& policy, const std::vector<Load>& loads) {
  ModelGpu model(policy, loads, 5, kCosts);
  model.run(3 * kSecond);
  size_t late = 0;
  for (size_t i = 0; i < loads.size(); ++i) {
    late += model.outcome(i).longest_latency_ns > loads[i].period_ns;
  }
  EXPECT_EQ(model.impure(), 0u);
  return late;
}

TEST(Kedf, DeadlinesMetWhenFeasible) {
  std::mt19937 random(21);
  size_t late_with_hpf = 0;
  for (int set = 0; set < 40; ++set) {
    const std::vector<Load> loads = tasks(random, 3, 0.99);
    ASSERT_EQ(late("KEDF", loads), 0u) << "set " << set;
    late_with_hpf += late("HPF", loads);
  }
  // The sets are hard enough to tell the policies apart.
  EXPECT_GT(late_with_hpf, 10u);
}

// Level 2 stops at the end of a kernel: EDF's test with a blocking term
// (Baker 1991): the longest foreign kernel, twice as long while two share the
// GPU, beside the shortest deadline.
TEST(Kedf, DeadlinesMetAtLevel2WithBlockingCounted) {
  std::mt19937 random(22);
  for (int set = 0; set < 40; ++set) {
    std::vector<Load> loads = tasks(random, 2, 0.55);
    for (Load& load : loads) {
      load.period_ns = std::max(load.period_ns, 10 * kMs);
      load.kernel_ns = std::min(load.kernel_ns, kMs);
      load.input.deadline_ns = static_cast<int64_t>(load.period_ns);
    }
    ASSERT_EQ(late("KEDF", loads), 0u) << "set " << set;
  }
}

TEST(Kedf, KRunTogether) {
  std::vector<Load> loads(4);
  for (size_t i = 0; i < loads.size(); ++i) {
    loads[i].input.gpu_id = 1;
    loads[i].input.level = 3;
    loads[i].input.deadline_ns = static_cast<int64_t>((i + 1) * kMs);
    loads[i].born_ns = i * kUs;
  }
  ModelGpu model("KEDF", loads, 5);
  model.context.concurrency = 2;
  model.run(kSecond);
  EXPECT_NEAR(model.share(0), 0.5, 0.01);
  EXPECT_NEAR(model.share(1), 0.5, 0.01);
}

}  // namespace
}  // namespace xsched::test
