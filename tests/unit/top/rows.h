// SPDX-License-Identifier: Apache-2.0
//
// Snapshots for tests of xsched-top.
#pragma once

#include "tools/xsched-top/snapshot.h"

namespace xsched::top::test {

inline Queue xqueue(int32_t pid, uint32_t xq, uint32_t gpu_id = 100) {
  Queue q;
  q.pid = pid;
  q.xq = xq;
  q.queue_id = xq;
  q.gpu_id = gpu_id;
  q.type = QueueType::kCompute;
  q.command = "program-" + std::to_string(pid);
  q.user = "somebody";
  q.priority = 0;
  q.level_wanted = q.level_actual = 3;
  q.engine = "kfd";
  q.state = State::kRunning;
  q.held = false;
  q.depth = 7;
  q.inflight = 3;
  q.suspends = 0;
  q.suspended_ns = 0;
  return q;
}

inline Gpu gpu(uint32_t gpu_id, std::optional<uint32_t> index = {}) {
  Gpu g;
  g.gpu_id = gpu_id;
  g.index = index;
  return g;
}

inline Gpu gpu(uint32_t gpu_id, uint32_t index, double used, const char* what) {
  Gpu g = gpu(gpu_id, index);
  g.used = used;
  g.used_what = what;
  return g;
}

inline Snapshot snapshot(double seconds, std::vector<Queue> queues) {
  Snapshot s;
  s.time_ns = 1'000'000'000 + static_cast<uint64_t>(seconds * 1e9);
  s.queues = std::move(queues);
  s.policy = "HPF";
  s.sources.push_back({"xschedd", true, "pid 1, HPF"});
  return s;
}

}  // namespace xsched::top::test
