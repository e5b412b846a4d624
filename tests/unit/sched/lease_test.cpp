// SPDX-License-Identifier: Apache-2.0
//
// The lease: a hang is noticed within one lease, a live daemon never accused.
#include "runtime/sched/lease.h"

#include <gtest/gtest.h>

namespace xsched {
namespace {

constexpr uint64_t kMs = 1'000'000;
using Look = Lease::Look;

TEST(Lease, OffUntilArmed) {
  Lease lease(1000);
  EXPECT_FALSE(lease.armed());
  EXPECT_EQ(lease.look(1'000'000 * kMs, 0), Look::kEarly);
}

TEST(Lease, BeatsKeepItAlive) {
  Lease lease(1000);
  lease.arm(0, 0);
  for (uint64_t i = 1; i < 100; ++i) EXPECT_EQ(lease.look(i * 250 * kMs, i), Look::kAlive);
}

TEST(Lease, ExpiresWithinOneLeaseOfTheLastBeat) {
  // The worst moment: the last beat comes right after a look.
  Lease lease(1000);
  lease.arm(0, 0);
  EXPECT_EQ(lease.look(250 * kMs, 1), Look::kAlive);
  EXPECT_EQ(lease.look(500 * kMs, 1), Look::kStale);
  EXPECT_EQ(lease.look(750 * kMs, 1), Look::kStale);
  EXPECT_EQ(lease.look(1000 * kMs, 1), Look::kExpired);
  EXPECT_EQ(lease.look(1250 * kMs, 1), Look::kExpired);
  EXPECT_EQ(lease.look(1500 * kMs, 2), Look::kAlive);
}

TEST(Lease, AStoppedProcessDoesNotAccuseTheDaemon) {
  Lease lease(1000);
  lease.arm(0, 0);
  EXPECT_EQ(lease.look(60'000 * kMs, 0), Look::kStale);  // one late look is one look
  EXPECT_EQ(lease.look(60'250 * kMs, 1), Look::kAlive);
}

TEST(Lease, ArmingAgainDoesNotPostpone) {
  Lease lease(1000);
  lease.arm(0, 0);
  lease.arm(200 * kMs, 0);
  EXPECT_EQ(lease.next_look_ns(), 250 * kMs);
  lease.disarm();
  lease.arm(300 * kMs, 0);
  EXPECT_EQ(lease.next_look_ns(), 550 * kMs);
}

}  // namespace
}  // namespace xsched
