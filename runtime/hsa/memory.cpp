// SPDX-License-Identifier: Apache-2.0
//
// See memory.h.
#include "memory.h"

#include <cstdlib>
#include <cstring>

#include "../base/log.h"
#include "api.h"

namespace xsched {
namespace {

constexpr size_t kPage = 4096;

struct PoolSearch {
  hsa_amd_memory_pool_t pool{0};
  bool found = false;
};

hsa_status_t match_pool(hsa_amd_memory_pool_t pool, void* data) {
  const AmdExtTable& amd = next_api().amd;
  hsa_amd_segment_t segment{};
  uint32_t flags = 0;
  bool allocatable = false;
  if (amd.hsa_amd_memory_pool_get_info_fn(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment) !=
          HSA_STATUS_SUCCESS ||
      segment != HSA_AMD_SEGMENT_GLOBAL ||
      amd.hsa_amd_memory_pool_get_info_fn(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, &flags) !=
          HSA_STATUS_SUCCESS ||
      (flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED) == 0 ||
      amd.hsa_amd_memory_pool_get_info_fn(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED,
                                          &allocatable) != HSA_STATUS_SUCCESS ||
      !allocatable) {
    return HSA_STATUS_SUCCESS;
  }
  auto* search = static_cast<PoolSearch*>(data);
  search->pool = pool;
  search->found = true;
  return HSA_STATUS_INFO_BREAK;
}

hsa_status_t match_cpu(hsa_agent_t agent, void* data) {
  hsa_device_type_t type{};
  const NextApi& api = next_api();
  if (api.core.hsa_agent_get_info_fn(agent, HSA_AGENT_INFO_DEVICE, &type) != HSA_STATUS_SUCCESS ||
      type != HSA_DEVICE_TYPE_CPU) {
    return HSA_STATUS_SUCCESS;
  }
  api.amd.hsa_amd_agent_iterate_memory_pools_fn(agent, match_pool, data);
  return static_cast<PoolSearch*>(data)->found ? HSA_STATUS_INFO_BREAK : HSA_STATUS_SUCCESS;
}

}  // namespace

void GpuBufferFree::operator()(void* pointer) const noexcept {
  if (from_pool) {
    next_api().amd.hsa_amd_memory_pool_free_fn(pointer);
  } else {
    std::free(pointer);
  }
}

GpuBuffer allocate_shared(hsa_agent_t agent, size_t bytes) noexcept {
  const NextApi& api = next_api();
  const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  PoolSearch search;
  api.core.hsa_iterate_agents_fn(match_cpu, &search);
  void* memory = nullptr;
  if (search.found && api.amd.hsa_amd_memory_pool_allocate_fn(search.pool, rounded, 0, &memory) ==
                          HSA_STATUS_SUCCESS) {
    GpuBuffer buffer(memory, GpuBufferFree{true});
    if (api.amd.hsa_amd_agents_allow_access_fn(1, &agent, nullptr, memory) == HSA_STATUS_SUCCESS) {
      std::memset(memory, 0, rounded);
      return buffer;
    }
  }
  log(LogLevel::kDebug, "no gpu-visible pool for %zu bytes; using plain memory", rounded);
  memory = std::aligned_alloc(kPage, rounded);
  if (memory != nullptr) std::memset(memory, 0, rounded);
  return GpuBuffer(memory, GpuBufferFree{false});
}

}  // namespace xsched
