// SPDX-License-Identifier: Apache-2.0
//
// Which engine and level an XQueue gets, for what it was asked for.
#include "runtime/engine/engine.h"

#include <gtest/gtest.h>

namespace xsched::test {
namespace {

// choose_engine() only asks whether there is one.
KfdQueue* some_queue() {
  alignas(64) static char memory[64];
  return reinterpret_cast<KfdQueue*>(memory);
}

struct Row {
  EngineChoice choice;
  uint32_t wanted;
  bool kfd_queue;
  EngineKind engine;
  uint32_t actual;
};

TEST(Engine, Choice) {
  const Row rows[] = {
      {EngineChoice::kAuto, 1, true, EngineKind::kKfd, 1},
      {EngineChoice::kAuto, 2, true, EngineKind::kKfd, 2},
      {EngineChoice::kAuto, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kAuto, 1, false, EngineKind::kKfd, 1},
      {EngineChoice::kAuto, 3, false, EngineKind::kGate, 2},
      {EngineChoice::kKfd, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kKfd, 3, false, EngineKind::kGate, 2},
      {EngineChoice::kGate, 1, true, EngineKind::kGate, 1},
      {EngineChoice::kGate, 2, true, EngineKind::kGate, 2},
      {EngineChoice::kGate, 3, true, EngineKind::kGate, 2},
      {EngineChoice::kKmod, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kKmod, 3, false, EngineKind::kGate, 2},
  };
  for (const Row& row : rows) {
    const EngineDecision d =
        choose_engine(row.choice, row.wanted, row.kfd_queue ? some_queue() : nullptr);
    SCOPED_TRACE(std::string(to_string(row.choice)) + ", level " + std::to_string(row.wanted) +
                 (row.kfd_queue ? ", kfd queue" : ", no kfd queue"));
    ASSERT_NE(d.engine, nullptr);
    EXPECT_EQ(d.engine->kind(), row.engine);
    EXPECT_EQ(d.level, row.actual);
    EXPECT_LE(d.level, row.wanted);
    // Less than asked for, in level or in engine, is explained; else silence.
    const bool less = d.level < row.wanted || row.choice == EngineChoice::kKmod;
    EXPECT_EQ(!d.why.empty(), less) << d.why;
  }
}

TEST(Engine, GateCannotTakeAQueueOffTheGpu) {
  Engine* gate = choose_engine(EngineChoice::kGate, 2, nullptr).engine;
  EXPECT_EQ(gate->suspend(*some_queue()), ENOTSUP);
  EXPECT_EQ(gate->resume(*some_queue()), ENOTSUP);
}

}  // namespace
}  // namespace xsched::test
