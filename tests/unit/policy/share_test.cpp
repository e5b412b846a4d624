// SPDX-License-Identifier: Apache-2.0
//
// Shares over a modelled minute, within 2 % of the GPU of the target, for
// random shares, levels and kernels.
#include <gtest/gtest.h>

#include <cmath>

#include "model_gpu.h"

namespace xsched::test {
namespace {

constexpr uint64_t kMinute = 60 * kSecond;
constexpr double kNear = 0.02;

// Never idle, everything else random.
Load busy(std::mt19937& random, uint64_t process) {
  Load load{.kernel_ns = (200 + random() % 1800) * kUs};
  load.input.gpu_id = 1;
  load.input.level = 1 + random() % 3;
  load.input.window = 1 + random() % 4;
  load.input.process = process;
  load.born_ns = random() % (10 * kMs);
  return load;
}

double cfs_weight(int32_t priority) {
  return std::pow(1.2, priority);
}

class Shares : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Shares, UpOfXQueues) {
  std::mt19937 random(GetParam());
  std::vector<Load> loads;
  double total = 0;
  for (size_t i = 0; i < 2 + GetParam() % 4; ++i) {
    loads.push_back(busy(random, i));
    loads.back().input.share = static_cast<int16_t>(5 + random() % 96);
    total += loads.back().input.share;
  }
  ModelGpu model("UP", loads, GetParam());
  model.run(kMinute);
  for (size_t i = 0; i < loads.size(); ++i) {
    EXPECT_NEAR(model.share(i), loads[i].input.share / total, kNear) << "XQueue " << i;
  }
  EXPECT_EQ(model.impure(), 0u);
}

// A process has its share however many XQueues it has.
TEST_P(Shares, PupOfProcesses) {
  std::mt19937 random(GetParam());
  std::vector<Load> loads;
  double total = 0;
  for (uint64_t process = 1; process <= 3; ++process) {
    const auto share = static_cast<int16_t>(5 + random() % 96);
    total += share;
    for (size_t n = 0; n < 1 + (process + GetParam()) % 3; ++n) {
      loads.push_back(busy(random, process));
      loads.back().input.share = share;
    }
  }
  ModelGpu model("PUP", loads, GetParam());
  model.run(kMinute);
  double of_process[4] = {}, target[4] = {};
  for (size_t i = 0; i < loads.size(); ++i) {
    of_process[loads[i].input.process] += model.share(i);
    target[loads[i].input.process] = loads[i].input.share / total;
  }
  for (int p = 1; p <= 3; ++p) EXPECT_NEAR(of_process[p], target[p], kNear) << "process " << p;
  EXPECT_EQ(model.impure(), 0u);
}

// Strict: a share is of the minute, not of what others use.
TEST_P(Shares, SpupOfTheMinute) {
  std::mt19937 random(GetParam());
  std::vector<Load> loads;
  int left = 90;
  for (uint64_t process = 1; process <= 3; ++process) {
    loads.push_back(busy(random, process));
    loads.back().input.share = static_cast<int16_t>(5 + random() % (left / 2));
    left -= loads.back().input.share;
  }
  ModelGpu model("SPUP", loads, GetParam());
  model.context.timeslice_ns = 20 * kMs;
  model.run(kMinute);
  for (size_t i = 0; i < loads.size(); ++i) {
    EXPECT_NEAR(model.outcome(i).work_ns / kMinute, loads[i].input.share / 100.0, kNear)
        << "XQueue " << i;
  }
  EXPECT_EQ(model.impure(), 0u);
}

TEST_P(Shares, CfsByWeight) {
  std::mt19937 random(GetParam());
  std::vector<Load> loads;
  double total = 0;
  for (size_t i = 0; i < 2 + GetParam() % 4; ++i) {
    loads.push_back(busy(random, i));
    loads.back().input.priority = static_cast<int32_t>(random() % 11) - 5;
    total += cfs_weight(loads.back().input.priority);
  }
  ModelGpu model("CFS", loads, GetParam());
  model.run(kMinute);
  for (size_t i = 0; i < loads.size(); ++i) {
    EXPECT_NEAR(model.share(i), cfs_weight(loads[i].input.priority) / total, kNear)
        << "XQueue " << i;
  }
  EXPECT_EQ(model.impure(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Shares, ::testing::Range(1u, 9u));

std::vector<Load> two(int16_t share_a, int16_t share_b) {
  std::mt19937 random(1);
  std::vector<Load> loads = {busy(random, 1), busy(random, 2)};
  loads[0].input.share = share_a;
  loads[1].input.share = share_b;
  return loads;
}

TEST(Spup, NobodyGetsWhatAnotherLeaves) {
  std::vector<Load> loads = two(30, 50);
  loads[1].period_ns = 20 * kSecond;  // next to nothing
  ModelGpu model("SPUP", loads, 2);
  model.context.timeslice_ns = 20 * kMs;
  model.run(kMinute);
  EXPECT_NEAR(model.outcome(0).work_ns / kMinute, 0.3, kNear);
}

TEST(Spup, AloneWithAllOfItIsNotInterrupted) {
  std::vector<Load> loads = two(100, 0);
  loads.pop_back();
  ModelGpu model("SPUP", loads, 2);
  model.run(kSecond);
  EXPECT_EQ(model.outcome(0).suspends, 0u);
  EXPECT_LT(model.decisions(), 5u);
}

TEST(Spup, AShareOfNothingNeverRunsBesideOthers) {
  ModelGpu model("SPUP", two(50, 0), 2);
  model.run(kSecond);  // what it had queued before the first decision has run
  const double before = model.outcome(1).work_ns;
  model.run(kSecond);
  EXPECT_EQ(model.outcome(1).work_ns, before);
}

TEST(Partition, WhatAnotherLeavesIsUsed) {
  for (const char* policy : {"UP", "PUP"}) {
    std::vector<Load> loads = two(10, 90);
    loads[1].period_ns = 10 * kMs;
    loads[1].kernel_ns = 200 * kUs;
    ModelGpu model(policy, loads, 2);
    model.run(10 * kSecond);
    EXPECT_GT(model.work_ns(1), 0.93 * 10 * kSecond) << policy;
  }
}

TEST(Partition, AloneIsNotInterrupted) {
  for (const char* policy : {"UP", "PUP", "CFS", "MLFQ"}) {
    std::vector<Load> loads = two(10, 90);
    loads[1].period_ns = 100 * kSecond;
    loads[1].born_ns = 100 * kSecond;
    ModelGpu model(policy, loads, 2);
    model.run(kSecond);
    EXPECT_EQ(model.outcome(0).suspends, 0u) << policy;
    EXPECT_LT(model.decisions(), 5u) << policy;
  }
}

// Time alone on the GPU is nobody's loss and must not be paid back.
TEST(Partition, HavingBeenAloneIsNoDebt) {
  for (const char* policy : {"UP", "PUP", "CFS"}) {
    std::vector<Load> loads = two(50, 50);
    loads[1].born_ns = 30 * kSecond;
    ModelGpu model(policy, loads, 2);
    model.run(30 * kSecond);
    const double before = model.outcome(0).work_ns;
    model.run(10 * kSecond);
    const double after = model.outcome(0).work_ns - before;
    EXPECT_NEAR(after / (after + model.outcome(1).work_ns), 0.5, kNear) << policy;
  }
}

TEST(Partition, AShareOfNothingGetsWhatIsLeft) {
  for (const char* policy : {"UP", "PUP"}) {
    std::vector<Load> loads = two(100, 0);
    loads[0].period_ns = 20 * kMs;
    loads[0].kernel_ns = 10 * kMs;
    loads[1].input.level = 3;
    ModelGpu model(policy, loads, 2);
    model.run(10 * kSecond);
    EXPECT_NEAR(model.share(1), 0.5, 0.05) << policy;
    EXPECT_LE(model.outcome(0).longest_latency_ns, 17 * kMs) << policy;
  }
}

}  // namespace
}  // namespace xsched::test
