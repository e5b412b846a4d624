// SPDX-License-Identifier: Apache-2.0
//
// Policies as tables: a snapshot in, decisions out.
#include "runtime/policy/policy.h"

#include <gtest/gtest.h>

#include <random>

#include "runtime/xqueue/slot.h"

namespace xsched {
namespace {

constexpr uint32_t kEdges = kNotifyReady | kNotifyIdle;

struct Row {
  PolicyInput in;
  PolicyDecision out;
};

void expect_decisions(std::string_view policy, const std::vector<Row>& rows) {
  std::string error;
  const std::unique_ptr<Policy> p = make_policy(policy, error);
  ASSERT_NE(p, nullptr) << error;
  std::vector<PolicyInput> in;
  for (const Row& row : rows) in.push_back(row.in);
  std::vector<PolicyDecision> out(in.size());
  p->decide(in, out);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(out[i].run, rows[i].out.run) << "row " << i;
    EXPECT_EQ(out[i].window, rows[i].out.window) << "row " << i;
    EXPECT_EQ(out[i].guard, rows[i].out.guard) << "row " << i;
    EXPECT_EQ(out[i].notify, rows[i].out.notify) << "row " << i;
  }
}

//                   gpu prio ready  level window      run window guard notify
TEST(Hpf, NothingToDecide) {
  expect_decisions("HPF", {});
}

TEST(Hpf, AloneRunsOpenAndSilent) {
  expect_decisions("HPF", {{{1, 5, true, 1, 4}, {true, 0, 0, 0}}});
}

TEST(Hpf, EqualPrioritiesRunTogether) {
  expect_decisions("HPF", {{{1, 5, true, 1, 4}, {true, 0, 0, 0}},
                           {{1, 5, true, 2, 4}, {true, 0, 0, 0}},
                           {{1, 5, false, 3, 4}, {true, 0, 0, 0}}});
}

TEST(Hpf, ReadyUrgentSuspendsTheOthersReadyOrNot) {
  expect_decisions("HPF", {{{1, 10, true, 3, 4}, {true, 0, 0, kEdges}},
                           {{1, 0, true, 3, 4}, {false, 0, 0, 0}},
                           {{1, 0, false, 3, 4}, {false, 0, 0, 0}}});
}

TEST(Hpf, IdleUrgentLeavesTheOthersPrepared) {
  expect_decisions("HPF", {{{1, 10, false, 1, 4}, {true, 0, 0, kEdges}},
                           {{1, 0, true, 1, 4}, {true, 4, 0, 0}},
                           {{1, 0, true, 2, 4}, {true, 0, 1, 0}},
                           {{1, 0, true, 3, 4}, {true, 0, 0, 0}}});
}

TEST(Hpf, WindowAndGuardStayWhileSuspended) {
  expect_decisions("HPF", {{{1, 10, true, 1, 4}, {true, 0, 0, kEdges}},
                           {{1, 0, true, 1, 7}, {false, 7, 0, 0}},
                           {{1, 0, true, 2, 7}, {false, 0, 1, 0}}});
}

TEST(Hpf, MiddlePriorityYieldsAndIsYieldedTo) {
  expect_decisions("HPF", {{{1, 10, false, 3, 4}, {true, 0, 0, kEdges}},
                           {{1, 5, true, 1, 4}, {true, 4, 0, kEdges}},
                           {{1, 0, true, 3, 4}, {false, 0, 0, 0}}});
}

TEST(Hpf, GpusDoNotCompete) {
  expect_decisions("HPF", {{{1, 10, true, 3, 4}, {true, 0, 0, 0}},
                           {{2, 0, true, 1, 4}, {true, 0, 0, 0}},
                           {{3, -5, true, 2, 4}, {true, 0, 0, kEdges}},
                           {{3, -7, true, 2, 4}, {false, 0, 1, 0}},
                           {{2, 0, true, 3, 4}, {true, 0, 0, 0}}});
}

TEST(Hpf, ExtremePriorities) {
  expect_decisions("HPF", {{{1, INT32_MAX, true, 3, 4}, {true, 0, 0, kEdges}},
                           {{1, INT32_MIN, true, 3, 4}, {false, 0, 0, 0}}});
}

// Against the definition, word by word, on random snapshots; one object for
// all of them, so that nothing may leak from one snapshot into the next.
TEST(Hpf, MatchesItsDefinition) {
  std::string error;
  const std::unique_ptr<Policy> hpf = make_policy("hpf", error);
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<PolicyInput> in(random() % 40);
    for (PolicyInput& x : in) {
      x = {static_cast<uint32_t>(random() % 3), static_cast<int32_t>(random() % 5) - 2,
           random() % 2 == 0, static_cast<uint32_t>(1 + random() % 3), 4};
    }
    std::vector<PolicyDecision> out(in.size());
    hpf->decide(in, out);
    for (size_t i = 0; i < in.size(); ++i) {
      bool run = true, superior = false, inferior = false;
      for (const PolicyInput& other : in) {
        if (other.gpu_id != in[i].gpu_id) continue;
        if (other.ready && other.priority > in[i].priority) run = false;
        superior |= other.priority > in[i].priority;
        inferior |= other.priority < in[i].priority;
      }
      ASSERT_EQ(out[i].run, run);
      ASSERT_EQ(out[i].window, superior && in[i].level == 1 ? 4u : 0u);
      ASSERT_EQ(out[i].guard, superior && in[i].level == 2 ? 1u : 0u);
      ASSERT_EQ(out[i].notify, inferior ? kEdges : 0u);
    }
  }
}

TEST(MakePolicy, NamesTheBadValueAndTheValidOnes) {
  std::string error;
  EXPECT_EQ(make_policy("FIFO", error), nullptr);
  EXPECT_NE(error.find("FIFO"), std::string::npos);
  EXPECT_NE(error.find("HPF"), std::string::npos);
}

}  // namespace
}  // namespace xsched
