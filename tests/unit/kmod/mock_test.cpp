// SPDX-License-Identifier: Apache-2.0
//
// The mock engine by itself: what the other tests believe of it.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

struct Mock {
  xs_mock* mock = xs_mock_new();
  xs_task task = Node::Task(1);
  ~Mock() { xs_mock_free(mock); }
  int One(uint32_t queue_id, bool suspend) {
    xs_op op{};
    op.task = &task;
    op.queue_id = queue_id;
    EXPECT_EQ(xs_mock_ops.apply(mock, &op, 1, suspend, 0), 1u);
    return op.status;
  }
};

TEST(Mock, CountsPassesAndWhatIsSuspended) {
  Mock m;
  EXPECT_EQ(m.One(1, true), 0);
  EXPECT_EQ(m.One(2, true), 0);
  EXPECT_EQ(xs_mock_ops.apply_process(m.mock, &m.task, true), 0);
  EXPECT_EQ(xs_mock_suspended(m.mock), 3u);
  EXPECT_EQ(m.One(1, false), 0);
  EXPECT_EQ(xs_mock_suspended(m.mock), 2u);
  EXPECT_EQ(m.mock->passes, 4u);
  EXPECT_EQ(m.mock->violations, 0u);
}

TEST(Mock, SuspendedTwiceIsAViolation) {
  Mock m;
  m.One(1, true);
  m.One(1, true);
  EXPECT_EQ(m.mock->violations, 1u);
  EXPECT_EQ(xs_mock_suspended(m.mock), 1u);
}

TEST(Mock, ResumedWhileRunningIsAViolation) {
  Mock m;
  m.One(1, false);
  EXPECT_EQ(m.mock->violations, 1u);
}

TEST(Mock, FailsAfterAsOftenAsTold) {
  Mock m;
  xs_mock_fail(m.mock, 2, 2, -ETIME);
  for (uint32_t i = 0; i < 6; ++i) EXPECT_EQ(m.One(i, true), i == 2 || i == 3 ? -ETIME : 0) << i;
}

TEST(Mock, FindsADeadProcessDead) {
  Dead().clear();
  Mock m;
  m.mock->is_dead = [](const xs_task* task) { return Dead().count(task->mm) != 0; };
  EXPECT_EQ(m.One(1, true), 0);
  Dead().insert(m.task.mm);
  EXPECT_EQ(m.One(1, false), -ESRCH);
}

// Neighbours share slots: a hole that one leaves hides no other.
TEST(Mock, FindsAQueueBehindAHole) {
  Mock m;
  for (uint32_t i = 0; i < 4; ++i) m.One(i, true);
  m.One(0, false);
  xs_mock_ops.apply_process(m.mock, &m.task, true);  // ~0: the slot before the first
  m.One(4096, true);                                 // queue 0's slot
  m.One(1, false);
  m.One(4097, true);
  m.One(0, true);  // another hole's
  m.One(4096, false);
  EXPECT_EQ(m.One(0, false), 0);
  EXPECT_EQ(m.mock->violations, 0u);
}

TEST(Mock, HasRoomForSoManyThatCollide) {
  Mock m;
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(m.One(i * 4096, true), 0) << i;
  EXPECT_EQ(m.One(64 * 4096, true), -ENOSPC);
  EXPECT_EQ(xs_mock_suspended(m.mock), 64u);
}

}  // namespace
}  // namespace kmod_test
