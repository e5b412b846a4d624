// SPDX-License-Identifier: Apache-2.0
//
// Who may do what; pointers; events as bytes.

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "victim.h"

namespace xsim::test {
namespace {

TEST(ModuleAccess, TheNodesOwnerControlsAndOthersDoNot) {
  const NodeConfig config = module_config();
  Victim victim(config, 1, 4);
  File control(config), ordinary(config, false);
  xsched_query q{};
  ASSERT_EQ(control.call(XSCHED_IOC_QUERY, q), 0);
  EXPECT_EQ(q.role, static_cast<uint32_t>(XSCHED_ROLE_CONTROL));
  EXPECT_EQ(q.default_engine, static_cast<uint32_t>(XSCHED_ENGINE_UPDATE_QUEUE));
  ASSERT_EQ(ordinary.call(XSCHED_IOC_QUERY, q), 0);
  EXPECT_EQ(q.role, static_cast<uint32_t>(XSCHED_ROLE_OWNER));
  EXPECT_EQ(ordinary.suspend(victim.handles.at(0)), -EPERM);
  EXPECT_EQ(ordinary.state(victim.handles[0]), -1);
  xsched_listen listen{};
  listen.flags = XSCHED_LISTEN_ALL;
  EXPECT_EQ(ordinary.call(XSCHED_IOC_LISTEN, listen), EPERM);
  TestDevice device(config);
  TestQueue queue(device, 2);
  const uint64_t own = ordinary.offer(queue);
  EXPECT_EQ(ordinary.suspend(own), 0);
  EXPECT_EQ(ordinary.suspend(own, XSCHED_LEASE_NONE), -EPERM);
  EXPECT_EQ(control.suspend(own, XSCHED_LEASE_NONE), 0);
}

TEST(ModuleAccess, ABadPointerIsEfault) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File file(config);
  auto* page = static_cast<uint8_t*>(
      mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
  EXPECT_EQ(file.call(XSCHED_IOC_QUERY, static_cast<void*>(nullptr)), EFAULT);
  EXPECT_EQ(file.call(XSCHED_IOC_QUERY, page + 4096), EFAULT);
  EXPECT_EQ(file.call(_IO(XSCHED_IOC_TYPE, 0x7f), page + 4096), ENOTTY);
  // An array over the edge: nothing is done.
  auto* items = reinterpret_cast<xsched_item*>(page + 4096 - sizeof(xsched_item));
  items->handle = file.offer(queue);
  xsched_suspend s{};
  s.count = 2;
  s.level = XSCHED_LEVEL_INTERRUPT;
  s.items = reinterpret_cast<uintptr_t>(items);
  EXPECT_EQ(file.call(XSCHED_IOC_SUSPEND, s), EFAULT);
  EXPECT_EQ(file.state(items->handle), XSCHED_QUEUE_OWN);
  s.count = XSCHED_MAX_BATCH + 1;
  EXPECT_EQ(file.call(XSCHED_IOC_SUSPEND, s), EINVAL);
  // A structure over the edge, one that is too short, one that is too long.
  auto* size = reinterpret_cast<uint32_t*>(page + 4088);
  *size = sizeof(xsched_renew);
  EXPECT_EQ(file.call(XSCHED_IOC_RENEW, static_cast<void*>(size)), EFAULT);
  *size = 2;
  EXPECT_EQ(file.call(XSCHED_IOC_RENEW, static_cast<void*>(size)), EINVAL);
  *size = 4097;
  EXPECT_EQ(file.call(XSCHED_IOC_RENEW, static_cast<void*>(size)), E2BIG);
  // Rows that cannot be written.
  xsched_list_queues l{};
  l.count = 1;
  l.entry_size = sizeof(xsched_queue_info);
  l.entries = reinterpret_cast<uintptr_t>(page + 4096);
  EXPECT_EQ(file.call(XSCHED_IOC_LIST_QUEUES, l), EFAULT);
  munmap(page, 8192);
}

TEST(ModuleAccess, RowsKeepTheCallersStride) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue a(device, 1), b(device, 2);
  File file(config);
  const uint64_t first = file.offer(a), second = file.offer(b);
  struct Row {
    xsched_queue_info info;
    uint64_t later;  // of a newer version
  } rows[2];
  memset(static_cast<void*>(rows), 0xee, sizeof rows);
  xsched_list_queues l{};
  l.count = 2;
  l.entry_size = sizeof(Row);
  l.entries = reinterpret_cast<uintptr_t>(rows);
  ASSERT_EQ(file.call(XSCHED_IOC_LIST_QUEUES, l), 0);
  EXPECT_EQ(l.count, 2u);
  EXPECT_EQ(l.entry_size, sizeof(xsched_queue_info));
  EXPECT_EQ(l.entries, reinterpret_cast<uintptr_t>(rows));
  EXPECT_EQ(rows[0].info.handle, first);
  EXPECT_EQ(rows[1].info.handle, second);
  EXPECT_EQ(rows[1].info.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(rows[0].later, 0xeeeeeeeeeeeeeeeeull);
}

TEST(ModuleEvents, CanBeReadWhenTheCallReturns) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File file(config, true, O_NONBLOCK), other(config);
  pollfd p{file.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&p, 1, 0), 0);
  xsched_event e[4];
  EXPECT_EQ(read(file.fd(), e, sizeof e), -1);
  EXPECT_EQ(errno, EAGAIN);
  const uint64_t handle = file.offer(queue);
  ASSERT_EQ(other.suspend(handle), 0);
  ASSERT_EQ(other.resume(handle), 0);
  EXPECT_EQ(poll(&p, 1, 0), 1);
  ASSERT_EQ(read(file.fd(), e, sizeof e), static_cast<ssize_t>(3 * sizeof e[0]));
  EXPECT_EQ(e[0].type, static_cast<uint32_t>(XSCHED_EVENT_REGISTERED));
  EXPECT_EQ(e[1].type, static_cast<uint32_t>(XSCHED_EVENT_SUSPENDED));
  EXPECT_EQ(e[2].type, static_cast<uint32_t>(XSCHED_EVENT_RESUMED));
}

