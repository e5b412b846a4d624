// SPDX-License-Identifier: Apache-2.0
//
// The pool of compute units: who is served when.
#include <fcntl.h>
#include <sys/wait.h>

#include <random>

#include "fixture.h"
#include "tools/sim/device/dispatch.h"

namespace xsim::test {
namespace {

using dev::SharedNode;
using dev::SlotRef;

class ComputeUnits : public ::testing::Test {
 protected:
  ComputeUnits() : config(test_config()) {
    node = SharedNode::open(config, process, error);
    if (!node) ADD_FAILURE() << error;
  }
  ~ComputeUnits() override { unlink(dev::node_path(config.name).c_str()); }
  SlotRef queue(uint32_t priority = 7) {
    QueueParams p;
    p.id = next_id++;
    p.priority = priority;
    return node->add_queue(process, p);
  }
  NodeConfig config;  // 4 compute units: 256 units
  std::string error;
  int process = -1;
  std::shared_ptr<SharedNode> node;
  uint32_t next_id = 1;
};

TEST_F(ComputeUnits, Cost) {
  struct Row {
    isa::Footprint footprint;
    uint32_t units;
  };
  const Row rows[] = {
      {{1, 0, 0}, 2},      {{4, 0, 32}, 8},   {{16, 0, 32}, 32},      {{1, 65536, 8}, 64},
      {{1, 65535, 8}, 64}, {{1, 1, 8}, 2},    {{1, 20000, 8}, 20},    {{4, 0, 512}, 64},
      {{4, 0, 128}, 16},   {{4, 0, 129}, 17}, {{16, 65536, 512}, 64}, {{0, 0, 0}, 1},
  };
  for (const Row& r : rows) {
    EXPECT_EQ(dev::Dispatch::unit_cost(r.footprint), r.units)
        << r.footprint.waves << " waves, " << r.footprint.lds_bytes << " bytes, "
        << r.footprint.vgprs << " registers";
  }
}

TEST_F(ComputeUnits, GrantsWhatFits) {
  const SlotRef a = queue();
  EXPECT_EQ(node->settle(a, 64, 0, 10), 4u);
  EXPECT_EQ(a.slot->held_units(), 256u);
  EXPECT_EQ(a.slot->want(), 6u);
  EXPECT_EQ(node->settle(a, 64, 3, 6), 3u);
  node->withdraw(a);
  EXPECT_EQ(a.slot->held_units(), 0u);
  EXPECT_EQ(a.slot->want(), 0u);
  EXPECT_EQ(node->settle(a, 1, 0, 1000), 256u);
}

TEST_F(ComputeUnits, ArrivalOrderAmongEquals) {
  const SlotRef a = queue(), b = queue(), c = queue();
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  EXPECT_EQ(node->settle(b, 64, 0, 1), 0u);
  EXPECT_EQ(node->settle(c, 64, 0, 1), 0u);
  EXPECT_TRUE(node->others_wait(a));
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 1u);
  EXPECT_EQ(c.slot->granted(), 0u);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(c.slot->granted(), 1u);
  EXPECT_FALSE(node->others_wait(a));
}

TEST_F(ComputeUnits, PriorityGoesFirst) {
  const SlotRef a = queue(), low = queue(3), high = queue(11);
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  node->settle(low, 64, 0, 1);
  node->settle(high, 64, 0, 1);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(high.slot->granted(), 1u);
  EXPECT_EQ(low.slot->granted(), 0u);
}

TEST_F(ComputeUnits, PriorityMayChangeWhileWaiting) {
  const SlotRef a = queue(), b = queue(3), c = queue(11);
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  node->settle(b, 64, 0, 1);
  node->settle(c, 64, 0, 1);
  node->set_share(b, 100, 15);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 1u);
  EXPECT_EQ(c.slot->granted(), 0u);
}

TEST_F(ComputeUnits, ALargeWaiterIsNotStarvedBySmallOnes) {
  const SlotRef a = queue(), large = queue(), small = queue();
  ASSERT_EQ(node->settle(a, 1, 0, 256), 256u);
  node->settle(large, 64, 0, 1);
  node->settle(small, 1, 0, 100);
  for (int i = 0; i < 63; ++i) {
    node->settle(a, 1, 1, 0);
    ASSERT_EQ(small.slot->granted(), 0u) << i;
  }
  node->settle(a, 1, 1, 0);
  EXPECT_EQ(large.slot->granted(), 1u);
  node->settle(a, 1, 10, 0);
  EXPECT_EQ(small.slot->granted(), 10u);
}

