// SPDX-License-Identifier: Apache-2.0
//
// A proxy queue, as the entries see it (queue_hooks.cpp) and as it comes and
// goes (proxy_queues.cpp).
#pragma once

#include <hsa/amd_hsa_queue.h>

#include "../xqueue/session.h"
#include "api.h"
#include "doorbells.h"
#include "memory.h"
#include "ring_memory.h"

namespace xsched {

using QueueCallback = void (*)(hsa_status_t, hsa_queue_t*, void*);

// A proxy queue: what the application holds, and what stands behind it.
struct QueueHandle {
  // Must come first and be laid out as ROCr's SharedQueue (amd_queue_v2_t and
  // the pointer to its implementation), so that functions which we do not
  // enter act on the real queue.
  struct alignas(64) Proxy {
    amd_queue_v2_t queue;
    void* implementation;
  };

  Proxy* proxy = nullptr;
  GpuBuffer proxy_memory;
  RingMemory ring_memory;
  hsa_agent_t agent{0};
  hsa_queue_t* target = nullptr;  // the next layer's queue
  Session* session = nullptr;     // whose xqueue is
  XQueue* xqueue = nullptr;
  Gate* gate = nullptr;  // xqueue's, for the hot path
  uint32_t doorbell = 0;
  int references = 1;  // ROCr hands out one cooperative queue an agent, counted
  GateSignals signals;
  QueueCallback callback = nullptr;
  void* callback_data = nullptr;

  // What the application holds.
  hsa_queue_t* handle() const { return gate != nullptr ? &proxy->queue.hsa_queue : target; }
};

inline const CoreApiTable& core() {
  return next_api().core;
}
inline const AmdExtTable& amd() {
  return next_api().amd;
}

inline QueueHandle* handle_of(const hsa_queue_t* queue) noexcept {
  return queue == nullptr ? nullptr : owner_of(queue->doorbell_signal);
}

// Entries of the API table: they make a queue with its proxy, and end it.
hsa_status_t queue_create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                          QueueCallback callback, void* data, uint32_t private_bytes,
                          uint32_t group_bytes, hsa_queue_t** queue);
hsa_status_t intercept_create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                              QueueCallback callback, void* data, uint32_t private_bytes,
                              uint32_t group_bytes, hsa_queue_t** queue);
hsa_status_t queue_destroy(hsa_queue_t* queue);

}  // namespace xsched
