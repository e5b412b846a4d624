// SPDX-License-Identifier: Apache-2.0
//
// Description: a queue error reaches the application's callback with the
// application's own handle, also while the queue is suspended.
#include <atomic>
#include <initializer_list>

#include "raw_hsa.h"

namespace {

std::atomic<hsa_queue_t*> g_source{nullptr};

// What no packet processor takes.
void put_illegal(hsa_queue_t* queue) {
  constexpr uint32_t kNoSuchType = 0x77;
  const uint64_t index = hsa_queue_add_write_index_screlease(queue, 1);
  auto* packet = static_cast<uint32_t*>(queue->base_address) + (index & (queue->size - 1)) * 16;
  std::memset(packet + 1, 0, 60);
  __atomic_store_n(packet, kNoSuchType, __ATOMIC_RELEASE);
  hsa_signal_store_screlease(queue->doorbell_signal, static_cast<hsa_signal_value_t>(index));
}

}  // namespace

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  for (const bool suspended : {false, true}) {
    g_source = nullptr;
    hsa_queue_t* queue = raw::make_queue(256, [](hsa_status_t, hsa_queue_t* source, void*) {
      g_source = source;
      g_source.notify_all();
    });
    const hsa_signal_t gate = raw::make_signal(1);
    raw::put_barrier(queue, {0}, gate);
    put_illegal(queue);
    if (suspended) raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
    hsa_signal_store_screlease(gate, 0);
    // Below level 3 the packet processor goes on with what it has; at level 3
    // it meets the packet when it is back, at level 2 behind the guard.
    if (suspended && xsched.present() && xsched.newest().level_actual >= 2) {
      raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
    }
    g_source.wait(nullptr);
    raw::require(g_source.load() == queue, "the callback names the application's handle");
    raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
    hsa_signal_destroy(gate);
  }
  std::printf("PASS the callback names the application's handle\n");
  std::fflush(stdout);
  hsa_shut_down();
}
