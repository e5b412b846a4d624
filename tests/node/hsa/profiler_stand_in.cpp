// SPDX-License-Identifier: Apache-2.0
//
// A tool library as rocprofiler is one: it makes every queue an intercepted
// queue and passes the packets on. Built twice, with a priority below and one
// above the shim's. Loaded by HSA_TOOLS_LIB.
#define AMD_INTERNAL_BUILD
#include <hsa/hsa.h>
#include <hsa/hsa_api_trace.h>
#include <hsa/hsa_ext_amd.h>

#include <atomic>
#include <cstdint>

namespace {

decltype(CoreApiTable::hsa_queue_create_fn) g_create;
decltype(AmdExtTable::hsa_amd_queue_intercept_create_fn) g_intercept_create;
decltype(AmdExtTable::hsa_amd_queue_intercept_register_fn) g_intercept_register;
std::atomic<uint64_t> g_seen{0};

void pass_on(const void* packets, uint64_t count, uint64_t, void*,
             hsa_amd_queue_intercept_packet_writer writer) {
  g_seen.fetch_add(count);
  writer(packets, count);
}

hsa_status_t create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                    void (*callback)(hsa_status_t, hsa_queue_t*, void*), void* data,
                    uint32_t private_bytes, uint32_t group_bytes, hsa_queue_t** queue) {
  if (type == HSA_QUEUE_TYPE_COOPERATIVE) {
    return g_create(agent, size, type, callback, data, private_bytes, group_bytes, queue);
  }
  const hsa_status_t status = g_intercept_create(agent, size, type, callback, data, private_bytes,
                                                 group_bytes, queue);
  if (status == HSA_STATUS_SUCCESS) g_intercept_register(*queue, pass_on, nullptr);
  return status;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) uint32_t HSA_AMD_TOOL_PRIORITY;
uint32_t HSA_AMD_TOOL_PRIORITY = STAND_IN_PRIORITY;

extern "C" __attribute__((visibility("default"))) bool OnLoad(HsaApiTable* table, uint64_t,
                                                              uint64_t, const char* const*) {
  g_create = table->core_->hsa_queue_create_fn;
  g_intercept_create = table->amd_ext_->hsa_amd_queue_intercept_create_fn;
  g_intercept_register = table->amd_ext_->hsa_amd_queue_intercept_register_fn;
  table->core_->hsa_queue_create_fn = create;
  return true;
}
extern "C" __attribute__((visibility("default"))) void OnUnload() {}
extern "C" __attribute__((visibility("default"))) uint64_t stand_in_seen() { return g_seen; }
