// SPDX-License-Identifier: Apache-2.0
//
// See snapshot.h.
#include "snapshot.h"

#include <unordered_map>

namespace xsched::top {
namespace {

template <typename T>
void fill(std::optional<T>& into, const std::optional<T>& from) {
  if (!into) into = from;
}

void fill(std::string& into, const std::string& from) {
  if (into.empty()) into = from;
}

void fill(Queue& into, const Queue& from) {
  fill(into.uid, from.uid);
  fill(into.command, from.command);
  if (into.type == QueueType::kUnknown) into.type = from.type;
  fill(into.gpu_id, from.gpu_id);
  fill(into.xq, from.xq);
  fill(into.streams, from.streams);
  fill(into.priority, from.priority);
  fill(into.level_wanted, from.level_wanted);
  fill(into.level_actual, from.level_actual);
  fill(into.engine, from.engine);
  if (into.state == State::kUnknown) into.state = from.state;
  fill(into.held, from.held);
  fill(into.depth, from.depth);
  fill(into.inflight, from.inflight);
  fill(into.suspends, from.suspends);
  fill(into.last_suspend_ns, from.last_suspend_ns);
  fill(into.max_suspend_ns, from.max_suspend_ns);
  fill(into.suspended_ns, from.suspended_ns);
  fill(into.busy_ns, from.busy_ns);
  fill(into.handle, from.handle);
}

void fill(Gpu& into, const Gpu& from) {
  fill(into.index, from.index);
  fill(into.name, from.name);
  if (!into.used && from.used) {
    into.used = from.used;
    into.used_what = from.used_what;
  }
  fill(into.passes, from.passes);
  fill(into.errors, from.errors);
  fill(into.limited, from.limited);
}

uint64_t key_of(const Queue& q) {
  return uint64_t{static_cast<uint32_t>(q.pid)} << 32 | *q.queue_id;
}

}  // namespace

void merge(Snapshot& into, Snapshot&& from) {
  std::unordered_map<uint64_t, size_t> at;
  for (size_t i = 0; i < into.queues.size() && !from.queues.empty(); ++i) {
    if (into.queues[i].queue_id) at.emplace(key_of(into.queues[i]), i);
  }
  for (Queue& q : from.queues) {
    const auto found = q.queue_id ? at.find(key_of(q)) : at.end();
    if (found == at.end()) {
      into.queues.push_back(std::move(q));
    } else {
      fill(into.queues[found->second], q);
    }
  }
  for (Gpu& gpu : from.gpus) {
    Gpu* same = nullptr;
    for (Gpu& known : into.gpus) {
      if (known.gpu_id == gpu.gpu_id) same = &known;
    }
    if (same != nullptr) {
      fill(*same, gpu);
    } else {
      into.gpus.push_back(std::move(gpu));
    }
  }
  for (SourceStatus& status : from.sources) into.sources.push_back(std::move(status));
  fill(into.policy, from.policy);
}

}  // namespace xsched::top
