// SPDX-License-Identifier: Apache-2.0
//
// What one AQL packet costs the thread that submits it, on raw HSA: reserve,
// fill, publish, ring. Barrier packets, so that no kernel stands in the way;
// batches that fit the ring, so that no back-pressure does.
#include <hsa/hsa.h>

#include <cstdint>
#include <cstring>

#include "sample.h"

namespace {

constexpr uint32_t kRing = 16384;
constexpr int kBatch = 1000;  // packets a sample
constexpr int kSamples = 20;  // a round; the driver runs at least seven
constexpr int kWarmup = 5;

hsa_status_t first_gpu(hsa_agent_t agent, void* out) {
  hsa_device_type_t type;
  if (hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type) != HSA_STATUS_SUCCESS ||
      type != HSA_DEVICE_TYPE_GPU) {
    return HSA_STATUS_SUCCESS;
  }
  *static_cast<hsa_agent_t*>(out) = agent;
  return HSA_STATUS_INFO_BREAK;
}

void submit(hsa_queue_t* queue, hsa_signal_t completion) {
  const uint64_t index = hsa_queue_add_write_index_screlease(queue, 1);
  while (index - hsa_queue_load_read_index_scacquire(queue) >= queue->size) {
  }
  auto* packet =
      static_cast<hsa_barrier_and_packet_t*>(queue->base_address) + (index & (queue->size - 1));
  std::memset(reinterpret_cast<char*>(packet) + 4, 0, sizeof *packet - 4);
  packet->completion_signal = completion;
  __atomic_store_n(reinterpret_cast<uint32_t*>(packet),
                   HSA_PACKET_TYPE_BARRIER_AND << HSA_PACKET_HEADER_TYPE, __ATOMIC_RELEASE);
  hsa_signal_store_screlease(queue->doorbell_signal, static_cast<hsa_signal_value_t>(index));
}

int fail(const char* what) {
  std::fprintf(stderr, "raw_packets: %s failed\n", what);
  return 1;
}

}  // namespace

int main() {
  if (hsa_init() != HSA_STATUS_SUCCESS) return fail("hsa_init");
  hsa_agent_t gpu{};
  if (hsa_iterate_agents(first_gpu, &gpu) != HSA_STATUS_INFO_BREAK) {
    return fail("finding a gpu agent");
  }
  hsa_queue_t* queue = nullptr;
  if (hsa_queue_create(gpu, kRing, HSA_QUEUE_TYPE_MULTI, nullptr, nullptr, UINT32_MAX, UINT32_MAX,
                       &queue) != HSA_STATUS_SUCCESS) {
    return fail("hsa_queue_create");
  }
  hsa_signal_t done{};
  if (hsa_signal_create(1, 0, nullptr, &done) != HSA_STATUS_SUCCESS) {
    return fail("hsa_signal_create");
  }
  bench::pin_this_thread();
  std::vector<double> samples;
  for (int batch = -kWarmup; batch < kSamples; ++batch) {
    const double start = bench::thread_cpu_ns();
    for (int i = 0; i < kBatch; ++i) submit(queue, hsa_signal_t{0});
    const double spent = bench::thread_cpu_ns() - start;
    if (batch >= 0) samples.push_back(spent / kBatch);
    hsa_signal_store_relaxed(done, 1);
    submit(queue, done);
    hsa_signal_wait_scacquire(done, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX, HSA_WAIT_STATE_BLOCKED);
  }
  bench::report("raw_packet", kBatch, samples);
  hsa_signal_destroy(done);
  hsa_queue_destroy(queue);
  hsa_shut_down();
  return 0;
}
