// SPDX-License-Identifier: Apache-2.0
//
// What calls answer: every field that the module fills, whatever stood there
// before.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/kmod/spy.h"

namespace kmod_test {
namespace {

constexpr uint32_t kUpdate = XSCHED_ENGINE_UPDATE_QUEUE;

struct Watched {
  Spy spy;  // outlives the node
  Node node{0, kUpdate};
  xs_file *app, *daemon;
  Watched() {
    spy.Offer(node, kUpdate, kInterrupts, XS_ENGINE_BATCHES | XS_ENGINE_GRACE, Spy::kBoth);
    app = node.Open();
    daemon = node.Open(XS_FILE_CONTROL);
  }
  // As one file sees it.
  xsched_queue_info Row(xs_file* file, uint64_t handle) {
    xsched_queue_info row;
    memset(&row, 0xee, sizeof(row));
    xsched_list_queues l{sizeof(l),   0,          1,
                         sizeof(row), handle - 1, reinterpret_cast<uintptr_t>(&row)};
    EXPECT_EQ(node.Call(file, XSCHED_IOC_LIST_QUEUES, &l), 0);
    EXPECT_EQ(l.count, 1u);
    return row;
  }
  xsched_node_info NodeRow(uint32_t gpu_id) {
    xsched_node_info row{};
    EXPECT_EQ(xs_core_list_nodes(node.core, gpu_id - 1, &row, 1), 1u);
    EXPECT_EQ(row.gpu_id, gpu_id);
    return row;
  }
};

TEST(Report, QueueRowIsWhatWasRegistered) {
  Watched w;
  w.node.Register(w.app, 4);
  xsched_register_queue q = Node::Queue(5, 9);
  q.ring_size = 4096;
  q.type = 1;
  q.priority = 3;
  ASSERT_EQ(w.node.Call(w.app, XSCHED_IOC_REGISTER_QUEUE, &q, 3), 0);
  xsched_queue_info row = w.Row(w.daemon, q.handle);
  EXPECT_EQ(row.handle, q.handle);
  EXPECT_EQ(row.queue_id, 5u);
  EXPECT_EQ(row.gpu_id, 9u);
  EXPECT_EQ(row.pid, 3u);
  EXPECT_EQ(row.state, 0u);
  EXPECT_EQ(row.type, 1u);
  EXPECT_EQ(row.priority, 3u);
  EXPECT_EQ(row.ring_size, 4096u);
  EXPECT_EQ(row.holders, 0u);
  EXPECT_EQ(row.engine, 0u);
  EXPECT_EQ(row.last_error, 0);
  EXPECT_EQ(row.suspends + row.resumes + row.lease_expiries, 0u);
  EXPECT_EQ(row.suspended_ns + row.last_op_ns + row.lease_deadline_ns, 0u);
}

TEST(Report, QueueRowCounts) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0);
  w.spy.takes_ns = 3 * kMs;
  w.node.Suspend(w.daemon, {q});
  xsched_queue_info row = w.Row(w.daemon, q);
  EXPECT_EQ(row.suspends, 1u);
  EXPECT_EQ(row.resumes, 0u);
  EXPECT_EQ(row.engine, kUpdate);
  EXPECT_EQ(row.holders, 1u);
  EXPECT_EQ(row.last_op_ns, 3 * kMs);
  w.spy.takes_ns = kMs;
  w.node.Resume(w.daemon, {q});
  w.spy.answers = {-ETIME};
  w.node.Suspend(w.daemon, {q});
  row = w.Row(w.daemon, q);
  EXPECT_EQ(row.suspends, 1u);
  EXPECT_EQ(row.resumes, 1u);
  EXPECT_EQ(row.holders, 0u);
  EXPECT_EQ(row.last_error, -ETIME);
  EXPECT_EQ(row.last_op_ns, kMs);
}

TEST(Report, SuspendedTimeAddsUp) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0);
  w.node.Suspend(w.app, {q});
  w.node.time += 5 * kMs;
  w.node.Resume(w.app, {q});
  w.node.time += 3 * kMs;
  EXPECT_EQ(w.node.Info(q).suspended_ns, 5 * kMs);
  w.node.Suspend(w.app, {q});
  w.node.time += 2 * kMs;
  EXPECT_EQ(w.node.Info(q).suspended_ns, 7 * kMs);
}

