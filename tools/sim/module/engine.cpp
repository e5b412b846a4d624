// SPDX-License-Identifier: Apache-2.0
//
// See engine.h. KFD works off one queue after the other, a pass of the node's
// run list each: n queues are n passes, and are reported as such. Here the
// preemptions of one call overlap, because each victim's own process does its
// part.

#include "engine.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "../device/clock.h"
#include "tasks.h"

namespace xsim::kmod {

namespace {

// As amdgpu's queue_preemption_timeout_ms. There a reset of the GPU follows.
constexpr uint64_t kPreemptionLimitNs = 9'000'000'000ull;
// Whether the victim is still there, and not stopped.
constexpr uint64_t kLookEveryNs = 1'000'000;

dev::ForeignQueue foreign(const xs_op& op) {
  const Task* task = Task::of(op.task);
  return {static_cast<uint32_t>(task->pid), task->mark.start, op.queue_id, op.ring_base,
          op.ring_size};
}

}  // namespace

void UpdateEngine::offer(xs_core* core) {
  static const xs_engine_ops ops = [] {
    xs_engine_ops o{};
    o.levels = 1u << XSCHED_LEVEL_INTERRUPT;
    o.apply = apply;
    return o;
  }();
  if (const auto now = node()) now->map_all_foreign();
  xs_core_set_engine(core, XSCHED_ENGINE_UPDATE_QUEUE, &ops, this, 0, "");
}

std::shared_ptr<dev::SharedNode> UpdateEngine::node() {
  struct stat status;
  std::lock_guard lock(mutex_);
  if (stat(dev::node_path(name_).c_str(), &status) != 0) return node_;
  if (!node_ || status.st_ino != inode_) {
    std::string error;
    node_ = dev::SharedNode::open_existing(name_, error);
    inode_ = status.st_ino;
  }
  return node_;
}

u32 UpdateEngine::apply(void* self, xs_op* ops, u32 n, bool suspend, u32) {
  auto* engine = static_cast<UpdateEngine*>(self);
  if (suspend) {
    engine->suspend(ops, n);
  } else {
    engine->resume(ops, n);
  }
  return n;
}

void UpdateEngine::suspend(xs_op* ops, u32 n) {
  const uint64_t start = dev::now_ns();
  const auto node = this->node();
  std::vector<dev::ForeignRef> refs(n);
  for (u32 i = 0; i < n; ++i) {
    ops[i].status = node ? -node->unmap_foreign(foreign(ops[i]), ops[i].priority, refs[i]) : -ESRCH;
  }
  for (u32 i = 0; i < n; ++i) {
    while (ops[i].status == 0) {
      const uint64_t now = dev::now_ns();
      const int error = node->wait_foreign(refs[i], now + kLookEveryNs);
      if (error != ETIME) {
        ops[i].status = -error;
        break;
      }
      const Task* task = Task::of(ops[i].task);
      if (!Tasks::alive(Task::of(ops[i].task))) {
        ops[i].status = -ESRCH;
      } else if (process_stopped(task->pid)) {
        ops[i].status = -node->revoke_foreign(refs[i]);
        // One that went on meanwhile rests by itself.
        if (process_stopped(task->pid)) break;
      } else if (now - start > kPreemptionLimitNs) {
        ops[i].status = -ETIME;
        node->map_foreign(foreign(ops[i]), ops[i].percentage, ops[i].priority);
      }
    }
    ops[i].ns = dev::now_ns() - start;
  }
}

void UpdateEngine::resume(xs_op* ops, u32 n) {
  const uint64_t start = dev::now_ns();
  const auto node = this->node();
  for (u32 i = 0; i < n; ++i) {
    const int error =
        node ? node->map_foreign(foreign(ops[i]), ops[i].percentage, ops[i].priority) : ESRCH;
    // As kmod/kfd.c: the ring was right when it was suspended, so the queue is
    // gone.
    ops[i].status = error == EFAULT ? -ESRCH : -error;
    ops[i].ns = dev::now_ns() - start;
  }
}

}  // namespace xsim::kmod
