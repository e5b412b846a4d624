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
  gpu.advance(100, 0);
  gpu.set(a, true);
  gpu.advance(150, 1);
  EXPECT_EQ(gpu.used(a), 50u);
  gpu.set(a, false);
  gpu.advance(900, 0);
  EXPECT_EQ(gpu.used(a), 50u);
}

TEST(GpuTime, TogetherAreChargedEqualParts) {
  GpuTime gpu;
  GpuTime::Account a, b;
  gpu.set(a, true);
  gpu.advance(100, 1);
  gpu.set(b, true);
  gpu.advance(300, 2);
  gpu.set(a, false);
  gpu.advance(400, 1);
  EXPECT_EQ(gpu.used(a), 200u);
  EXPECT_EQ(gpu.used(b), 200u);
}

TEST(GpuTime, SaidTwiceCountsOnce) {
  GpuTime gpu;
  GpuTime::Account a;
  gpu.set(a, true);
  gpu.advance(10, 1);
  gpu.set(a, true);
  gpu.advance(20, 1);
  EXPECT_EQ(gpu.used(a), 20u);
}

TEST(GpuTime, ClockThatStepsBackChargesNothing) {
  GpuTime gpu;
  GpuTime::Account a;
  gpu.advance(100, 0);
  gpu.set(a, true);
  gpu.advance(50, 1);
  EXPECT_EQ(gpu.used(a), 0u);
  gpu.advance(110, 1);
  EXPECT_EQ(gpu.used(a), 10u);
}

// Rounding must not add up over many events: the sum is the time in use.
TEST(GpuTime, SumIsTheTimeInUse) {
  std::mt19937 random(3);
  GpuTime gpu;
  std::vector<GpuTime::Account> x(7);
  uint64_t now = 0, in_use = 0;
  for (int event = 0; event < 100'000; ++event) {
    const uint64_t passed = random() % 50;
    uint64_t on = 0;
    for (const GpuTime::Account& a : x) on += a.on;
    if (on > 0) in_use += passed;
    now += passed;
    gpu.advance(now, on);
    gpu.set(x[random() % x.size()], random() % 2 == 0);
  }
  uint64_t sum = 0;
  for (const GpuTime::Account& a : x) sum += gpu.used(a);
  EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(in_use), 1e-4 * in_use);
}

}  // namespace
}  // namespace xsched