// More than fits anywhere: what is lost is counted, what is not comes in order.
TEST(ModuleEvents, ThatNobodyReadsAreCounted) {
  const NodeConfig config = module_config();
  TestDevice device(config);
  TestQueue queue(device, 1);
  File deaf(config), file(config);
  xsched_listen listen{};
  listen.flags = XSCHED_LISTEN_ALL;
  listen.mask = 1u << XSCHED_EVENT_REGISTERED;
  ASSERT_EQ(deaf.call(XSCHED_IOC_LISTEN, listen), 0);
  uint64_t last = 0;
  const auto offer_and_withdraw = [&] {
    last = file.offer(queue);
    xsched_unregister_queue u{};
    u.handle = last;
    return file.call(XSCHED_IOC_UNREGISTER_QUEUE, u);
  };
  constexpr uint64_t kEvents = 1500;
  for (uint64_t i = 0; i < kEvents; ++i) ASSERT_EQ(offer_and_withdraw(), 0);
  uint64_t seen = 0, lost = 0, before = 0;
  xsched_event e;
  pollfd p{deaf.fd(), POLLIN, 0};
  // Once there is room again, the next event brings the count.
  for (int round = 0; round < 2; ++round) {
    while (poll(&p, 1, round == 0 ? 200 : 0) == 1) {
      ASSERT_EQ(read(deaf.fd(), &e, sizeof e), static_cast<ssize_t>(sizeof e));
      ASSERT_GT(e.handle, before);
      before = e.handle;
      ++seen;
      lost += e.lost;
    }
    if (round == 0) {
      ASSERT_EQ(offer_and_withdraw(), 0);
    }
  }
  EXPECT_GE(seen, 256u);
  EXPECT_EQ(seen + lost, kEvents + 1);
  EXPECT_EQ(before, last);
}

}  // namespace
}  // namespace xsim::test
