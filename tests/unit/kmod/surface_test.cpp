// SPDX-License-Identifier: Apache-2.0
//
// Sizes of every call; every allocation and every copy made to fail in turn;
// PARTIAL; what is bounded.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/kmod/scene.h"

namespace kmod_test {
namespace {

constexpr struct {
  unsigned cmd;
  uint32_t size;
} kCalls[] = {
    {XSCHED_IOC_QUERY, sizeof(xsched_query)},
    {XSCHED_IOC_REGISTER_QUEUE, sizeof(xsched_register_queue)},
    {XSCHED_IOC_UNREGISTER_QUEUE, sizeof(xsched_unregister_queue)},
    {XSCHED_IOC_LIST_QUEUES, sizeof(xsched_list_queues)},
    {XSCHED_IOC_SUSPEND, sizeof(xsched_suspend)},
    {XSCHED_IOC_RESUME, sizeof(xsched_resume)},
    {XSCHED_IOC_SUSPEND_PROCESS, sizeof(xsched_process)},
    {XSCHED_IOC_RESUME_PROCESS, sizeof(xsched_process)},
    {XSCHED_IOC_RENEW, sizeof(xsched_renew)},
    {XSCHED_IOC_LISTEN, sizeof(xsched_listen)},
    {XSCHED_IOC_LIST_NODES, sizeof(xsched_list_nodes)},
};

TEST(Errno, SizesOfEveryCall) {
  Scene s;
  for (auto [cmd, size] : kCalls) {
    alignas(8) unsigned char buffer[8192] = {};
    auto with = [&](uint32_t value) {
      memcpy(buffer, &value, sizeof(value));
      return s.Call(s.app, cmd, buffer);
    };
    EXPECT_EQ(s.Call(s.app, cmd, nullptr), -EFAULT) << cmd;
    EXPECT_EQ(with(0), -EINVAL) << cmd;
    EXPECT_EQ(with(size - 1), -EINVAL) << cmd;
    EXPECT_EQ(with(4097), -E2BIG) << cmd;
    EXPECT_NE(with(4096), -E2BIG) << cmd;
    buffer[size + 100] = 1;
    EXPECT_EQ(with(size + 101), -E2BIG) << cmd;
    EXPECT_NE(with(size + 100), -E2BIG) << cmd << ": a longer struct with a zero tail is fine";
  }
}

// Every allocation, then every copy, fails once; nothing may leak (ASan) or stay.
TEST(Errno, MemoryAndFaultsAtEveryStep) {
  for (int* countdown : {&xs_fail_alloc_in, &xs_fail_copy_in}) {
    long want = countdown == &xs_fail_alloc_in ? -ENOMEM : -EFAULT;
    for (int call = 0; call < 8; ++call) {
      int failures = 0;
      for (int step = 0; step < 20; ++step) {
        Scene s;
        auto reg = Node::Queue(9, 11);
        auto p = Sized<xsched_process>();
        auto items = Node::Items({s.q});
        auto suspend = Node::SuspendArg(items);
        auto resume = Sized<xsched_resume>();
        xsched_queue_info row;
        auto list = Sized<xsched_list_queues>();
        p.handle = s.q;
        list.count = 1;
        list.entry_size = sizeof(row);
        list.entries = reinterpret_cast<uintptr_t>(&row);
        resume.count = 1;
        resume.items = suspend.items;
        if (call == 2 || call == 3) s.Suspend(s.app, {s.q});
        if (call == 3) resume.flags = XSCHED_RESUME_ALL, resume.count = 0, resume.items = 0;
        xsched_unregister_queue u{sizeof(u), 0, s.q};
        xsched_query query{};
        query.size = sizeof(query) ;
        *countdown = step;
        long ret = call == 0   ? s.Call(s.app, XSCHED_IOC_REGISTER_QUEUE, &reg, 3)
                   : call == 1 ? s.Call(s.app, XSCHED_IOC_SUSPEND, &suspend)
                   : call <= 3 ? s.Call(s.app, XSCHED_IOC_RESUME, &resume)
                   : call == 4 ? s.Call(s.app, XSCHED_IOC_SUSPEND_PROCESS, &p)
                   : call == 5 ? s.Call(s.app, XSCHED_IOC_UNREGISTER_QUEUE, &u)
                   : call == 6 ? s.Call(s.app, XSCHED_IOC_LIST_QUEUES, &list)
                               : s.Call(s.app, XSCHED_IOC_QUERY, &query);
        bool fired = *countdown < 0;
        *countdown = -1;
        if (fired) {
          EXPECT_EQ(ret, want) << "call " << call << " step " << step;
          ++failures;
        } else {
          EXPECT_EQ(ret, 0) << "call " << call << " step " << step;
        }
        std::vector<xs_file*> files(s.open_files.begin(), s.open_files.end());
        for (xs_file* file : files) s.Close(file);
        EXPECT_EQ(xs_mock_suspended(s.mock), 0u) << "call " << call << " step " << step;
      }
      EXPECT_GT(failures, 0) << "call " << call;
    }
  }
}

TEST(Errno, PartialSkipsWhatIsInvalid) {
  Scene s;
  s.Kill(2);
  Node::Result r = s.Suspend(s.control, {s.other, s.q, 999}, 0, XSCHED_ITEMS_PARTIAL);
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.items[0].status, -ESRCH);
  EXPECT_EQ(r.items[1].status, 0);
  EXPECT_EQ(r.items[2].status, -ENOENT);
  EXPECT_EQ(r.suspend.held, 1u);
  r = s.Resume(s.control, {s.other, s.q}, XSCHED_ITEMS_PARTIAL);
  EXPECT_EQ(r.ret, 0);
  EXPECT_EQ(r.items[0].status, -ENOENT);
  EXPECT_EQ(r.items[1].status, 0);
}

TEST(Errno, NodesAreBounded) {
  Node node;
  xs_file* app = node.Open();
  for (uint32_t i = 0; i < 128; ++i) EXPECT_NE(node.Register(app, i, 1000 - i), 0u);
  auto q = Node::Queue(500, 5000);
  EXPECT_EQ(node.Call(app, XSCHED_IOC_REGISTER_QUEUE, &q), -ENOSPC);
  xsched_unregister_queue u{sizeof(u), 0, 1};
  EXPECT_EQ(node.Call(app, XSCHED_IOC_UNREGISTER_QUEUE, &u), 0);
  EXPECT_EQ(node.Call(app, XSCHED_IOC_REGISTER_QUEUE, &q), 0);
}

}  // namespace
}  // namespace kmod_test
