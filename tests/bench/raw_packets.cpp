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
constexpr int kBatch = 100;   // packets a sample
constexpr int kBatches = 10;  // samples between two waits for the ring to be empty
constexpr int kRefills = 25;  // of these a turn
constexpr int kWarmup = 2;    // and before it: the other process had the caches

hsa_queue_t* g_queue = nullptr;
hsa_signal_t g_done{0};

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

bool turn(std::vector<double>& samples) {
  for (int refill = -kWarmup; refill < kRefills; ++refill) {
    for (int batch = 0; batch < kBatches; ++batch) {
      const double start = bench::thread_cpu_ns();
      for (int i = 0; i < kBatch; ++i) submit(g_queue, hsa_signal_t{0});
      const double spent = bench::thread_cpu_ns() - start;
      if (refill >= 0) samples.push_back(spent / kBatch);
    }
    hsa_signal_store_relaxed(g_done, 1);
    submit(g_queue, g_done);
    hsa_signal_wait_scacquire(g_done, HSA_SIGNAL_CONDITION_LT, 1, UINT64_MAX,
                              HSA_WAIT_STATE_ACTIVE);
  }
  return true;
}

}  // namespace

int main() {
  if (hsa_init() != HSA_STATUS_SUCCESS) return fail("hsa_init");
  hsa_agent_t gpu{};
  if (hsa_iterate_agents(first_gpu, &gpu) != HSA_STATUS_INFO_BREAK) {
    return fail("finding a gpu agent");
  }
  if (hsa_queue_create(gpu, kRing, HSA_QUEUE_TYPE_MULTI, nullptr, nullptr, UINT32_MAX, UINT32_MAX,
                       &g_queue) != HSA_STATUS_SUCCESS) {
    return fail("hsa_queue_create");
  }
  if (hsa_signal_create(1, 0, nullptr, &g_done) != HSA_STATUS_SUCCESS) {
    return fail("hsa_signal_create");
  }
  std::vector<double> none;
  turn(none);  // starts whatever starts late
  const int status = bench::serve({{"raw_packet", kBatch, bench::Place::kTogether, turn}});
  hsa_signal_destroy(g_done);
  hsa_queue_destroy(g_queue);
  hsa_shut_down();
  return status;
}
