// SPDX-License-Identifier: Apache-2.0
//
// How often the poller looks at a doorbell that nobody rings, in modelled time.
#include "tools/sim/device/poller.h"

#include "fixture.h"

namespace xsim::test {
namespace {

using dev::Poller;
using dev::WaitKind;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000 * kMs;

int looks_between(uint64_t from, uint64_t to, WaitKind kind) {
  int looks = 0;
  for (uint64_t age = 0; age < to; age += Poller::interval_ns(age, kind)) looks += age >= from;
  return looks;
}

// 5 s of an idle process may cost 10 ms of CPU, and a look may cost 250 us.
TEST(PollerInterval, AnIdleProcessIsLookedAtAFewTimesASecond) {
  EXPECT_LE(looks_between(4 * kSecond, 9 * kSecond, WaitKind::kDoorbell), 16);
}

TEST(PollerInterval, ALaunchIsLateByASixteenthOfThePauseBeforeIt) {
  for (uint64_t pause = 10 * kMs; pause < 100 * kSecond; pause += 10 * kMs) {
    const uint64_t late = Poller::interval_ns(pause, WaitKind::kDoorbell);
    EXPECT_LE(late, std::max(pause / 16, 25 * kMs)) << pause;
    EXPECT_LE(late, kSecond) << pause;
  }
}

TEST(PollerInterval, AQueueThatWaitsForASignalIsLookedAtFortyTimesASecondForGood) {
  EXPECT_LE(Poller::interval_ns(1000 * kSecond, WaitKind::kSignal), 25 * kMs);
}

}  // namespace
}  // namespace xsim::test
