// SPDX-License-Identifier: Apache-2.0
//
// HPF, HHPF, CHPF, AWF, LAX over modelled time: nobody runs beside a superior
// for longer than its level needs to stop, and the GPU is used.
#include <gtest/gtest.h>

#include "model_gpu.h"

namespace xsched::test {
namespace {

struct Case {
  const char* policy;
  uint32_t level;
};

bool is(const Case& c, const char* policy) {
  return std::string_view(c.policy) == policy;
}

PolicyInput ranked(int rank, uint32_t level, uint32_t gpu) {
  PolicyInput x;
  x.gpu_id = gpu;
  x.level = level;
  x.window = 4;
  x.priority = rank;
  x.cpu_priority = static_cast<int16_t>(rank);
  x.active = rank > 0;
  return x;
}

// What stopping takes at most: the decision, then what stands in the hardware
// queue, while three share the GPU.
uint64_t longest_stop(uint32_t level, uint64_t kernel_ns, const Costs& costs) {
  const uint64_t kernels = level == 1 ? 4 : level == 2 ? 1 : 0;
  return costs.decision_ns + 3 * kernels * (kernel_ns + kernel_ns / 2) + kUs;
}

class Priority : public ::testing::TestWithParam<Case> {};

TEST_P(Priority, Honoured) {
  const Case c = GetParam();
  const bool whole_machine = is(c, "HHPF") || is(c, "AWF");
  // The highest comes and goes, the lowest always wants; on HHPF's and AWF's
  // machine they are on different GPUs.
  const std::vector<Load> loads = {
      {.input = ranked(10, c.level, 1),
       .period_ns = 20 * kMs,
       .kernels = 20,
       .random_arrivals = true},
      {.input = ranked(0, c.level, 1), .period_ns = 7 * kMs, .kernels = 5, .random_arrivals = true},
      {.input = ranked(-5, c.level, whole_machine ? 2u : 1u)}};
  ModelGpu model(c.policy, loads, 11);
  // What was queued before the first decision has no window and no barrier.
  model.run(kSecond);
  model.superior = [&](const PolicyInput& a, const PolicyInput& b, uint64_t) {
    if (!whole_machine && a.gpu_id != b.gpu_id) return false;
    return is(c, "AWF") ? a.active && !b.active : a.priority > b.priority;
  };
  model.run(20 * kSecond);
  for (size_t i = 0; i < loads.size(); ++i) {
    EXPECT_LE(model.outcome(i).longest_inversion_ns, longest_stop(c.level, loads[i].kernel_ns, {}))
        << "XQueue " << i;
  }
  EXPECT_GT(model.outcome(2).suspends, 100u);
  EXPECT_EQ(model.impure(), 0u);
}

TEST_P(Priority, LowestGetsWhatTheOthersLeave) {
  const Case c = GetParam();
  ModelGpu model(c.policy,
                 {{.input = ranked(10, c.level, 1), .period_ns = 20 * kMs, .kernels = 50},
                  {.input = ranked(0, c.level, 1)}},
                 12);
  model.run(10 * kSecond);
  // Half of the time is left; each of the 500 requests costs a save and a
  // restore of the other.
  EXPECT_GT(model.outcome(1).work_ns, 0.45 * 10 * kSecond);
}

INSTANTIATE_TEST_SUITE_P(Policies, Priority,
                         ::testing::Values(Case{"HPF", 1}, Case{"HPF", 2}, Case{"HPF", 3},
                                           Case{"HHPF", 1}, Case{"HHPF", 2}, Case{"HHPF", 3},
                                           Case{"CHPF", 1}, Case{"CHPF", 2}, Case{"CHPF", 3},
                                           Case{"AWF", 1}, Case{"AWF", 2}, Case{"AWF", 3}),
                         [](const auto& c) {
                           return c.param.policy + std::string("Level") +
                                  std::to_string(c.param.level);
                         });

// HPF promises no fairness; that is what the other policies are for.
TEST(Hpf, LowestStarvesWhileAHigherOneStaysReady) {
  ModelGpu model("HPF", {{.input = ranked(1, 3, 1)}, {.input = ranked(0, 3, 1), .born_ns = kMs}},
                 1);
  model.run(5 * kSecond);
  EXPECT_LE(model.outcome(1).work_ns, Costs().decision_ns);
}

PolicyInput lax(uint64_t laxity_ns) {
  PolicyInput x = ranked(0, 3, 1);
  x.laxity_ns = static_cast<int64_t>(laxity_ns);
  x.lax_priority = -1;
  x.critical_priority = 1;
  return x;
}

TEST(Lax, WaitsForItsLaxityAndNoLonger) {
  const Load waiting{
      .input = lax(20 * kMs), .kernel_ns = kMs, .period_ns = 100 * kMs, .kernels = 5};
  ModelGpu model("LAX", {waiting, {.input = ranked(0, 3, 1)}}, 4);
  const auto critical = [&](const PolicyInput& x, uint64_t now) {
    return x.laxity_ns >= 0 && now >= x.ready_since_ns + 20 * kMs;
  };
  model.superior = [&](const PolicyInput& a, const PolicyInput& b, uint64_t now) {
    const int rank_a = a.laxity_ns < 0 ? 0 : critical(a, now) ? 1 : -1;
    const int rank_b = b.laxity_ns < 0 ? 0 : critical(b, now) ? 1 : -1;
    return rank_a > rank_b;
  };
  model.run(10 * kSecond);
  const Costs costs;
  EXPECT_EQ(model.outcome(0).finished, 100u);
  EXPECT_GE(model.outcome(0).longest_latency_ns, 20 * kMs);
  EXPECT_LE(model.outcome(0).longest_latency_ns,
            20 * kMs + 8 * kMs + costs.save_ns + costs.restore_ns + 2 * costs.decision_ns);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LE(model.outcome(i).longest_inversion_ns, longest_stop(3, 0, costs));
  }
}

TEST(Lax, RunsAtOnceWhereNobodyElseWantsTo) {
  const Load waiting{
      .input = lax(20 * kMs), .kernel_ns = kMs, .period_ns = 100 * kMs, .kernels = 5};
  ModelGpu model("LAX", {waiting, {.input = ranked(0, 3, 1), .period_ns = 10 * kSecond}}, 4);
  model.run(5 * kSecond);
  EXPECT_LE(model.outcome(0).longest_latency_ns, 9 * kMs);
}

}  // namespace
}  // namespace xsched::test
