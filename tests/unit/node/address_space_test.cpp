// SPDX-License-Identifier: Apache-2.0
//
// base/address_space.h: what lookups see, also while others map and unmap.

#include "tools/sim/base/address_space.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace xsim {
namespace {

TEST(AddressSpace, NothingIsMappedAtFirst) {
  AddressSpace space;
  Range range;
  EXPECT_FALSE(space.lookup(0, range));
  EXPECT_FALSE(space.lookup(0x1000, range));
  EXPECT_FALSE(space.unmap(0x1000));
}

TEST(AddressSpace, ARangeIsFoundFromItsFirstToItsLastByte) {
  AddressSpace space;
  space.map(0x1000, 0x1000, true);
  Range range;
  EXPECT_FALSE(space.lookup(0xfff, range));
  ASSERT_TRUE(space.lookup(0x1000, range));
  EXPECT_EQ(range.begin, 0x1000u);
  EXPECT_EQ(range.end, 0x2000u);
  EXPECT_TRUE(range.writable);
  EXPECT_TRUE(space.lookup(0x1fff, range));
  EXPECT_FALSE(space.lookup(0x2000, range));
  EXPECT_TRUE(space.unmap(0x1000));
  EXPECT_FALSE(space.lookup(0x1000, range));
}

TEST(AddressSpace, ContainsKnowsTheEnd) {
  const Range range{0x1000, 0x2000, true};
  EXPECT_TRUE(range.contains(0x1ffc, 4));
  EXPECT_FALSE(range.contains(0x1ffd, 4));
  EXPECT_FALSE(range.contains(0xfff, 1));
  EXPECT_FALSE(range.contains(0x1000, 0x1001));
}

TEST(AddressSpace, NeighboursAreOneRange) {
  AddressSpace space;
  space.map(0x1000, 0x1000, true);
  space.map(0x2000, 0x1000, true);
  space.map(0x3000, 0x1000, false);
  Range range;
  ASSERT_TRUE(space.lookup(0x1000, range));
  EXPECT_TRUE(range.contains(0x1ffc, 8));
  EXPECT_EQ(range.end, 0x3000u);  // read-only memory is not part of it
  ASSERT_TRUE(space.lookup(0x3000, range));
  EXPECT_FALSE(range.writable);
}

TEST(AddressSpace, AnOverlapLastsAsLongAsEither) {
  AddressSpace space;
  space.map(0x1000, 0x4000, false);
  space.map(0x2000, 0x1000, true);
  Range range;
  ASSERT_TRUE(space.lookup(0x2000, range));
  EXPECT_TRUE(range.writable);
  ASSERT_TRUE(space.lookup(0x3000, range));
  EXPECT_FALSE(range.writable);
  EXPECT_TRUE(space.unmap(0x1000));
  EXPECT_FALSE(space.lookup(0x1000, range));
  EXPECT_TRUE(space.lookup(0x2000, range));
}

TEST(AddressSpace, TheSameRangeTwiceNeedsTwoUnmaps) {
  AddressSpace space;
  space.map(0x1000, 0x1000, true);
  space.map(0x1000, 0x2000, true);
  Range range;
  EXPECT_TRUE(space.unmap(0x1000, 0x2000));  // by size, not by age
  EXPECT_TRUE(space.lookup(0x1000, range));
  EXPECT_FALSE(space.lookup(0x2000, range));
  EXPECT_FALSE(space.unmap(0x1000, 0x2000));
  EXPECT_TRUE(space.unmap(0x1000));
  EXPECT_FALSE(space.lookup(0x1000, range));
}

TEST(AddressSpace, ARangeThatWouldWrapEndsAtTheTop) {
  AddressSpace space;
  space.map(UINT64_MAX - 0xfff, 0x10000, true);
  Range range;
  EXPECT_TRUE(space.lookup(UINT64_MAX - 1, range));
  EXPECT_FALSE(space.lookup(0, range));
  EXPECT_TRUE(space.unmap(UINT64_MAX - 0xfff, 0x10000));
}

TEST(AddressSpace, TheGenerationChangesWithEveryChange) {
  AddressSpace space;
  const uint64_t first = space.generation();
  space.map(0x1000, 0x1000, true);
  const uint64_t second = space.generation();
  EXPECT_NE(first, second);
  space.unmap(0x1000);
  EXPECT_NE(second, space.generation());
  const uint64_t third = space.generation();
  space.unmap(0x1000);
  EXPECT_EQ(third, space.generation());
}

TEST(AddressSpace, LookupsAndChangesSideBySide) {
  AddressSpace space;
  constexpr uint64_t kFixed = 0x100000;
  space.map(kFixed, 0x1000, true);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> missed{0};
  std::atomic<uint64_t> looked{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      do {
        Range range;
        if (!space.lookup(kFixed + 8, range) || !range.contains(kFixed + 8, 8)) ++missed;
        space.lookup(0x200000, range);
        ++looked;
      } while (!done);
    });
  }
  for (uint64_t i = 0; i < 2000; ++i) {
    space.map(0x200000 + i * 0x2000, 0x1000, i % 2);
    if (i % 3 == 0) space.unmap(0x200000 + i * 0x2000);
    // A replacement without a gap: the new one first.
    space.map(kFixed, 0x1000, true);
    space.unmap(kFixed);
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(missed, 0u);
  EXPECT_GT(looked, 0u);
}

}  // namespace
}  // namespace xsim