TEST(Report, StateIsSeenFromTheFile) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0);
  EXPECT_EQ(w.Row(w.app, q).state, XSCHED_QUEUE_OWN);
  EXPECT_EQ(w.Row(w.daemon, q).state, 0u);
  w.node.Suspend(w.daemon, {q});
  EXPECT_EQ(w.Row(w.app, q).state, XSCHED_QUEUE_OWN | XSCHED_QUEUE_SUSPENDED);
  EXPECT_EQ(w.Row(w.daemon, q).state, XSCHED_QUEUE_HELD | XSCHED_QUEUE_SUSPENDED);
  EXPECT_EQ(w.node.Info(q).state, XSCHED_QUEUE_SUSPENDED) << "debugfs is no file";
  w.spy.answers = {-EIO};
  w.node.Resume(w.daemon, {q});
  EXPECT_EQ(w.Row(w.daemon, q).state, XSCHED_QUEUE_SUSPENDED | XSCHED_QUEUE_RETRYING);
  w.node.Advance(10 * kMs);
  EXPECT_EQ(w.Row(w.daemon, q).state, 0u);
  EXPECT_EQ(w.node.SuspendProcess(w.daemon, q), 0);
  EXPECT_EQ(w.Row(w.daemon, q).state, XSCHED_QUEUE_PROCESS_SUSPENDED);
  Dead().insert(Node::Task(1).mm);
  EXPECT_TRUE(w.Row(w.daemon, q).state & XSCHED_QUEUE_DEAD) << "nobody has touched it since";
}

TEST(Report, QueueAtWorkIsBusy) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0), r = w.node.Register(w.app, 1);
  uint32_t busy = 0, idle = 0;
  w.spy.meanwhile = [&](const Spy::Call&) {
    busy = w.Row(w.daemon, q).state;
    idle = w.Row(w.daemon, r).state;
  };
  w.node.Suspend(w.daemon, {q});
  EXPECT_EQ(busy, XSCHED_QUEUE_BUSY | XSCHED_QUEUE_HELD);
  EXPECT_EQ(idle, 0u);
  EXPECT_EQ(w.Row(w.daemon, q).state, XSCHED_QUEUE_SUSPENDED | XSCHED_QUEUE_HELD);
}

TEST(Report, ResetQueueIsDeadWhileItsProcessLives) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0), r = w.node.Register(w.app, 1);
  w.spy.answers = {-EACCES};
  w.node.Suspend(w.app, {q});
  EXPECT_EQ(w.Row(w.app, q).state, XSCHED_QUEUE_OWN | XSCHED_QUEUE_DEAD);
  EXPECT_EQ(w.Row(w.app, r).state, XSCHED_QUEUE_OWN);
}

TEST(Report, NodeCountsPassesAndTime) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0, 9), r = w.node.Register(w.app, 1, 9);
  w.spy.takes_ns = 3 * kMs;
  w.node.Suspend(w.app, {q, r});
  w.spy.takes_ns = kMs;
  w.node.Resume(w.app, {q});
  w.spy.answers = {-ETIME};
  w.node.Suspend(w.app, {q});
  xsched_node_info row = w.NodeRow(9);
  EXPECT_EQ(row.queues, 2u);
  EXPECT_EQ(row.passes, 3u);
  EXPECT_EQ(row.suspends, 2u);
  EXPECT_EQ(row.resumes, 1u);
  EXPECT_EQ(row.errors, 1u);
  EXPECT_EQ(row.limited, 0u);
  EXPECT_EQ(row.total_ns, 5 * kMs);
  EXPECT_EQ(row.max_ns, 3 * kMs);
  w.node.Unregister(w.app, q);
  EXPECT_EQ(w.NodeRow(9).queues, 1u);
  w.node.Unregister(w.app, r);
  EXPECT_EQ(w.NodeRow(9).queues, 0u);
}

