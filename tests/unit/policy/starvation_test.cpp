// SPDX-License-Identifier: Apache-2.0
//
// UP, PUP, SPUP, CFS, MLFQ: everybody who wants the GPU gets it within a bounded time,
// whatever the others do.
#include <gtest/gtest.h>

#include "model_gpu.h"

namespace xsched::test {
namespace {

struct Case {
  const char* policy;
  uint64_t longest_wait_ns;
};

class Starvation : public ::testing::TestWithParam<Case> {};

TEST_P(Starvation, NobodyWaitsWithoutBound) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    std::mt19937 random(seed);
    std::vector<Load> loads;
    for (int i = 0; i < 8; ++i) {
      Load load{.kernel_ns = (100 + random() % 900) * kUs};
      load.input.gpu_id = 1;
      load.input.level = 1 + random() % 3;
      load.input.window = 1 + random() % 4;
      load.input.process = static_cast<uint64_t>(i / 2);
      load.input.share = static_cast<int16_t>(10 + 10 * (i / 2));
      load.input.priority = static_cast<int32_t>(random() % 21) - 10;
      load.born_ns = random() % kSecond;
      if (random() % 2 == 0) {
        load.period_ns = (1 + random() % 30) * kMs;  // together often more than there is
        load.kernels = 1 + random() % 10;
        load.random_arrivals = true;
      }
      loads.push_back(load);
    }
    ModelGpu model(GetParam().policy, loads, seed);
    model.run(20 * kSecond);
    for (size_t i = 0; i < loads.size(); ++i) {
      EXPECT_LE(model.outcome(i).longest_wait_ns, GetParam().longest_wait_ns)
          << "seed " << seed << " XQueue " << i;
    }
    EXPECT_EQ(model.impure(), 0u);
  }
}

// What is queued before the first decision, 43 ms at most, is paid back at the rate
// of the smallest share (1/20 here; CFS: 1/38 of the heaviest weight).
// MLFQ: a second a level and turns.
INSTANTIATE_TEST_SUITE_P(Policies, Starvation,
                         ::testing::Values(Case{"UP", kSecond}, Case{"PUP", kSecond},
                                           Case{"SPUP", kSecond}, Case{"CFS", 2 * kSecond},
                                           Case{"MLFQ", 4 * kSecond}),
                         [](const auto& c) { return std::string(c.param.policy); });

Load at_level3(Load load) {
  load.input.gpu_id = 1;
  load.input.level = 3;
  return load;
}

TEST(Mlfq, ShortRequestsPassLongOnes) {
  std::vector<Load> loads(3, at_level3({}));
  loads.push_back(at_level3({.kernel_ns = kMs, .period_ns = 50 * kMs, .born_ns = kSecond}));
  ModelGpu model("MLFQ", loads, 3);
  model.run(30 * kSecond);
  const Costs costs;
  EXPECT_GT(model.outcome(3).finished, 500u);
  EXPECT_LE(model.outcome(3).longest_latency_ns,
            kMs + kMs / 2 + costs.decision_ns + costs.save_ns + costs.restore_ns + kUs);
}

// The published recovery never lifts one that waits alone in its level.
TEST(Mlfq, OneAloneInTheLowestLevelIsLifted) {
  std::vector<Load> loads = {at_level3({})};
  for (int i = 0; i < 20; ++i) {  // each uses 6 ms in 100, so all stay at the top
    loads.push_back(at_level3({.kernel_ns = 6 * kMs,
                               .vary = false,
                               .period_ns = 105 * kMs,
                               .born_ns = kSecond + static_cast<uint64_t>(i) * 5 * kMs}));
  }
  ModelGpu model("MLFQ", loads, 3);
  model.run(20 * kSecond);
  EXPECT_LE(model.outcome(0).longest_wait_ns, 4 * kSecond);
}

TEST(Mlfq, RestingInTimeDoesNotKeepTheTop) {
  // Just under an allotment each time, four fifths of the time.
  std::vector<Load> loads = {
      at_level3({.kernel_ns = 8 * kMs, .vary = false, .period_ns = 10 * kMs}), at_level3({})};
  ModelGpu model("MLFQ", loads, 3);
  model.run(20 * kSecond);
  EXPECT_GT(model.share(1), 0.35);
}

}  // namespace
}  // namespace xsched::test
