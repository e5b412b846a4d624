// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/gpu_time.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace xsched {
namespace {

TEST(GpuTime, AloneIsChargedAllOfIt) {
  GpuTime gpu;
  GpuTime::Account a;
  gpu.set(a, true, 100);
  EXPECT_EQ(gpu.used(a, 150), 50u);
  gpu.set(a, false, 200);
  EXPECT_EQ(gpu.used(a, 900), 100u);
}

TEST(GpuTime, TogetherAreChargedEqualParts) {
  GpuTime gpu;
  GpuTime::Account a, b;
  gpu.set(a, true, 0);
  gpu.set(b, true, 100);
  gpu.set(a, false, 300);
  EXPECT_EQ(gpu.used(a, 400), 200u);
  EXPECT_EQ(gpu.used(b, 400), 200u);
}

TEST(GpuTime, SaidTwiceCountsOnce) {
  GpuTime gpu;
  GpuTime::Account a;
  gpu.set(a, true, 10);
  gpu.set(a, true, 20);
  gpu.set(a, false, 30);
  gpu.set(a, false, 40);
  EXPECT_EQ(gpu.used(a, 50), 20u);
}

TEST(GpuTime, ClockThatStepsBackChargesNothing) {
  GpuTime gpu;
  GpuTime::Account a;
  gpu.set(a, true, 100);
  EXPECT_EQ(gpu.used(a, 50), 0u);
  EXPECT_EQ(gpu.used(a, 110), 10u);
}

// Rounding must not add up over many events: the sum is the time in use.
TEST(GpuTime, SumIsTheTimeInUse) {
  std::mt19937 random(3);
  GpuTime gpu;
  std::vector<GpuTime::Account> x(7);
  uint64_t now = 0, in_use = 0;
  for (int event = 0; event < 100'000; ++event) {
    const uint64_t passed = random() % 50;
    for (const GpuTime::Account& a : x) {
      if (!a.on) continue;
      in_use += passed;
      break;
    }
    now += passed;
    gpu.set(x[random() % x.size()], random() % 2 == 0, now);
  }
  uint64_t sum = 0;
  for (GpuTime::Account& a : x) sum += gpu.used(a, now);
  EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(in_use), 1e-4 * in_use);
}

}  // namespace
}  // namespace xsched