TEST_F(ComputeUnits, APartGoesToTheEndOfTheLine) {
  const SlotRef a = queue(), b = queue(), c = queue();
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  node->settle(b, 64, 0, 3);
  node->settle(c, 64, 0, 1);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 1u);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(c.slot->granted(), 1u);
  node->settle(a, 64, 2, 0);
  EXPECT_EQ(b.slot->granted(), 3u);
}

TEST_F(ComputeUnits, AGangGetsAllOrNothing) {
  const SlotRef a = queue(), gang = queue(), b = queue();
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  EXPECT_EQ(node->settle(gang, 32, 0, 6, true), 0u);
  EXPECT_EQ(node->settle(b, 1, 0, 1), 0u);
  node->settle(a, 64, 2, 0);
  EXPECT_EQ(gang.slot->granted(), 0u);
  EXPECT_EQ(b.slot->granted(), 0u);  // it stands behind
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(gang.slot->granted(), 6u);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 1u);
}

TEST_F(ComputeUnits, AnUnmappedWaiterIsPassedOver) {
  const SlotRef a = queue(), b = queue(), c = queue();
  ASSERT_EQ(node->settle(a, 64, 0, 4), 4u);
  node->settle(b, 64, 0, 1);
  node->settle(c, 64, 0, 1);
  node->set_share(b, 0, 7);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 0u);
  EXPECT_EQ(c.slot->granted(), 1u);
  node->set_share(b, 100, 7);
  node->settle(a, 64, 1, 0);
  EXPECT_EQ(b.slot->granted(), 1u);
}

// A child takes everything and is killed, once outside and once inside the
// lock; its waiter here must get what it held.
TEST_F(ComputeUnits, AKilledProcessGivesEverythingBack) {
  for (const bool inside : {false, true}) {
    const SlotRef a = queue();
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      int index = -1;
      std::string e;
      auto mine = SharedNode::open(config, index, e);
      QueueParams p;
      p.id = 99;
      const SlotRef s = mine->add_queue(index, p);
      mine->settle(s, 64, 0, 4);
      mine->reserve_vram(index, 0, 1 << 20);
      if (inside) mine->lock_for_test();
      (void)!write(ready[1], "x", 1);
      for (;;) pause();
    }
    char byte;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (!inside) {
      EXPECT_EQ(node->settle(a, 64, 0, 4), 0u);
      EXPECT_LT(node->vram_available(0), config.vram_bytes);
    }
    kill(child, SIGKILL);
    // Not waited for yet: a zombie counts as dead.
    if (inside) {
      EXPECT_EQ(node->settle(a, 64, 0, 4), 0u);
    }
    EXPECT_TRUE(eventually([&] {
      node->reap();
      return a.slot->granted() == 4;
    }));
    EXPECT_EQ(node->vram_available(0), config.vram_bytes);
    EXPECT_EQ(node->list().size(), inside ? 2u : 1u);
    node->withdraw(a);
    waitpid(child, nullptr, 0);
  }
}

