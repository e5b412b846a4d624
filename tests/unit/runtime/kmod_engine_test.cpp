// SPDX-License-Identifier: Apache-2.0
//
// Engine kmod against the module's own core.
#include "runtime/engine/kmod_engine.h"

#include <gtest/gtest.h>

#include "module_rig.h"

namespace xsched::test {
namespace {

ModuleRig* g_rig = nullptr;
uint32_t g_next_id = 100;  // of KFD queues: the registry of them is the process's

class KmodEngineTest : public ::testing::Test {
 protected:
  void use(uint32_t rate = 0) {
    rig = std::make_unique<ModuleRig>(rate);
    g_rig = rig.get();
    engine = std::make_unique<KmodEngine>([](std::string& why) {
      ModuleFile file = g_rig->client();
      if (!file.check(false, why)) file.close();
      return file;
    });
  }
  void SetUp() override { use(); }
  void TearDown() override {
    for (uint32_t id : made) forget_kfd_queue(id);
  }
  KfdQueue* queue() {
    made.push_back(g_next_id);
    return ModuleRig::create_queue(g_next_id++);
  }
  // ROCr's own write.
  int update(KfdQueue& q, uint32_t percentage, uint32_t priority) {
    kfd_ioctl_update_queue_args args{};
    args.queue_id = kfd_queue_id(q);
    args.queue_percentage = percentage;
    args.queue_priority = priority;
    return hooked_ioctl(-1, AMDKFD_IOC_UPDATE_QUEUE, &args);
  }
  uint64_t enter(KfdQueue* q) {
    std::string why;
    EXPECT_EQ(engine->reaches(q, why), 3u) << why;
    return engine->handle(*q);
  }
  int control_suspend(uint64_t handle) {
    ModuleFile control = rig->control();
    xsched_item item{};
    item.handle = handle;
    uint32_t retry = 0;
    const int error = control.suspend({&item, 1}, retry);
    return error != 0 ? error : -item.status;
  }
  int control_resume(uint64_t handle) {
    ModuleFile control = rig->control();
    xsched_item item{};
    item.handle = handle;
    const int error = control.resume({&item, 1});
    return error != 0 ? error : -item.status;
  }

  std::unique_ptr<ModuleRig> rig;
  std::unique_ptr<KmodEngine> engine;
  std::vector<uint32_t> made;
};

TEST_F(KmodEngineTest, RegistersWhatKfdWasTold) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  const xsched_queue_info row = rig->info(handle);
  EXPECT_EQ(row.queue_id, kfd_queue_id(*q));
  EXPECT_EQ(row.gpu_id, 7u);
  EXPECT_EQ(row.ring_size, 65536u);
  EXPECT_EQ(row.priority, 7u);
  EXPECT_EQ(enter(q), handle) << "once";
}

TEST_F(KmodEngineTest, SuspendsAndResumes) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  EXPECT_EQ(engine->suspend(*q), 0);
  EXPECT_TRUE(rig->suspended(handle));
  EXPECT_EQ(engine->resume(*q), 0);
  EXPECT_FALSE(rig->suspended(handle));
}

TEST_F(KmodEngineTest, AQueueRunsWhenTheLastHolderLetsGo) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  EXPECT_EQ(control_suspend(handle), 0);
  EXPECT_EQ(engine->suspend(*q), 0);
  EXPECT_EQ(rig->passes, 1) << "the second hold costs nothing";
  EXPECT_EQ(engine->resume(*q), 0);
  EXPECT_TRUE(rig->suspended(handle));
  EXPECT_EQ(control_resume(handle), 0);
  EXPECT_FALSE(rig->suspended(handle));
}

TEST_F(KmodEngineTest, WithdrawingEndsEveryHold) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  control_suspend(handle);
  engine->withdraw(*q);
  EXPECT_EQ(rig->queues(), 0u);
  EXPECT_FALSE(rig->suspended(handle));
  EXPECT_EQ(control_suspend(handle), ENOENT);
  EXPECT_EQ(engine->suspend(*q), 0) << "it is registered anew when needed";
  EXPECT_NE(engine->handle(*q), handle);
}

TEST_F(KmodEngineTest, DestroyQueueEndsTheRegistration) {
  KfdQueue* q = queue();
  enter(q);
  engine->suspend(*q);
  kfd_ioctl_destroy_queue_args args{kfd_queue_id(*q), 0};
  hooked_ioctl(-1, AMDKFD_IOC_DESTROY_QUEUE, &args);  // refused by the kernel (no such fd)
  EXPECT_EQ(rig->queues(), 0u);
}