TEST(Report, ProcessIsAPassOnEachNodeOfIt) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0, 8);
  w.node.Register(w.app, 1, 8);
  w.node.Register(w.app, 2, 9);
  w.node.Register(w.app, 0, 10, 2);
  w.spy.takes_ns = 2 * kMs;
  EXPECT_EQ(w.node.SuspendProcess(w.app, q), 0);
  EXPECT_EQ(w.NodeRow(8).passes, 1u);
  EXPECT_EQ(w.NodeRow(8).total_ns, 2 * kMs);
  EXPECT_EQ(w.NodeRow(9).passes, 1u);
  EXPECT_EQ(w.NodeRow(10).passes, 0u);
  EXPECT_EQ(w.node.Resume(w.app, {}, XSCHED_RESUME_ALL).resume.passes, 2u);
}

TEST(Report, NodesComeInOrderAndInPages) {
  Watched w;
  for (uint32_t gpu : {9, 3, 7}) w.node.Register(w.app, gpu, gpu);
  xsched_node_info rows[2];
  xsched_list_nodes l{sizeof(l), 0, 2, sizeof(rows[0]), 0, reinterpret_cast<uintptr_t>(rows)};
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_LIST_NODES, &l), 0);
  EXPECT_EQ(l.count, 2u);
  EXPECT_EQ(l.cursor, 7u);
  EXPECT_EQ(rows[0].gpu_id, 3u);
  EXPECT_EQ(rows[1].gpu_id, 7u);
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_LIST_NODES, &l), 0);
  EXPECT_EQ(l.count, 1u);
  EXPECT_EQ(rows[0].gpu_id, 9u);
  l.count = 1;
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_LIST_NODES, &l), 0);
  EXPECT_EQ(l.count, 0u);
  EXPECT_EQ(l.cursor, 9u);
}

TEST(Report, RowsKeepTheCallersStride) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0, 8), r = w.node.Register(w.app, 1, 9);
  struct Row {
    xsched_queue_info info;
    uint64_t later;  // of a newer version
  } rows[XSCHED_MAX_BATCH];
  memset(static_cast<void*>(rows), 0xee, sizeof(rows));
  xsched_list_queues l{sizeof(l),   0, XSCHED_MAX_BATCH,
                       sizeof(Row), 0, reinterpret_cast<uintptr_t>(rows)};
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_LIST_QUEUES, &l), 0);
  EXPECT_EQ(l.count, 2u);
  EXPECT_EQ(l.entry_size, sizeof(xsched_queue_info));
  EXPECT_EQ(l.cursor, r);
  EXPECT_EQ(rows[0].info.handle, q);
  EXPECT_EQ(rows[1].info.handle, r);
  EXPECT_EQ(rows[0].later, 0xeeeeeeeeeeeeeeeeu);
  EXPECT_EQ(rows[1].later, 0xeeeeeeeeeeeeeeeeu);
}

TEST(Report, SuspendSaysWhatItDid) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0, 8), r = w.node.Register(w.app, 1, 9),
           held = w.node.Register(w.app, 2, 9);
  w.node.Suspend(w.daemon, {held});
  w.spy.takes_ns = 2 * kMs;
  auto items = Node::Items({q, r, held, 999});
  for (auto& item : items) item.status = 77, item.state = ~0u, item.ns = 77;
  xsched_suspend s = Node::SuspendArg(items);
  s.flags = XSCHED_ITEMS_PARTIAL;
  s.level = XSCHED_LEVEL_DEACTIVATE;
  s.retry_us = s.held = s.passes = 77;
  s.ns = 77;
  EXPECT_EQ(w.node.Call(w.daemon, XSCHED_IOC_SUSPEND, &s), 0);
  EXPECT_EQ(s.level, static_cast<uint32_t>(XSCHED_LEVEL_INTERRUPT));
  EXPECT_EQ(s.engine, kUpdate);
  EXPECT_EQ(s.retry_us, 0u);
  EXPECT_EQ(s.held, 3u);
  EXPECT_EQ(s.passes, 2u);
  EXPECT_EQ(s.ns, 4 * kMs);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(items[i].status, 0) << i;
    EXPECT_EQ(items[i].state, XSCHED_QUEUE_SUSPENDED | XSCHED_QUEUE_HELD) << i;
    EXPECT_EQ(items[i].ns, i < 2 ? 2 * kMs : 0) << i;
  }
  EXPECT_EQ(items[3].status, -ENOENT);
  EXPECT_EQ(items[3].state, 0u);
  EXPECT_EQ(items[3].ns, 0u);
}

