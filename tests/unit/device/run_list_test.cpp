// SPDX-License-Identifier: Apache-2.0
//
// More queues than hardware slots.
#include "fixture.h"

namespace xsim::test {
namespace {

using dev::SharedNode;
using dev::SlotRef;

class RunList : public ::testing::Test {
 protected:
  RunList() : config(test_config()) {
    config.hw_slots = 2;
    config.quantum_us = 0;  // every turn is over at once
    open();
  }
  ~RunList() override { unlink(dev::node_path(config.name).c_str()); }
  void open() {
    node = SharedNode::open(config, process, error);
    if (!node) ADD_FAILURE() << error;
  }
  SlotRef queue(uint32_t priority = 7) {
    QueueParams p;
    p.id = next_id++;
    p.priority = priority;
    return node->add_queue(process, p);
  }
  bool enter(const SlotRef& r) {
    uint64_t retry;
    return node->enter_run_list(r, retry);
  }
  static bool asked_to_go(const SlotRef& r) { return (r.slot->stop & dev::kStopEvicted) != 0; }
  NodeConfig config;
  std::string error;
  int process = -1;
  std::shared_ptr<SharedNode> node;
  uint32_t next_id = 1;
};

TEST_F(RunList, IdleQueuesGiveWay) {
  const SlotRef a = queue(), b = queue(), c = queue();
  EXPECT_EQ(a.slot->run, 1u);
  EXPECT_EQ(b.slot->run, 1u);
  EXPECT_EQ(c.slot->run, 0u);
  EXPECT_TRUE(enter(c));
  EXPECT_EQ(a.slot->run + b.slot->run, 1u);
}

TEST_F(RunList, EqualsTakeTurns) {
  const SlotRef a = queue(), b = queue(), c = queue();
  ASSERT_TRUE(enter(a));
  ASSERT_TRUE(enter(b));
  EXPECT_FALSE(enter(c));
  // The one that has stood longest, and only one.
  EXPECT_TRUE(asked_to_go(a));
  EXPECT_FALSE(asked_to_go(b));
  EXPECT_FALSE(enter(c));
  EXPECT_FALSE(asked_to_go(b));
  node->leave_run_list(a);
  EXPECT_FALSE(asked_to_go(a));
  EXPECT_EQ(a.slot->run, 0u);
  EXPECT_EQ(c.slot->run, 1u);
  EXPECT_TRUE(enter(c));
  EXPECT_FALSE(enter(a));
  EXPECT_TRUE(asked_to_go(b));
}

TEST_F(RunList, AQuantumIsRespected) {
  unlink(dev::node_path(config.name).c_str());
  config.quantum_us = 3600u * 1000 * 1000;
  open();
  const SlotRef a = queue(), b = queue(), c = queue(), urgent = queue(8);
  ASSERT_TRUE(enter(a));
  ASSERT_TRUE(enter(b));
  EXPECT_FALSE(enter(c));
  EXPECT_FALSE(asked_to_go(a) || asked_to_go(b));
  // Higher priority does not wait for it.
  EXPECT_FALSE(enter(urgent));
  EXPECT_TRUE(asked_to_go(a));
  node->leave_run_list(a);
  // And it goes before c, which came first.
  EXPECT_EQ(urgent.slot->run, 1u);
  EXPECT_EQ(c.slot->run, 0u);
}

TEST_F(RunList, LowerPriorityDoesNotPush) {
  const SlotRef a = queue(), b = queue(), c = queue(3);
  ASSERT_TRUE(enter(a));
  ASSERT_TRUE(enter(b));
  EXPECT_FALSE(enter(c));
  EXPECT_FALSE(asked_to_go(a) || asked_to_go(b));
  node->idle_in_run_list(b);
  EXPECT_EQ(c.slot->run, 1u);
}

TEST_F(RunList, UnmappedQueuesLeave) {
  const SlotRef a = queue(), b = queue(), c = queue();
  ASSERT_TRUE(enter(a));
  node->set_share(b, 0, 7);
  EXPECT_EQ(b.slot->run, 0u);
  EXPECT_EQ(c.slot->run, 1u);  // there is room now
  EXPECT_FALSE(enter(b));
  node->set_share(b, 100, 7);
  EXPECT_TRUE(enter(b));  // in c's place, which is idle
  EXPECT_EQ(c.slot->run, 0u);
  node->remove_queue(b);
  EXPECT_EQ(c.slot->run, 1u);
}

// The whole thing: five queues, two slots, all with long kernels.
TEST(RunListLive, FiveQueuesShareTwoSlots) {
  NodeConfig config = test_config();
  config.hw_slots = 2;
  config.quantum_us = 2000;
  config.kernel_times.push_back({"long", 20'000});
  TestDevice d(config);
  FakeKernel k;
  k.name = "long";
  std::vector<std::unique_ptr<TestQueue>> queues;
  std::vector<std::unique_ptr<TestSignal>> done;
  for (uint32_t i = 0; i < 5; ++i) {
    queues.push_back(std::make_unique<TestQueue>(d, i + 1));
    done.push_back(std::make_unique<TestSignal>(3));
  }
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < 5; ++i) queues[i]->launch(k, 2, done[i].get());
  }
  uint32_t most = 0;
  EXPECT_TRUE(eventually([&] {
    uint32_t mapped = 0;
    for (const QueueView& v : list_queues(config.name)) mapped += v.mapped ? 1 : 0;
    most = std::max(most, mapped);
    for (const auto& s : done) {
      if (s->load() != 0) return false;
    }
    return true;
  }));
  EXPECT_EQ(most, 2u);
  uint64_t preemptions = 0;
  for (const auto& q : queues) {
    EXPECT_EQ(q->view().dispatches, 3u);
    // 3 x 20 ms each, however often it was interrupted.
    EXPECT_GE(q->view().busy_ns, 55'000'000u);
    preemptions += q->view().preemptions;
  }
  EXPECT_GT(preemptions, 5u);
}

}  // namespace
}  // namespace xsim::test