TEST_F(KmodEngineTest, LeasesAreRenewedOnlyWhileSomethingIsHeld) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  EXPECT_EQ(engine->upkeep(0), 0u) << "never";
  engine->suspend(*q);
  uint64_t now = engine->upkeep(0);
  ASSERT_NE(now, 0u);
  for (int i = 0; i < 6; ++i) {
    rig->advance_ms(500);
    const uint64_t next = engine->upkeep(now);
    EXPECT_EQ(next - now, 500 * ModuleRig::kMs);
    now = next;
  }
  EXPECT_TRUE(rig->suspended(handle)) << "three leases later";
  EXPECT_EQ(rig->info(handle).lease_expiries, 0u);
  engine->resume(*q);
  EXPECT_EQ(engine->upkeep(now + 1), 0u);
}

TEST_F(KmodEngineTest, WhoeverComesShortlyBeforeARenewalRenews) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  engine->suspend(*q);
  const uint64_t due = engine->upkeep(0);
  const uint64_t deadline = rig->info(handle).lease_deadline_ns;
  rig->advance_ms(250);
  EXPECT_EQ(engine->upkeep(due - 250 * ModuleRig::kMs), due) << "too early";
  EXPECT_EQ(rig->info(handle).lease_deadline_ns, deadline);
  rig->advance_ms(150);
  EXPECT_EQ(engine->upkeep(due - 100 * ModuleRig::kMs), due + 400 * ModuleRig::kMs);
  EXPECT_EQ(rig->info(handle).lease_deadline_ns, deadline + 400 * ModuleRig::kMs);
}

TEST_F(KmodEngineTest, ALeaseThatEndedIsTakenAgain) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  engine->suspend(*q);
  const uint64_t due = engine->upkeep(0);
  rig->advance_ms(1500);  // as if the process had been stopped
  EXPECT_FALSE(rig->suspended(handle));
  engine->upkeep(due);
  EXPECT_TRUE(rig->suspended(handle));
}

TEST_F(KmodEngineTest, TheRateLimitAsksForPatience) {
  use(1);
  KfdQueue *first = queue(), *second = queue();
  enter(first);
  enter(second);
  EXPECT_EQ(engine->suspend(*first), 0);
  EXPECT_EQ(engine->suspend(*second), EAGAIN);
  EXPECT_GT(engine->retry_ns(), 0u);
  rig->advance_ms(engine->retry_ns() / ModuleRig::kMs + 1);
  EXPECT_EQ(engine->suspend(*second), 0);
}

TEST_F(KmodEngineTest, RocrsOwnPriorityComesThroughAndUndoesNoSuspend) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  EXPECT_EQ(update(*q, 100, 11), 0);
  EXPECT_EQ(rig->last[kfd_queue_id(*q)].priority, 11u);
  EXPECT_FALSE(rig->suspended(handle));
  control_suspend(handle);
  EXPECT_EQ(update(*q, 50, 3), 0);
  EXPECT_TRUE(rig->suspended(handle));
  control_resume(handle);
  EXPECT_EQ(rig->last[kfd_queue_id(*q)].priority, 3u);
  EXPECT_EQ(rig->last[kfd_queue_id(*q)].percentage, 50u);
}

TEST_F(KmodEngineTest, RocrsOwnStopOutlastsAResume) {
  KfdQueue* q = queue();
  const uint64_t handle = enter(q);
  EXPECT_EQ(update(*q, 0, 7), 0);
  EXPECT_TRUE(rig->suspended(handle));
  engine->suspend(*q);
  engine->resume(*q);
  EXPECT_TRUE(rig->suspended(handle));
  EXPECT_EQ(update(*q, 100, 7), 0);
  EXPECT_FALSE(rig->suspended(handle));
}

TEST_F(KmodEngineTest, AFullModuleIsAReason) {
  std::string why;
  for (int i = 0; i < 4; ++i) enter(queue());
  EXPECT_EQ(engine->reaches(queue(), why), 2u);
  EXPECT_NE(why.find("max_queues"), std::string::npos) << why;
}

TEST_F(KmodEngineTest, AnEngineThatDoesNotWorkIsAReason) {
  xs_core_set_engine(rig->core(), XSCHED_ENGINE_UPDATE_QUEUE, nullptr, nullptr, -ENODEV,
                     "amdgpu is not loaded");
  std::string why;
  EXPECT_EQ(engine->reaches(queue(), why), 2u);
  EXPECT_NE(why.find("amdgpu is not loaded"), std::string::npos) << why;
}

TEST(ModuleFileTest, TheControlRoleIsAsked) {
  ModuleRig rig;
  std::string why;
  EXPECT_TRUE(rig.control().check(true, why)) << why;
  EXPECT_TRUE(rig.client().check(false, why)) << why;
  EXPECT_FALSE(rig.client().check(true, why));
  EXPECT_NE(why.find("root"), std::string::npos) << why;
}

TEST(ModuleFileTest, AMissingDeviceSaysWhatToDo) {
  std::string why;
  if (ModuleFile::open(false, why)) GTEST_SKIP() << "this machine has the module";
  EXPECT_NE(why.find("/dev/xsched"), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace xsched::test
