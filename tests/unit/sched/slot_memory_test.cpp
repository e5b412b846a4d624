// SPDX-License-Identifier: Apache-2.0
//
// The slot table's memory: sealed, checked when mapped, cut off on demand.
#include "runtime/sched/slot_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace xsched {
namespace {

TEST(SlotMemory, IsSharedAndCannotBeResized) {
  std::string error;
  const SlotMemory own = SlotMemory::create(error);
  ASSERT_TRUE(own) << error;
  EXPECT_NE(ftruncate(own.fd(), 4096), 0);
  const SlotMemory other = SlotMemory::map(own.fd(), error);
  ASSERT_TRUE(other) << error;
  own.table()->slot[3].state.ready.store(1);
  EXPECT_EQ(other.table()->slot[3].state.ready.load(), 1u);
}

TEST(SlotMemory, RefusesWhatCouldFault) {
  std::string error;
  const Fd unsealed(memfd_create("t", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(unsealed.get(), sizeof(SlotTable)), 0);
  EXPECT_FALSE(SlotMemory::map(unsealed.get(), error));
  EXPECT_NE(error.find("sealed"), std::string::npos) << error;

  const Fd small(memfd_create("t", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(small.get(), sizeof(SlotTable) - 1), 0);
  ASSERT_EQ(fcntl(small.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_FALSE(SlotMemory::map(small.get(), error));
  EXPECT_NE(error.find("bytes"), std::string::npos) << error;

  const Fd no_memfd(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(SlotMemory::map(no_memfd.get(), error));
  EXPECT_FALSE(SlotMemory::map(-1, error));
}

TEST(SlotMemory, RefusesOtherVersions) {
  std::string error;
  const SlotMemory own = SlotMemory::create(error);
  own.table()->abi.store(kSlotAbi + 1);
  EXPECT_FALSE(SlotMemory::map(own.fd(), error));
  EXPECT_NE(error.find("abi"), std::string::npos) << error;
}

TEST(SlotMemory, PrivateKeepsTheContentAndHidesLaterStores) {
  std::string error;
  const SlotMemory own = SlotMemory::create(error);
  const SlotMemory other = SlotMemory::map(own.fd(), error);
  own.table()->slot[0].state.submitted.store(42);
  ASSERT_TRUE(SlotMemory::make_private(*own.table(), own.fd()));
  EXPECT_EQ(own.table()->slot[0].state.submitted.load(), 42u);
  own.table()->slot[0].control.run.store(1);
  other.table()->slot[0].control.run.store(0);
  EXPECT_EQ(own.table()->slot[0].control.run.load(), 1u);
}

}  // namespace
}  // namespace xsched
