// SPDX-License-Identifier: Apache-2.0
//
// Every errno of every ioctl: one row a case, each checked to have changed
// nothing.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <utility>

#include "tests/unit/kmod/scene.h"

namespace kmod_test {
namespace {

struct Case {
  const char* name;
  long want;
  std::function<long(Scene&)> run;
};

long RegisterWith(Scene& s, const std::function<void(xsched_register_queue&)>& change) {
  xsched_register_queue q = Node::Queue(9);
  change(q);
  return s.Call(s.app, XSCHED_IOC_REGISTER_QUEUE, &q);
}

long ProcessWith(Scene& s, unsigned cmd, const std::function<void(xsched_process&)>& change,
                 xs_file* file = nullptr) {
  auto p = Sized<xsched_process>();
  p.handle = s.q;
  change(p);
  return s.Call(file ? file : s.app, cmd, &p);
}

long ListWith(Scene& s, unsigned cmd, uint32_t count, uint32_t entry_size, uint64_t entries) {
  auto l = Sized<xsched_list_queues>();
  l.count = count;
  l.entry_size = entry_size;
  l.entries = entries;
  return s.Call(s.app, cmd, &l);
}

long ResumeWith(Scene& s, const std::function<void(xsched_resume&)>& change) {
  auto items = Node::Items({s.q});
  auto r = Sized<xsched_resume>();
  r.count = 1;
  r.items = reinterpret_cast<uintptr_t>(items.data());
  change(r);
  return s.Call(s.app, XSCHED_IOC_RESUME, &r);
}

long Limited(Scene& s, const std::function<long()>& call) {
  s.limits.rate = 1;
  s.limits.burst = 1;
  xs_core_set_limits(s.core, &s.limits);
  uint64_t extra = s.Register(s.app, 1);
  s.Suspend(s.control, {extra});
  long ret = call();
  s.Resume(s.control, {extra});
  return ret;
}

// What a call that waits for another one answers when it is being killed: the
// call is made while an engine suspends, or resumes, s.q for s.app, or all of
// its process.
long Interrupted(Scene& s, bool suspend, const std::function<long()>& call, bool process = false) {
  struct Meanwhile {
    xs_mock* mock;
    bool suspend;
    std::function<long()> call;
    long ret = 0;
    void Now(bool down) {
      if (!call || down != suspend) return;
      xs_signalled = true;
      ret = std::exchange(call, nullptr)();
      xs_signalled = false;
    }
  } meanwhile{s.mock, suspend, call};
  static const xs_engine_ops ops = {
      xs_mock_ops.levels, xs_mock_ops.flags,
      [](void* ctx, xs_op* op, u32 n, bool down, u32 grace_us) -> u32 {
        static_cast<Meanwhile*>(ctx)->Now(down);
        return xs_mock_ops.apply(static_cast<Meanwhile*>(ctx)->mock, op, n, down, grace_us);
      },
      [](void* ctx, const xs_task* task, bool down) -> int {
        static_cast<Meanwhile*>(ctx)->Now(down);
        return xs_mock_ops.apply_process(static_cast<Meanwhile*>(ctx)->mock, task, down);
      },
      nullptr};
  xs_core_set_engine(s.core, XSCHED_ENGINE_MOCK, &ops, &meanwhile, 0, "");
  if (process) {
    s.SuspendProcess(s.app, s.q);
    s.ResumeProcess(s.app, s.q);
  } else {
    s.Suspend(s.app, {s.q});
    s.Resume(s.app, {s.q});
  }
  s.Resume(s.control, {}, XSCHED_RESUME_ALL);
  xs_core_set_engine(s.core, XSCHED_ENGINE_MOCK, &xs_mock_ops, s.mock, 0, "");
  return meanwhile.ret;
}

// An engine that has no grace period and no level 3.
long Plain(Scene& s, const std::function<void(xsched_suspend&)>& change) {
  static const xs_engine_ops ops = {1U << XSCHED_LEVEL_DEACTIVATE, 0, xs_mock_ops.apply, nullptr, nullptr};
  xs_core_set_engine(s.core, XSCHED_ENGINE_UPDATE_QUEUE, &ops, s.mock, 0, "");
  return s.SuspendWith(s.app, {s.q}, [&](auto& a) {
    a.engine = XSCHED_ENGINE_UPDATE_QUEUE;
    a.level = XSCHED_LEVEL_DEACTIVATE;
    change(a);
  });
}

const Case kCases[] = {
    {"unknown number", -ENOTTY, [](Scene& s) { char b[64]{}; return s.Call(s.app, _IO(XSCHED_IOC_TYPE, 0x0b), b); }},
    {"other type", -ENOTTY, [](Scene& s) { char b[64]{}; return s.Call(s.app, _IO('x', 0), b); }},
    {"number with a size", -ENOTTY, [](Scene& s) { char b[64]{}; return s.Call(s.app, _IOWR(XSCHED_IOC_TYPE, 0, int), b); }},

    {"query flags", -EINVAL, [](Scene& s) { auto a = Sized<xsched_query>(); a.flags = 1; return s.Call(s.app, XSCHED_IOC_QUERY, &a); }},

    {"register flags", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.flags = 2; }); }},
    {"register gpu 0", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.gpu_id = 0; }); }},
    {"register ring 0", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.ring_base = 0; }); }},
    {"register ring size", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.ring_size = 4097; }); }},
    {"register type", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.type = 5; }); }},
    {"register priority", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.priority = 16; }); }},
    {"register percentage 0", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.percentage = 0; }); }},
    {"register percentage 101", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.percentage = 101; }); }},
    {"register twice", -EEXIST, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.queue_id = 0; }); }},
    {"register no process", -ESRCH, [](Scene& s) { auto q = Node::Queue(9); return s.Call(s.app, XSCHED_IOC_REGISTER_QUEUE, &q, 0); }},
    {"register too many", -ENOSPC, [](Scene& s) { s.limits.max_queues = 1; xs_core_set_limits(s.core, &s.limits); return RegisterWith(s, [](auto&) {}); }},
    {"replace unknown", -ENOENT, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.flags = XSCHED_REGISTER_REPLACE; }); }},
    {"replace moved", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.flags = XSCHED_REGISTER_REPLACE; q.queue_id = 0; q.gpu_id = 8; }); }},
    {"replace ring of a suspended queue", -EBUSY, [](Scene& s) { s.Suspend(s.app, {s.q}); long r = RegisterWith(s, [](auto& q) { q.flags = XSCHED_REGISTER_REPLACE; q.queue_id = 0; q.ring_size = 4096; }); s.Resume(s.app, {s.q}); return r; }},
    {"replace by another file", -EPERM, [](Scene& s) { auto q = Node::Queue(0); q.flags = XSCHED_REGISTER_REPLACE; return s.Call(s.stranger, XSCHED_IOC_REGISTER_QUEUE, &q); }},

    {"replace flags", -EINVAL, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.flags = XSCHED_REGISTER_REPLACE | 2; q.queue_id = 0; }); }},
    {"register the longest", 0, [](Scene& s) { return RegisterWith(s, [](auto& q) { q.type = XSCHED_QUEUE_TYPE_MAX; q.priority = 15; q.percentage = 1; q.ring_size = 0; }); }},

    {"unregister flags", -EINVAL, [](Scene& s) { xsched_unregister_queue u{sizeof(u), 1, s.q}; return s.Call(s.app, XSCHED_IOC_UNREGISTER_QUEUE, &u); }},
    {"unregister unknown", -ENOENT, [](Scene& s) { xsched_unregister_queue u{sizeof(u), 0, 999}; return s.Call(s.app, XSCHED_IOC_UNREGISTER_QUEUE, &u); }},
    {"unregister foreign", -EPERM, [](Scene& s) { xsched_unregister_queue u{sizeof(u), 0, s.other}; return s.Call(s.app, XSCHED_IOC_UNREGISTER_QUEUE, &u); }},

    {"list flags", -EINVAL, [](Scene& s) { auto l = Sized<xsched_list_queues>(); l.flags = 1; l.entry_size = 96; return s.Call(s.app, XSCHED_IOC_LIST_QUEUES, &l); }},
    {"nodes flags", -EINVAL, [](Scene& s) { auto l = Sized<xsched_list_nodes>(); l.flags = 1; l.entry_size = 64; return s.Call(s.app, XSCHED_IOC_LIST_NODES, &l); }},
    {"list row of a page", 0, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_QUEUES, 0, 4096, 0); }},
    {"nodes row too large", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_NODES, 1, 4097, 0); }},
    {"nodes count", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_NODES, XSCHED_MAX_BATCH + 1, 64, 0); }},
    {"list count", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_QUEUES, XSCHED_MAX_BATCH + 1, 96, 0); }},
    {"list row too small", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_QUEUES, 1, 95, 0); }},
    {"list row too large", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_QUEUES, 1, 4097, 0); }},
    {"list nowhere", -EFAULT, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_QUEUES, 1, 96, 0); }},
    {"nodes row too small", -EINVAL, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_NODES, 1, 63, 0); }},
    {"nodes nowhere", -EFAULT, [](Scene& s) { return ListWith(s, XSCHED_IOC_LIST_NODES, 1, 64, 0); }},

    {"suspend flags", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.flags = XSCHED_RESUME_ALL; }); }},
    {"suspend nothing", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {}); }},
    {"suspend too many", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.count = XSCHED_MAX_BATCH + 1; }); }},
    {"suspend level 1", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.level = 1; }); }},
    {"suspend level 4", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.level = 4; }); }},
    {"suspend engine 5", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.engine = 5; }); }},
    {"suspend engine off", -EOPNOTSUPP, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.engine = XSCHED_ENGINE_UPDATE_QUEUE; }); }},
    {"suspend mock by name", -EPERM, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.engine = XSCHED_ENGINE_MOCK; }); }},
    {"suspend no engine", -ENODEV, [](Scene& s) { xs_core_set_engine(s.core, XSCHED_ENGINE_MOCK, nullptr, nullptr, -ENODEV, "off"); return s.SuspendWith(s.app, {s.q}); }},
    {"suspend lease", -ERANGE, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.lease_ms = 60001; }); }},
    {"suspend endless lease", -EPERM, [](Scene& s) { return s.SuspendWith(s.control, {s.q}, [](auto& a) { a.lease_ms = XSCHED_LEASE_NONE; }); }},
    {"suspend unknown", -ENOENT, [](Scene& s) { return s.SuspendWith(s.app, {s.q, 999}); }},
    {"suspend foreign", -EPERM, [](Scene& s) { return s.SuspendWith(s.app, {s.q, s.other}); }},
    {"suspend twice in one call", -EINVAL, [](Scene& s) { return s.SuspendWith(s.app, {s.q, s.q}); }},
    {"suspend dead", -ESRCH, [](Scene& s) { s.Kill(2); return s.SuspendWith(s.control, {s.q, s.other}); }},
    {"suspend nowhere", -EFAULT, [](Scene& s) { return s.SuspendWith(s.app, {s.q}, [](auto& a) { a.items = 0; }); }},
    {"suspend over the rate", -EAGAIN, [](Scene& s) { return Limited(s, [&] { return s.SuspendWith(s.control, {s.q}); }); }},
    {"suspend level an engine lacks", -EOPNOTSUPP, [](Scene& s) { return Plain(s, [](auto& a) { a.level = XSCHED_LEVEL_INTERRUPT; }); }},
    {"suspend grace an engine lacks", -EOPNOTSUPP, [](Scene& s) { return Plain(s, [](auto& a) { a.grace_us = 1; }); }},
    {"suspend while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { return s.SuspendWith(s.control, {s.q}); }); }},
    {"suspend while it is resumed, killed", -EINTR, [](Scene& s) { return Interrupted(s, false, [&] { return s.SuspendWith(s.control, {s.q}); }); }},
    {"resume while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { return s.Resume(s.app, {s.q}).ret; }); }},
    {"unregister while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { xsched_unregister_queue u{sizeof(u), 0, s.q}; return s.Call(s.app, XSCHED_IOC_UNREGISTER_QUEUE, &u); }); }},
    {"register again while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { xs_file_retire(s.app); return RegisterWith(s, [](auto& q) { q.queue_id = 0; }); }); }},
    {"register again while it is resumed, killed", -EINTR, [](Scene& s) { return Interrupted(s, false, [&] { xs_file_retire(s.app); return RegisterWith(s, [](auto& q) { q.queue_id = 0; }); }); }},

    {"resume all while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { return s.Resume(s.app, {}, XSCHED_RESUME_ALL).ret; }); }},
    {"suspend process while it is resumed, killed", -EINTR, [](Scene& s) { return Interrupted(s, false, [&] { return s.SuspendProcess(s.control, s.q); }, true); }},
    {"resume process while it is suspended, killed", -EINTR, [](Scene& s) { return Interrupted(s, true, [&] { return s.ResumeProcess(s.app, s.q); }, true); }},

    {"resume flags", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.flags = 4; }); }},
    {"resume nothing", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.count = 0; }); }},
    {"resume too many", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.count = XSCHED_MAX_BATCH + 1; }); }},
    {"resume all and a count", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.flags = XSCHED_RESUME_ALL; r.items = 0; }); }},
    {"resume all and a list", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.flags = XSCHED_RESUME_ALL; r.count = 0; }); }},
    {"resume twice in one call", -EINVAL, [](Scene& s) { s.Suspend(s.app, {s.q}); long r = s.Resume(s.app, {s.q, s.q}).ret; EXPECT_EQ(s.Info(s.q).holders, 1u); s.Resume(s.app, {s.q}); return r; }},
    {"resume foreign", -ENOENT, [](Scene& s) { s.Suspend(s.control, {s.q}); long r = s.Resume(s.stranger, {s.q}).ret; s.Resume(s.control, {s.q}); return r; }},
    {"resume all and some", -EINVAL, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.flags = XSCHED_RESUME_ALL; }); }},
    {"resume nowhere", -EFAULT, [](Scene& s) { return ResumeWith(s, [](auto& r) { r.items = 0; }); }},
    {"resume not held", -ENOENT, [](Scene& s) { return s.Resume(s.app, {s.q}).ret; }},
    {"resume unknown", -ENOENT, [](Scene& s) { return s.Resume(s.app, {999}).ret; }},

    {"process flags", -EINVAL, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.flags = 1; }); }},
    {"process engine", -EINVAL, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.engine = 5; }); }},
    {"process engine off", -EOPNOTSUPP, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.engine = XSCHED_ENGINE_QUIESCE; }); }},
    {"process no engine", -ENODEV, [](Scene& s) { xs_core_set_engine(s.core, XSCHED_ENGINE_MOCK, nullptr, nullptr, -ENODEV, "off"); return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto&) {}); }},
    {"process unknown", -ENOENT, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.handle = 999; }); }},
    {"process foreign", -EPERM, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [&](auto& p) { p.handle = s.other; }); }},
    {"process lease", -ERANGE, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.lease_ms = 60001; }); }},
    {"process dead", -ESRCH, [](Scene& s) { s.Kill(2); return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [&](auto& p) { p.handle = s.other; }, s.control); }},
    {"process engine error", -EIO, [](Scene& s) { xs_mock_fail(s.mock, 0, 1, -EIO); return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto&) {}); }},
    {"process mock by name", -EPERM, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.engine = XSCHED_ENGINE_MOCK; }); }},
    {"process endless lease", -EPERM, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto& p) { p.lease_ms = XSCHED_LEASE_NONE; }, s.control); }},
    {"process over the rate", -EAGAIN, [](Scene& s) { return Limited(s, [&] { return ProcessWith(s, XSCHED_IOC_SUSPEND_PROCESS, [](auto&) {}, s.control); }); }},
    {"process resume flags", -EINVAL, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [](auto& p) { p.flags = 1; }); }},
    {"process resume unknown", -ENOENT, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [](auto& p) { p.handle = 999; }); }},
    {"process resume foreign", -EPERM, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [&](auto& p) { p.handle = s.other; }); }},
    {"process resume engine error", -EIO, [](Scene& s) { s.SuspendProcess(s.app, s.q); xs_mock_fail(s.mock, 0, 1, -EIO); long r = s.ResumeProcess(s.app, s.q); s.Advance(10 * kMs); return r; }},
    {"process died", -ESRCH, [](Scene& s) { s.SuspendProcess(s.app, s.q); xs_mock_fail(s.mock, 0, 1, -ESRCH); EXPECT_EQ(s.ResumeProcess(s.app, s.q), 0) << "nothing is left to resume"; return s.SuspendProcess(s.app, s.q); }},
    {"process resume not held", -ENOENT, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [](auto&) {}); }},
    {"process resume engine", -EINVAL, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [](auto& p) { p.engine = 4; }); }},
    {"process resume lease", -EINVAL, [](Scene& s) { return ProcessWith(s, XSCHED_IOC_RESUME_PROCESS, [](auto& p) { p.lease_ms = 1; }); }},

    {"renew flags", -EINVAL, [](Scene& s) { xsched_renew r{sizeof(r), 1, 0, 0}; return s.Call(s.app, XSCHED_IOC_RENEW, &r); }},
    {"renew lease", -ERANGE, [](Scene& s) { xsched_renew r{sizeof(r), 0, 60001, 0}; return s.Call(s.app, XSCHED_IOC_RENEW, &r); }},
    {"renew endless", -EPERM, [](Scene& s) { xsched_renew r{sizeof(r), 0, XSCHED_LEASE_NONE, 0}; return s.Call(s.app, XSCHED_IOC_RENEW, &r); }},

    {"listen flags", -EINVAL, [](Scene& s) { xsched_listen l{sizeof(l), 2, 0, 0}; return s.Call(s.app, XSCHED_IOC_LISTEN, &l); }},
    {"listen padding", -EINVAL, [](Scene& s) { xsched_listen l{sizeof(l), 0, 0, 1}; return s.Call(s.app, XSCHED_IOC_LISTEN, &l); }},
    {"listen unknown event", -EINVAL, [](Scene& s) { xsched_listen l{sizeof(l), 0, 1 << (XSCHED_EVENT_LAST + 1), 0}; return s.Call(s.app, XSCHED_IOC_LISTEN, &l); }},
    {"listen mask", -EINVAL, [](Scene& s) { xsched_listen l{sizeof(l), 0, 1, 0}; return s.Call(s.app, XSCHED_IOC_LISTEN, &l); }},
    {"listen to all", -EPERM, [](Scene& s) { xsched_listen l{sizeof(l), XSCHED_LISTEN_ALL, 2, 0}; return s.Call(s.app, XSCHED_IOC_LISTEN, &l); }},
};

TEST(Errno, EveryCaseOfEveryCall) {
  for (const Case& c : kCases) {
    Scene s;
    EXPECT_EQ(c.run(s), c.want) << c.name;
    EXPECT_EQ(xs_mock_suspended(s.mock), 0u) << c.name << ": left something suspended";
    EXPECT_EQ(s.Info(s.q).holders, 0u) << c.name;
    EXPECT_EQ(s.mock->violations, 0u) << c.name;
  }
}

}  // namespace
}  // namespace kmod_test
