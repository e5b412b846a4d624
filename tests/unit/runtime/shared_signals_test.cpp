// SPDX-License-Identifier: Apache-2.0
//
// What other processes are told of this one's inter-process signals.
#include "runtime/xqueue/shared_signals.h"

#include <gtest/gtest.h>

#include <memory>

namespace xsched {
namespace {

struct Published {
  std::unique_ptr<SignalLines> lines = std::make_unique<SignalLines>();
  SharedSignals signals;

  Published() { signals.publish_in(lines.get()); }
  bool shows(uint64_t key) const {
    for (uint32_t i = 0; i < lines->end.load(); ++i) {
      if (lines->known[i].load() == key) return true;
    }
    return false;
  }
};

TEST(SharedSignals, OneThatWasThereBeforeTheTableIsPublishedWithIt) {
  Published p;
  p.signals.publish_in(nullptr);
  p.signals.exported(100, 7);
  EXPECT_FALSE(p.shows(7));
  p.signals.publish_in(p.lines.get());
  EXPECT_TRUE(p.shows(7));
  EXPECT_EQ(p.signals.key_of(100), 7u);
}

TEST(SharedSignals, EachChangeIsCounted) {
  Published p;
  const uint32_t none = p.lines->changes.load();
  p.signals.exported(100, 7);
  const uint32_t before = p.lines->changes.load();
  EXPECT_NE(before, none);
  p.signals.exported(100, 7);
  EXPECT_EQ(p.lines->changes.load(), before) << "exported twice is the same signal";
  EXPECT_TRUE(p.signals.destroyed(100));
  EXPECT_NE(p.lines->changes.load(), before);
  EXPECT_FALSE(p.shows(7));
  EXPECT_FALSE(p.signals.any());
}

// ROCr gives the same handle again, and wants it destroyed as often.
TEST(SharedSignals, OneThatWasOpenedTwiceStaysUntilItIsDestroyedTwice) {
  Published p;
  p.signals.opened(100, 7);
  p.signals.opened(100, 7);
  EXPECT_FALSE(p.signals.destroyed(100));
  EXPECT_TRUE(p.shows(7));
  EXPECT_TRUE(p.signals.destroyed(100));
  EXPECT_FALSE(p.shows(7));
}

// Its handle was given out again by ROCr before we saw it destroyed.
TEST(SharedSignals, AnotherKeyTakesTheOldOnesPlace) {
  Published p;
  p.signals.exported(100, 7);
  p.signals.exported(100, 8);
  EXPECT_TRUE(p.shows(8));
  EXPECT_FALSE(p.shows(7));
  EXPECT_EQ(p.signals.key_of(100), 8u);
}

TEST(SharedSignals, NothingIsLeftOfAnEndedSession) {
  Published p;
  p.signals.exported(100, 7);
  p.signals.clear();
  EXPECT_FALSE(p.signals.any());
  Published next;
  p.signals.publish_in(next.lines.get());
  EXPECT_FALSE(next.shows(7));
  p.signals.exported(100, 9);
  EXPECT_TRUE(next.shows(9));
}

TEST(SharedSignals, ASignalOfThisProcessAloneIsNoneOfThem) {
  Published p;
  EXPECT_FALSE(p.signals.destroyed(100));
  p.signals.exported(100, 7);
  EXPECT_FALSE(p.signals.destroyed(200));
  EXPECT_EQ(p.signals.key_of(200), 0u);
  EXPECT_TRUE(p.shows(7));
}

TEST(SharedSignals, OneTooManyIsKnownButNotPublished) {
  Published p;
  for (uint64_t i = 0; i <= SignalLines::kMost; ++i) p.signals.exported(i, 1 + i);
  EXPECT_EQ(p.lines->end.load(), SignalLines::kMost);
  EXPECT_FALSE(p.shows(1 + SignalLines::kMost));
  EXPECT_EQ(p.signals.key_of(SignalLines::kMost), 1 + SignalLines::kMost);
  EXPECT_TRUE(p.signals.destroyed(SignalLines::kMost));
  EXPECT_TRUE(p.signals.destroyed(0));
  p.signals.exported(5000, 5001);
  EXPECT_TRUE(p.shows(5001)) << "where there is room again";
}

TEST(SharedSignals, TheKeySaysWhichHandle) {
  const uint32_t one[8] = {1, 2, 3}, other[8] = {1, 2, 4};
  EXPECT_EQ(key_of_handle(one, sizeof one), key_of_handle(one, sizeof one));
  EXPECT_NE(key_of_handle(one, sizeof one), key_of_handle(other, sizeof other));
}

}  // namespace
}  // namespace xsched
