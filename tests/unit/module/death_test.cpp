// SPDX-License-Identifier: Apache-2.0
//
// Whoever dies: the holder, the owner, a copy of a descriptor, the service.

#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "victim.h"

namespace xsim::test {
namespace {

TEST(ModuleLetsGo, WhenTheHolderIsKilled) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  const pid_t holder = fork();
  if (holder == 0) {
    File file(config);
    if (file.suspend(victim.handles.at(0)) != 0) _exit(1);
    for (;;) pause();
  }
  ASSERT_TRUE(eventually([&] { return stopped(config); }));
  ASSERT_EQ(kill(holder, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return running(config); }));
  waitpid(holder, nullptr, 0);
}

TEST(ModuleLetsGo, WhenTheLastCopyOfTheDescriptorIsClosed) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  const int copy = dup(file.fd());
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    close(copy);
    char byte;
    _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(go[0]);
  close(copy);
  file.close();
  // Another file's calls go round trip behind the close.
  File other(config);
  EXPECT_EQ(other.state(victim.handles[0]), XSCHED_QUEUE_SUSPENDED);
  EXPECT_TRUE(stopped(config));
  close(go[1]);  // the child ends
  EXPECT_TRUE(eventually([&] { return running(config); }));
  EXPECT_EQ(other.state(victim.handles[0]), 0);
  waitpid(child, nullptr, 0);
}

TEST(ModuleLetsGo, WhenTheLeaseExpires) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0), 50), 0);
  EXPECT_EQ(file.event(XSCHED_EVENT_LEASE_EXPIRED).handle, victim.handles[0]);
  EXPECT_TRUE(eventually([&] { return running(config); }));
  EXPECT_EQ(file.resume(victim.handles[0]), -ENOENT);
}

TEST(ModuleLetsGo, WhenOneOfTwoHoldersStaysItStays) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File a(config), b(config);
  ASSERT_EQ(a.suspend(victim.handles.at(0)), 0);
  ASSERT_EQ(b.suspend(victim.handles[0]), 0);
  ASSERT_EQ(a.resume(victim.handles[0]), 0);
  EXPECT_TRUE(stopped(config));
  EXPECT_EQ(view(config).preemptions, 1u);
  b.close();
  EXPECT_TRUE(eventually([&] { return running(config); }));
}

TEST(ModuleForgets, AVictimThatIsKilledWhileSuspended) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  victim.kill();
  EXPECT_EQ(file.event(XSCHED_EVENT_GONE).handle, victim.handles[0]);
  EXPECT_EQ(file.suspend(victim.handles[0]), -ENOENT);
  EXPECT_EQ(file.state(victim.handles[0]), -1);
}

// The file that offered the queue lives on in another process.
TEST(ModuleForgets, AProcessWhoseFileIsLeft) {
  const NodeConfig config = module_config();
  File file(config);
  Victim victim(config, 1, 4, &file);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  EXPECT_EQ(file.suspend(victim.handles.at(0)), 0);
  victim.kill();
  File other(config);
  EXPECT_EQ(other.suspend(victim.handles[0]), -ESRCH);
  EXPECT_TRUE(file.state(victim.handles[0]) & XSCHED_QUEUE_DEAD);
}

TEST(ModuleForgets, AQueueThatItsProcessDestroyed) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  auto queue = std::make_unique<TestQueue>(device, 1);
  File file(config);
  const uint64_t handle = file.offer(*queue);
  ASSERT_EQ(file.suspend(handle), 0);
  queue.reset();
  EXPECT_EQ(file.resume(handle), 0);
  EXPECT_TRUE(file.state(handle) & XSCHED_QUEUE_DEAD);
  EXPECT_EQ(file.suspend(handle), -ESRCH);
}

TEST(ModuleService, EndsAfterTheLastClose) {
  const NodeConfig config = module_config();
  {
    File file(config);
    ASSERT_GE(file.fd(), 0);
    EXPECT_TRUE(service_listens(config));
    EXPECT_NE(service_pid(config), 0);
  }
  EXPECT_TRUE(eventually([&] { return !service_listens(config); }));
  EXPECT_TRUE(eventually([&] { return service_pid(config) == 0; }));
}

TEST(ModuleService, IsNoChildOfWhoeverStartsIt) {
  const NodeConfig config = module_config();
  File file(config);
  ASSERT_GE(file.fd(), 0);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_NE(getpgid(service_pid(config)), getpgid(0));
}

TEST(ModuleService, OneIsStartedHoweverManyOpen) {
  const NodeConfig config = module_config();
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<File>> files(16);
  for (auto& file : files) {
    threads.emplace_back([&] { file = std::make_unique<File>(config); });
  }
  for (std::thread& thread : threads) thread.join();
  xsched_listen listen{};
  listen.flags = XSCHED_LISTEN_ALL;
  listen.mask = 1u << XSCHED_EVENT_REGISTERED;
  for (auto& file : files) ASSERT_EQ(file->call(XSCHED_IOC_LISTEN, listen), 0);
  TestDevice device(config);
  TestQueue queue(device, 1);
  const uint64_t handle = files[0]->offer(queue);
  for (auto& file : files) EXPECT_EQ(file->event(XSCHED_EVENT_REGISTERED).handle, handle);
}

TEST(ModuleService, LeavesNothingSuspendedWhenItIsKilled) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  ASSERT_TRUE(eventually([&] { return running(config); }));
  File file(config);
  ASSERT_EQ(file.suspend(victim.handles.at(0)), 0);
  ASSERT_EQ(kill(service_pid(config), SIGKILL), 0);
  xsched_query q{};
  EXPECT_EQ(file.call(XSCHED_IOC_QUERY, q), ENODEV);
  xsched_event e;
  while (read(file.fd(), &e, sizeof e) > 0) {
  }
  File again(config);  // another one is started, and holds nothing
  EXPECT_EQ(again.call(XSCHED_IOC_QUERY, q), 0);
  EXPECT_EQ(q.num_queues, 0u);
  EXPECT_TRUE(eventually([&] { return running(config); }));
}

}  // namespace
}  // namespace xsim::test
