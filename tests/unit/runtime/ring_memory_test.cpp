// SPDX-License-Identifier: Apache-2.0
//
// Proxy rings: HSA's initial state, of one's own, in spite of who closes files.
#include "runtime/hsa/ring_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace xsched::test {
namespace {

constexpr uint64_t kHips = 16384;

bool all_invalid(const RingMemory& ring, uint64_t packets) {
  for (uint64_t i = 0; i < packets; ++i) {
    if (ring.get()[i].header != kPacketInvalid) return false;
  }
  return true;
}

TEST(RingMemory, EveryPacketOfANewRingIsInvalid) {
  for (const uint64_t packets : {uint64_t{64}, uint64_t{4096}, uint64_t{8192}, kHips}) {
    EXPECT_TRUE(all_invalid(RingMemory::allocate(packets), packets)) << packets;
  }
}

TEST(RingMemory, WhatIsWrittenStaysInItsRingAndPlace) {
  RingMemory one = RingMemory::allocate(kHips);
  const RingMemory other = RingMemory::allocate(kHips);
  one.get()[3].header = kPacketKernel;
  EXPECT_TRUE(all_invalid(other, kHips));
  EXPECT_TRUE(all_invalid(RingMemory::allocate(kHips), kHips));
  one.get()[3].header = kPacketInvalid;
  EXPECT_TRUE(all_invalid(one, kHips)) << "a piece of the ring shows in another";
}

TEST(RingMemory, AProgramThatClosesAllFilesGetsRingsStill) {
  const RingMemory first = RingMemory::allocate(kHips);
  for (int file = 3; file < 256; ++file) close(file);
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);  // takes the lowest numbers
  EXPECT_TRUE(all_invalid(RingMemory::allocate(kHips), kHips));
  close(pipes[0]);
  close(pipes[1]);
}

TEST(RingMemory, MovedFromIsEmpty) {
  RingMemory ring = RingMemory::allocate(64);
  const RingMemory other = static_cast<RingMemory&&>(ring);
  EXPECT_TRUE(other);
  EXPECT_FALSE(ring);
}

}  // namespace
}  // namespace xsched::test
