// SPDX-License-Identifier: Apache-2.0
//
// Policies that remember nothing, as tables: a snapshot in, decisions out.
// (HPF's tables: ../sched/policy_test.cpp.)
#include <gtest/gtest.h>

#include "runtime/policy/builtin.h"
#include "runtime/policy/policy.h"
#include "runtime/xqueue/slot.h"

namespace xsched {
namespace {

constexpr uint32_t kEdges = kNotifyReady | kNotifyIdle;

struct Row {
  PolicyInput in;
  bool run;
  uint32_t notify = kEdges;
};

uint64_t expect(std::string_view policy, const std::vector<Row>& rows, PolicyContext context = {}) {
  std::string error;
  const std::unique_ptr<Policy> p = make_policy(policy, error);
  EXPECT_NE(p, nullptr) << error;
  EXPECT_EQ(p->name(), policy);
  std::vector<PolicyInput> in;
  for (const Row& row : rows) in.push_back(row.in);
  std::vector<PolicyDecision> out(in.size());
  const uint64_t next = p->decide(context, in, out);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(out[i].run, rows[i].run) << policy << " row " << i;
    EXPECT_EQ(out[i].notify, rows[i].notify) << policy << " row " << i;
  }
  return next;
}

TEST(Hhpf, ReadyUrgentSuspendsOnEveryGpu) {
  expect("HHPF", {{{.gpu_id = 1, .priority = 5, .ready = true}, true},
                  {{.gpu_id = 2, .priority = 0, .ready = true}, false, 0},
                  {{.gpu_id = 3, .priority = 5, .ready = false}, true}});
}

TEST(Chpf, NiceDecidesAndPriorityDoesNot) {
  expect("CHPF", {{{.priority = 0, .ready = true, .cpu_priority = cpu_priority(-5, 0)}, true},
                  {{.priority = 9, .ready = true, .cpu_priority = cpu_priority(0, 0)}, false, 0}});
}

TEST(Chpf, RealTimeIsAboveEveryNice) {
  EXPECT_GT(cpu_priority(0, 1), cpu_priority(-20, 0));
  EXPECT_GT(cpu_priority(0, 99), cpu_priority(0, 1));
  EXPECT_GT(cpu_priority(0, 100), cpu_priority(0, 99)) << "SCHED_DEADLINE";
  EXPECT_GT(cpu_priority(-1, 0), cpu_priority(0, 0));
  EXPECT_EQ(cpu_priority(99, 0), cpu_priority(19, 0));
}

TEST(Awf, ActiveReadySuspendsTheOthersEverywhere) {
  expect("AWF", {{{.gpu_id = 1, .priority = 0, .ready = true, .active = true}, true},
                 {{.gpu_id = 1, .priority = 9, .ready = true}, false, 0},
                 {{.gpu_id = 2, .priority = 9, .ready = true}, false, 0}});
}

TEST(Awf, ActiveIdleLetsAllRun) {
  expect("AWF", {{{.gpu_id = 1, .ready = false, .active = true}, true},
                 {{.gpu_id = 1, .ready = true}, true, 0}});
}

PolicyInput lax(bool ready, uint64_t since, int64_t laxity) {
  return {.priority = 0,
          .ready = ready,
          .lax_priority = -3,
          .critical_priority = 3,
          .ready_since_ns = since,
          .laxity_ns = laxity};
}

TEST(Lax, YieldsWhileItsLaxityLasts) {
  const uint64_t next =
      expect("LAX", {{lax(true, 1000, 500), false}, {{.priority = 0, .ready = true}, true}},
             {.now_ns = 1499});
  EXPECT_EQ(next, 1500u);
}

TEST(Lax, IsCriticalFromThenOn) {
  const uint64_t next =
      expect("LAX", {{lax(true, 1000, 500), true}, {{.priority = 0, .ready = true}, false}},
             {.now_ns = 1500});
  EXPECT_EQ(next, kNever);
}

TEST(Lax, IdleOneIsNeverCritical) {
  expect("LAX", {{lax(false, 1000, 500), false}, {{.priority = 0, .ready = true}, true}},
         {.now_ns = 9000});
}

TEST(Lax, NearestLaxityIsNext) {
  const uint64_t next = expect(
      "LAX",
      {{lax(true, 1000, 500), true}, {lax(true, 1000, 300), true}, {lax(true, 1000, 700), true}},
      {.now_ns = 1100});
  EXPECT_EQ(next, 1300u);
}

TEST(Lax, EndlessLaxityDoesNotOverflow) {
  EXPECT_EQ(expect("LAX", {{lax(true, kNever - 5, INT64_MAX), true, 0}}, {.now_ns = 9}), kNever);
}

PolicyInput due(bool ready, uint64_t since, int64_t deadline, int32_t priority = 0) {
  return {.priority = priority, .ready = ready, .ready_since_ns = since, .deadline_ns = deadline};
}

TEST(Kedf, EarliestRuns) {
  expect("KEDF",
         {{due(true, 100, 50), false}, {due(true, 120, 20), true}, {due(true, 0, 200), false}});
}

TEST(Kedf, KOfThemRun) {
  expect("KEDF",
         {{due(true, 100, 50), true}, {due(true, 120, 20), true}, {due(true, 0, 200), false}},
         {.concurrency = 2});
}

TEST(Kedf, ConcurrencyOf0Is1) {
  expect("KEDF", {{due(true, 100, 50), true}, {due(true, 0, 200), false}}, {.concurrency = 0});
}

TEST(Kedf, IdleOnesAreClosedWhileAllPlacesAreTaken) {
  expect("KEDF", {{due(true, 100, 50), true}, {due(false, 0, 1), false}});
}

TEST(Kedf, IdleOnesAreOpenWhileAPlaceIsFree) {
  expect("KEDF", {{due(true, 100, 50), true}, {due(false, 0, 1), true}, {due(false, 0, 1), true}},
         {.concurrency = 2});
}

TEST(Kedf, WithoutDeadlineComesLastAndByPriority) {
  expect("KEDF", {{due(true, 5, -1, 1), false}, {due(true, 5, 1 << 30, 0), true}});
  expect("KEDF", {{due(true, 5, -1, 1), true}, {due(true, 5, -1, 0), false}});
}

TEST(Kedf, GpusAreScheduledIndependently) {
  PolicyInput other = due(true, 0, 900);
  other.gpu_id = 7;
  expect("KEDF", {{due(true, 100, 50), true}, {due(true, 0, 200), false}, {other, true, 0}});
}

TEST(MakePolicy, KnowsThePublishedNames) {
  std::string error;
  for (const char* name :
       {"HPF", "HHPF", "CHPF", "UP", "PUP", "SPUP", "KEDF", "LAX", "AWF", "CFS", "MLFQ"}) {
    EXPECT_NE(make_policy(name, error), nullptr) << error;
    EXPECT_NE(policy_names().find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace xsched
