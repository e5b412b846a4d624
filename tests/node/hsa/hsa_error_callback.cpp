// SPDX-License-Identifier: Apache-2.0
//
// Description: a queue error reaches the application's callback with the
// application's own handle, also while the queue is suspended.
#include <hsa/amd_hsa_queue.h>

#include <atomic>
#include <initializer_list>

#include "raw_hsa.h"

namespace {
std::atomic<hsa_queue_t*> g_source{nullptr};
}

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  for (const bool suspended : {false, true}) {
    g_source = nullptr;
    hsa_queue_t* queue = raw::make_queue(
        256, [](hsa_status_t, hsa_queue_t* source, void*) {
          g_source = source;
          g_source.notify_all();
        });
    if (suspended) raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
    // What the packet processor does on an illegal packet.
    hsa_signal_store_screlease(reinterpret_cast<amd_queue_v2_t*>(queue)->queue_inactive_signal, 32);
    g_source.wait(nullptr);
    raw::require(g_source.load() == queue, "the callback names the application's handle");
    raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
  }
  std::printf("PASS the callback names the application's handle\n");
  std::fflush(stdout);
  hsa_shut_down();
}