TEST(Report, ResumeSaysWhatItDid) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0, 8), r = w.node.Register(w.app, 1, 9);
  w.node.Suspend(w.daemon, {q, r});
  w.node.Suspend(w.app, {r});
  w.spy.takes_ns = 2 * kMs;
  auto items = Node::Items({q, r});
  for (auto& item : items) item.status = 77, item.state = ~0u, item.ns = 77;
  xsched_resume a{};
  a.size = sizeof(a);
  a.count = 2;
  a.items = reinterpret_cast<uintptr_t>(items.data());
  a.passes = 77;
  EXPECT_EQ(w.node.Call(w.daemon, XSCHED_IOC_RESUME, &a), 0);
  EXPECT_EQ(a.passes, 1u);
  EXPECT_EQ(a.ns, 2 * kMs);
  EXPECT_EQ(items[0].status, 0);
  EXPECT_EQ(items[0].state, 0u);
  EXPECT_EQ(items[0].ns, 2 * kMs);
  EXPECT_EQ(items[1].status, 0);
  EXPECT_EQ(items[1].state, XSCHED_QUEUE_SUSPENDED) << "somebody else holds it";
  EXPECT_EQ(items[1].ns, 0u);
}

// An engine that does one queue after the other knows the time of each.
TEST(Report, ItemsHaveTheTimeThatTheEngineSays) {
  Watched w;
  w.spy.each_ns = 100;
  uint64_t q = w.node.Register(w.app, 0), r = w.node.Register(w.app, 1);
  Node::Result result = w.node.Suspend(w.app, {q, r});
  EXPECT_EQ(result.items[0].ns, 100u);
  EXPECT_EQ(result.items[1].ns, 200u);
  EXPECT_EQ(w.node.Info(r).last_op_ns, 200u);
}

TEST(Report, ProcessCallsSayWhoHoldsAndHow) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0);
  w.spy.takes_ns = 2 * kMs;
  auto call = [&](xs_file* file, unsigned cmd) {
    xsched_process p{sizeof(p), 0, q, 0, 0, 77, 77, 77};
    EXPECT_EQ(w.node.Call(file, cmd, &p), 0);
    EXPECT_EQ(p.retry_us, 0u);
    return p;
  };
  xsched_process p = call(w.app, XSCHED_IOC_SUSPEND_PROCESS);
  EXPECT_EQ(p.holders, 1u);
  EXPECT_EQ(p.engine, kUpdate);
  EXPECT_EQ(p.ns, 2 * kMs);
  p = call(w.daemon, XSCHED_IOC_SUSPEND_PROCESS);
  EXPECT_EQ(p.holders, 2u);
  EXPECT_EQ(p.ns, 0u);
  EXPECT_EQ(call(w.app, XSCHED_IOC_RESUME_PROCESS).holders, 1u);
  p = call(w.daemon, XSCHED_IOC_RESUME_PROCESS);
  EXPECT_EQ(p.holders, 0u);
  EXPECT_EQ(p.ns, 2 * kMs);
  xsched_process unknown{sizeof(p), 0, 999, 0, 0, 77, 77, 0};
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_SUSPEND_PROCESS, &unknown), -ENOENT);
  EXPECT_EQ(unknown.retry_us, 0u);
  EXPECT_EQ(unknown.holders, 0u);
}

TEST(Report, ProcessThatWasNotSuspendedIsNotHeld) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0);
  w.spy.answers = {-EIO};
  xsched_process p{sizeof(p), 0, q, 0, 0, 0, 77, 0};
  EXPECT_EQ(w.node.Call(w.app, XSCHED_IOC_SUSPEND_PROCESS, &p), -EIO);
  EXPECT_EQ(p.holders, 0u);
  EXPECT_EQ(w.node.ResumeProcess(w.app, q), -ENOENT);
}

