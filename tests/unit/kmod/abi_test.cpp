// SPDX-License-Identifier: Apache-2.0
//
// Version 1.0 of the ABI, pinned: a size or an offset that changes breaks
// programs that are out there.
#include <gtest/gtest.h>

#include <cstddef>

#include "uapi/xsched.h"

namespace {

TEST(Abi, SizesOfVersion1) {
  EXPECT_EQ(sizeof(xsched_engine_state), 64u);
  EXPECT_EQ(sizeof(xsched_query), 624u);
  EXPECT_EQ(sizeof(xsched_register_queue), 48u);
  EXPECT_EQ(sizeof(xsched_unregister_queue), 16u);
  EXPECT_EQ(sizeof(xsched_queue_info), 96u);
  EXPECT_EQ(sizeof(xsched_list_queues), 32u);
  EXPECT_EQ(sizeof(xsched_node_info), 64u);
  EXPECT_EQ(sizeof(xsched_list_nodes), 32u);
  EXPECT_EQ(sizeof(xsched_item), 24u);
  EXPECT_EQ(sizeof(xsched_suspend), 56u);
  EXPECT_EQ(sizeof(xsched_resume), 32u);
  EXPECT_EQ(sizeof(xsched_process), 40u);
  EXPECT_EQ(sizeof(xsched_renew), 16u);
  EXPECT_EQ(sizeof(xsched_event), 32u);
  EXPECT_EQ(sizeof(xsched_listen), 16u);
}

TEST(Abi, OffsetsOfVersion1) {
  EXPECT_EQ(offsetof(xsched_query, driver_version), 48u);
  EXPECT_EQ(offsetof(xsched_query, engine), 112u);
  EXPECT_EQ(offsetof(xsched_register_queue, ring_base), 16u);
  EXPECT_EQ(offsetof(xsched_register_queue, handle), 40u);
  EXPECT_EQ(offsetof(xsched_queue_info, suspends), 48u);
  EXPECT_EQ(offsetof(xsched_queue_info, lease_deadline_ns), 88u);
  EXPECT_EQ(offsetof(xsched_list_queues, entries), 24u);
  EXPECT_EQ(offsetof(xsched_suspend, retry_us), 28u);
  EXPECT_EQ(offsetof(xsched_suspend, items), 32u);
  EXPECT_EQ(offsetof(xsched_suspend, ns), 48u);
  EXPECT_EQ(offsetof(xsched_resume, items), 16u);
  EXPECT_EQ(offsetof(xsched_process, ns), 32u);
  EXPECT_EQ(offsetof(xsched_event, lost), 24u);
}

TEST(Abi, NumbersOfVersion1) {
  EXPECT_EQ(XSCHED_IOC_QUERY, 0xbe00u);
  EXPECT_EQ(XSCHED_IOC_SUSPEND, 0xbe04u);
  EXPECT_EQ(XSCHED_IOC_LIST_NODES, 0xbe0au);
}

}  // namespace
