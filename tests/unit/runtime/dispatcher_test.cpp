// SPDX-License-Identifier: Apache-2.0
//
// The dispatcher's sleep: nobody's kick is lost. Its rounds are this test's.
#include "runtime/xqueue/dispatcher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace xsched {
namespace {

uint32_t nothing_to_do(uint32_t*, uint32_t, uint32_t&) {
  return 0;
}
uint32_t no_event() {
  return 0;
}

TEST(Dispatcher, AKickIsARound) {
  std::atomic<uint32_t> rounds{0};
  Dispatcher dispatcher(
      [&](uint32_t*, uint32_t, uint32_t&) {
        rounds.fetch_add(1);
        rounds.notify_all();
        return 0u;
      },
      no_event);
  ASSERT_TRUE(dispatcher.start());
  for (int i = 0; i < 1000; ++i) {
    const uint32_t before = rounds.load();
    dispatcher.kick();
    rounds.wait(before);
  }
  dispatcher.stop();
}

// A stop that came between its look for one and its sleep was slept through, and
// whoever stopped it waited for ever.
TEST(Dispatcher, StopEndsItAtWhateverMomentItComes) {
  for (int i = 0; i < 2000; ++i) {
    Dispatcher dispatcher(nothing_to_do, no_event);
    ASSERT_TRUE(dispatcher.start());
    auto stopped = std::async(std::launch::async, [&] { dispatcher.stop(); });
    const bool came = stopped.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    if (!came) dispatcher.kick();
    stopped.get();
    ASSERT_TRUE(came) << i;
  }
}

}  // namespace
}  // namespace xsched