// Processes that do everything to the shared area are killed at any moment.
TEST_F(ComputeUnits, RandomKillsLoseNothing) {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    std::vector<pid_t> children;
    for (int c = 0; c < 3; ++c) {
      const uint32_t seed = random();
      const pid_t child = fork();
      if (child == 0) {
        std::mt19937 r(seed);
        int index = -1;
        std::string e;
        auto mine = SharedNode::open(config, index, e);
        std::vector<SlotRef> queues;
        for (;;) {
          if (queues.size() < 3) {
            QueueParams p;
            p.id = 1000 + r() % 1000;
            p.priority = r() % 16;
            if (const SlotRef s = mine->add_queue(index, p)) queues.push_back(s);
          }
          const size_t i = r() % queues.size();
          const SlotRef s = queues[i];
          uint64_t retry;
          switch (r() % 9) {
            case 0:
              mine->remove_queue(s);
              queues.erase(queues.begin() + static_cast<ptrdiff_t>(i));
              break;
            case 1:
              mine->withdraw(s);
              break;
            case 2:
              mine->set_share(s, r() % 2 * 100, r() % 16);
              break;
            case 3:
              mine->enter_run_list(s, retry);
              break;
            case 4:
              mine->leave_run_list(s);
              break;
            case 5:
              mine->reserve_vram(index, 0, r() % 1000000);
              break;
            default:
              mine->settle(s, 1 + r() % 64, r() % 3, r() % 5);
          }
        }
      }
      children.push_back(child);
    }
    // Something has happened, nobody knows what.
    ASSERT_TRUE(eventually([&] { return node->list().size() >= 4 || random() % 8 == 0; }));
    for (const pid_t child : children) kill(child, SIGKILL);
    const SlotRef a = queue(15);
    node->settle(a, 1, 0, 256);
    ASSERT_TRUE(eventually([&] {
      node->reap();
      node->settle(a, 1, 0, 256 - a.slot->resident);
      return a.slot->resident == 256u;
    })) << "round "
        << round;
    ASSERT_TRUE(eventually([&] {
      node->reap(true);
      return node->list().size() == 1 && node->vram_available(0) == config.vram_bytes;
    })) << "round "
        << round;
    node->remove_queue(a);
    for (const pid_t child : children) waitpid(child, nullptr, 0);
  }
}

TEST_F(ComputeUnits, VramIsSharedAndLimited) {
  EXPECT_EQ(node->reserve_vram(process, 0, config.vram_bytes - 100), 0);
  EXPECT_EQ(node->vram_available(0), 100u);
  EXPECT_EQ(node->reserve_vram(process, 0, 101), ENOMEM);
  EXPECT_EQ(node->reserve_vram(process, 0, UINT64_MAX), ENOMEM);
  node->release_vram(process, 0, config.vram_bytes - 100);
  EXPECT_EQ(node->vram_available(0), config.vram_bytes);
}

TEST_F(ComputeUnits, AnotherConfigurationIsRefusedWhileInUse) {
  NodeConfig other = config;
  other.cus = 8;
  int index = -1;
  std::string e;
  EXPECT_EQ(SharedNode::open(other, index, e), nullptr);
  EXPECT_NE(e.find("4 cus"), std::string::npos) << e;
  EXPECT_EQ(remove_node(config.name), EBUSY);
  node->detach(process);
  EXPECT_NE(SharedNode::open(other, index, e), nullptr) << e;
}

// What another version left behind is replaced, unless it is in use.
TEST_F(ComputeUnits, AnotherVersionsFile) {
  NodeConfig other = config;
  other.name += "-foreign";
  const std::string path = dev::node_path(other.name);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::write(fd, "not a node of ours", 18), 18);
  struct flock use {};
  use.l_type = F_RDLCK;
  use.l_whence = SEEK_SET;
  use.l_start = 1;
  use.l_len = 1;
  ASSERT_EQ(fcntl(fd, F_OFD_SETLK, &use), 0);
  int index = -1;
  std::string e;
  EXPECT_EQ(SharedNode::open(other, index, e), nullptr);
  EXPECT_NE(e.find("another version"), std::string::npos) << e;
  EXPECT_TRUE(list_queues(other.name).empty());
  EXPECT_EQ(remove_node(other.name), EBUSY);
  close(fd);
  EXPECT_NE(SharedNode::open(other, index, e), nullptr) << e;
  EXPECT_EQ(remove_node(other.name), EBUSY);
  unlink(path.c_str());
  EXPECT_EQ(remove_node(other.name), ENOENT);
}

TEST_F(ComputeUnits, BadConfigurationsAreNamed) {
  NodeConfig bad = config;
  int index = -1;
  std::string e;
  bad.name = "../x";
  EXPECT_EQ(SharedNode::open(bad, index, e), nullptr);
  EXPECT_NE(e.find("../x"), std::string::npos);
  bad = config;
  bad.gpus = 9;
  EXPECT_EQ(SharedNode::open(bad, index, e), nullptr);
  EXPECT_NE(e.find("9"), std::string::npos);
}

}  // namespace
}  // namespace xsim::test