// Each offender has its own status; the call's is the first one's.
TEST(Report, EveryOffenderIsTold) {
  Watched w;
  uint64_t q = w.node.Register(w.app, 0), foreign = w.node.Register(w.daemon, 0, 7, 2);
  Node::Result r = w.node.Suspend(w.app, {q, foreign, 999});
  EXPECT_EQ(r.ret, -EPERM);
  EXPECT_EQ(r.items[0].status, 0);
  EXPECT_EQ(r.items[1].status, -EPERM);
  EXPECT_EQ(r.items[2].status, -ENOENT);
  EXPECT_EQ(w.node.Suspend(w.app, {999, foreign}).ret, -ENOENT);
  EXPECT_TRUE(w.spy.calls.empty());
}

TEST(Report, QueryFillsEveryField) {
  Spy spy;
  Node node(0, 0);
  node.limits.lease_default_ms = 11;
  node.limits.lease_max_ms = 22;
  node.limits.max_queues = 33;
  xs_core_set_limits(node.core, &node.limits);
  xs_core_set_driver(node.core, "a longer version, which the next one must not show through");
  xs_core_set_driver(node.core, "6.12.3");
  xs_core_set_engine(node.core, XSCHED_ENGINE_QUIESCE, nullptr, nullptr, -ENOENT,
                     "quiesce: a longer reason");
  xs_core_set_engine(node.core, XSCHED_ENGINE_QUIESCE, nullptr, nullptr, -ENODEV, "off");
  spy.Offer(node, kUpdate);
  xs_file* app = node.Open();
  uint64_t h = node.Register(app, 0);
  node.Register(app, 1);
  node.Unregister(app, h);
  xsched_query q;
  memset(&q, 0xff, sizeof(q));
  q.size = sizeof(q);
  q.flags = 0;
  EXPECT_EQ(node.Call(app, XSCHED_IOC_QUERY, &q), 0);
  EXPECT_EQ(q.abi_major, static_cast<uint32_t>(XSCHED_ABI_MAJOR));
  EXPECT_EQ(q.abi_minor, static_cast<uint32_t>(XSCHED_ABI_MINOR));
  EXPECT_EQ(q.engines, 1u << kUpdate | 1u << XSCHED_ENGINE_MOCK);
  EXPECT_EQ(q.default_engine, kUpdate);
  EXPECT_EQ(q.role, static_cast<uint32_t>(XSCHED_ROLE_OWNER));
  EXPECT_EQ(q.lease_default_ms, 11u);
  EXPECT_EQ(q.lease_max_ms, 22u);
  EXPECT_EQ(q.max_batch, static_cast<uint32_t>(XSCHED_MAX_BATCH));
  EXPECT_EQ(q.max_queues, 33u);
  EXPECT_EQ(q.num_queues, 1u);
  EXPECT_EQ(std::string(q.driver_version, sizeof(q.driver_version)),
            "6.12.3" + std::string(58, '\0'));
  for (uint32_t i = 0; i < XSCHED_ENGINE_SLOTS; ++i) {
    bool on = q.engines >> i & 1;
    uint32_t levels = i == kUpdate              ? kInterrupts
                      : i == XSCHED_ENGINE_MOCK ? kInterrupts | kDeactivates
                                                : 0;
    EXPECT_EQ(q.engine[i].error, on || i == 0 ? 0 : -ENODEV) << i;
    EXPECT_EQ(q.engine[i].levels, levels) << i;
    std::string why = i == XSCHED_ENGINE_QUIESCE ? "off" : "";
    why.resize(sizeof(q.engine[i].why));
    EXPECT_EQ(std::string(q.engine[i].why, sizeof(q.engine[i].why)), why) << i;
  }
}

TEST(Report, NoEngineIsNoDefault) {
  Node node(0, 0);
  xs_file* app = node.Open();
  xsched_query q{};
  q.size = sizeof(q);
  EXPECT_EQ(node.Call(app, XSCHED_IOC_QUERY, &q), 0);
  EXPECT_EQ(q.default_engine, 0u) << "the mock is no choice of its own accord";
}

TEST(Report, AdministratorControls) {
  Node node;
  xsched_query q{};
  q.size = sizeof(q);
  EXPECT_EQ(node.Call(node.Open(XS_FILE_ADMIN), XSCHED_IOC_QUERY, &q), 0);
  EXPECT_EQ(q.role, static_cast<uint32_t>(XSCHED_ROLE_CONTROL));
}

}  // namespace
}  // namespace kmod_test
