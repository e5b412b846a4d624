// SPDX-License-Identifier: Apache-2.0
//
// An engine that tests look into: it notes what it was handed, answers what it
// was told to, takes modelled time, and lets a test act while it works (the
// core's lock is free then).
#pragma once

#include <deque>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {

constexpr uint32_t kDeactivates = 1u << XSCHED_LEVEL_DEACTIVATE;
constexpr uint32_t kInterrupts = 1u << XSCHED_LEVEL_INTERRUPT;

// Declared before its Node, which calls it until it is gone.
struct Spy {
  enum Can { kQueues = 1, kProcesses = 2, kBoth = 3 };

  void Offer(Node& to, uint32_t engine, uint32_t levels = kInterrupts,
             uint32_t flags = XS_ENGINE_BATCHES, Can can = kQueues) {
    node = &to;
    ops = {levels, flags, can & kQueues ? Apply : nullptr,
           can & kProcesses ? ApplyProcess : nullptr, nullptr};
    xs_core_set_engine(to.core, engine, &ops, this, 0, "");
  }

  struct Call {
    std::vector<xs_op> ops;  // none: a process
    bool suspend;
    uint32_t grace_us;
    const void* mm;
  };
  std::vector<Call> calls;
  std::function<void(const Call&)> meanwhile;
  std::deque<int> answers;  // of the next operations; then 0
  uint64_t takes_ns = 0;
  uint64_t each_ns = 0;  // what it reports of the n-th queue is n times that

  Node* node = nullptr;
  xs_engine_ops ops{};

 private:
  int Answer() {
    if (answers.empty()) return 0;
    int answer = answers.front();
    answers.pop_front();
    return answer;
  }
  void Work(Call call) {
    calls.push_back(call);
    node->time += takes_ns;
    if (meanwhile) meanwhile(call);
  }
  static u32 Apply(void* ctx, xs_op* op, u32 n, bool suspend, u32 grace_us) {
    Spy* spy = static_cast<Spy*>(ctx);
    spy->Work({{op, op + n}, suspend, grace_us, op->task->mm});
    for (u32 i = 0; i < n; ++i) {
      op[i].status = spy->Answer();
      op[i].ns = (i + 1) * spy->each_ns;
    }
    return spy->ops.flags & XS_ENGINE_BATCHES ? 1 : n;
  }
  static int ApplyProcess(void* ctx, const xs_task* task, bool suspend) {
    Spy* spy = static_cast<Spy*>(ctx);
    spy->Work({{}, suspend, 0, task->mm});
    return spy->Answer();
  }
};

}  // namespace kmod_test
