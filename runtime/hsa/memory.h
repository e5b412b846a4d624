// SPDX-License-Identifier: Apache-2.0
//
// Host memory that a GPU agent may read: proxy queues live in it, because the
// runtime above hands a queue's address to kernels (the rings: ring_memory.h).
#pragma once

#include <hsa/hsa.h>

#include <cstddef>
#include <memory>

namespace xsched {

struct GpuBufferFree {
  bool from_pool = false;
  void operator()(void* pointer) const noexcept;
};
using GpuBuffer = std::unique_ptr<void, GpuBufferFree>;

// Page-aligned, fine-grained, zeroed; plain memory if no pool can be had
// (said in the debug log). Empty if there is no memory at all.
GpuBuffer allocate_shared(hsa_agent_t agent, size_t bytes) noexcept;

}  // namespace xsched
