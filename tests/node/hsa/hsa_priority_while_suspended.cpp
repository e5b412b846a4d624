// SPDX-License-Identifier: Apache-2.0
//
// Description: ROCr's own queue updates (SetPriority writes percent 100) do
// not end a suspend: no packet that came before them completes until resume.
#include "raw_hsa.h"

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  hsa_queue_t* queue = raw::make_queue(256);
  const hsa_signal_t gate = raw::make_signal(1), first = raw::make_signal(1);
  const hsa_signal_t second = raw::make_signal(1);
  // In the hardware queue before the suspend, and waiting there.
  raw::put_barrier(queue, first, gate);
  raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
  raw::put_barrier(queue, second);
  raw::require(hsa_amd_queue_set_priority(queue, HSA_AMD_QUEUE_PRIORITY_HIGH) == HSA_STATUS_SUCCESS,
               "hsa_amd_queue_set_priority takes the application's handle");
  hsa_signal_store_screlease(gate, 0);
  if (xsched.present()) {
    // Long enough for a packet processor that runs; nothing is timed.
    const auto value = hsa_signal_wait_scacquire(second, HSA_SIGNAL_CONDITION_LT, 1, 200'000'000,
                                                 HSA_WAIT_STATE_BLOCKED);
    raw::require(value == 1, "a packet written while suspended does not run");
    if (xsched.newest().level_actual == 3) {
      raw::require(hsa_signal_load_scacquire(first) == 1, "level 3 holds the hardware queue");
    }
  }
  raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
  raw::require(raw::reaches_zero(first) && raw::reaches_zero(second), "both complete on resume");
  hsa_queue_destroy(queue);
  hsa_shut_down();
  std::printf("PASS a priority change does not end a suspend\n");
}
