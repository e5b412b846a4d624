// SPDX-License-Identifier: Apache-2.0
//
// Which engine and level an XQueue gets, for what it was asked for.
#include "runtime/engine/engine.h"

#include <gtest/gtest.h>
#include <linux/kfd_ioctl.h>

#include "runtime/engine/kmod_engine.h"

namespace xsched::test {
namespace {

// A queue as CREATE_QUEUE would make it; gone with the object.
class CreatedQueue {
 public:
  explicit CreatedQueue(uint32_t save_bytes = 4096,
                        uint32_t type = KFD_IOC_QUEUE_TYPE_COMPUTE_AQL) {
    kfd_ioctl_create_queue_args args{};
    args.queue_id = kId;
    args.queue_type = type;
    args.ctx_save_restore_address = save_bytes != 0 ? 0x10000 : 0;
    args.ctx_save_restore_size = save_bytes;
    queue_ = remember_kfd_queue(-1, args);
  }
  CreatedQueue(const CreatedQueue&) = delete;
  ~CreatedQueue() { forget_kfd_queue(kId); }
  KfdQueue* get() const { return queue_; }

 private:
  static constexpr uint32_t kId = 7;
  KfdQueue* queue_;
};

struct Row {
  EngineChoice choice;
  uint32_t wanted;
  bool kfd_queue;
  EngineKind engine;
  uint32_t actual;
};

TEST(Engine, Choice) {
  const Row rows[] = {
      // Levels 1 and 2 need no engine but the gate.
      {EngineChoice::kAuto, 1, true, EngineKind::kGate, 1},
      {EngineChoice::kAuto, 2, true, EngineKind::kGate, 2},
      {EngineChoice::kAuto, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kAuto, 1, false, EngineKind::kGate, 1},
      {EngineChoice::kAuto, 3, false, EngineKind::kGate, 2},
      {EngineChoice::kKfd, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kKfd, 3, false, EngineKind::kGate, 2},
      {EngineChoice::kGate, 1, true, EngineKind::kGate, 1},
      {EngineChoice::kGate, 2, true, EngineKind::kGate, 2},
      {EngineChoice::kGate, 3, true, EngineKind::kGate, 2},
      {EngineChoice::kKmod, 3, true, EngineKind::kKfd, 3},
      {EngineChoice::kKmod, 3, false, EngineKind::kGate, 2},
  };
  const CreatedQueue some_queue;
  set_module_opener([](std::string& why) {
    why = "no module in this test";
    return ModuleFile();
  });
  for (const Row& row : rows) {
    const EngineDecision d =
        choose_engine(row.choice, row.wanted, row.kfd_queue ? some_queue.get() : nullptr);
    SCOPED_TRACE(std::string(to_string(row.choice)) + ", level " + std::to_string(row.wanted) +
                 (row.kfd_queue ? ", kfd queue" : ", no kfd queue"));
    ASSERT_NE(d.engine, nullptr);
    EXPECT_EQ(d.engine->kind(), row.engine);
    EXPECT_EQ(d.level, row.actual);
    EXPECT_LE(d.level, row.wanted);
    // Less than asked for, in level or in engine, is explained; else silence.
    const bool less = d.level < row.wanted || row.choice == EngineChoice::kKmod;
    EXPECT_EQ(!d.why.empty(), less) << d.why;
    // Tools learn in any case why it is not the best one.
    EXPECT_EQ(!d.kmod_why.empty(), row.wanted == 3) << d.kmod_why;
  }
}

TEST(Engine, Level3NeedsAnAreaToSaveWavesIn) {
  for (const bool aql : {true, false}) {
    const CreatedQueue queue(aql ? 0 : 4096,
                             aql ? KFD_IOC_QUEUE_TYPE_COMPUTE_AQL : KFD_IOC_QUEUE_TYPE_COMPUTE);
    EXPECT_FALSE(can_save(*queue.get()));
    const EngineDecision d = choose_engine(EngineChoice::kKfd, 3, queue.get());
    EXPECT_EQ(d.level, 2u);
    EXPECT_NE(d.why.find("CWSR"), std::string::npos) << d.why;
  }
  EXPECT_TRUE(can_save(*CreatedQueue().get()));
}

TEST(Engine, WhatFailedIsPassedOver) {
  const CreatedQueue queue;
  const EngineDecision d = choose_engine(EngineChoice::kAuto, 3, queue.get(), EngineKind::kKmod);
  EXPECT_EQ(d.engine->kind(), EngineKind::kKfd);
  const EngineDecision below = choose_engine(EngineChoice::kAuto, 3, queue.get(), EngineKind::kKfd);
  EXPECT_EQ(below.engine->kind(), EngineKind::kGate);
  EXPECT_EQ(below.level, 2u) << "guards are still there";
}

TEST(Engine, GateCannotTakeAQueueOffTheGpu) {
  const CreatedQueue some_queue;
  Engine* gate = choose_engine(EngineChoice::kGate, 2, nullptr).engine;
  EXPECT_EQ(gate->suspend(*some_queue.get()), ENOTSUP);
  EXPECT_EQ(gate->resume(*some_queue.get()), ENOTSUP);
}

// As the thunks of ROCm 5.7 and 6.4 ask, and as a later one might.
TEST(KfdCalls, AQueueIsKnownWhateverTheSizeOfItsArguments) {
  for (const size_t bytes : {88u, 96u, 128u}) {
    EXPECT_EQ(kfd_call(_IOC(_IOC_READ | _IOC_WRITE, 'K', 2, bytes)), KfdCall::kCreateQueue);
  }
  EXPECT_EQ(kfd_call(AMDKFD_IOC_UPDATE_QUEUE), KfdCall::kUpdateQueue);
  EXPECT_EQ(kfd_call(AMDKFD_IOC_DESTROY_QUEUE), KfdCall::kDestroyQueue);
}

TEST(KfdCalls, ARequestThatIsTooShortToReadIsNotLookedAt) {
  EXPECT_EQ(kfd_call(_IOC(_IOC_READ | _IOC_WRITE, 'K', 2, 40)), KfdCall::kOther);
  EXPECT_EQ(kfd_call(_IOC(_IOC_WRITE, 'K', 7, 8)), KfdCall::kOther);
  EXPECT_EQ(kfd_call(_IOC(_IOC_READ | _IOC_WRITE, 'D', 2, 96)), KfdCall::kOther);
}

}  // namespace
}  // namespace xsched::test
