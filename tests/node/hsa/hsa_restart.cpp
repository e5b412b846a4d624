// SPDX-License-Identifier: Apache-2.0
//
// Description: HSA is shut down and started again, with a queue left behind
// and suspended in the first life: queues of the second one are scheduled too.
#include "raw_hsa.h"

static void one_life(const raw::Xsched& xsched, bool leave) {
  const hsa_status_t status = hsa_init();
  if (status != HSA_STATUS_SUCCESS) {
    std::printf("skip: hsa does not start again here (hsa_init gives %d)\n", status);
    std::fflush(stdout);
    std::_Exit(77);
  }
  hsa_queue_t* queue = raw::make_queue(64);
  const hsa_signal_t first = raw::make_signal(1), second = raw::make_signal(1);
  raw::put_barrier(queue, first);
  raw::require(raw::reaches_zero(first), "a packet completes");
  raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
  raw::put_barrier(queue, second);
  if (xsched.present()) {
    const xsched_xqueue state = xsched.newest();
    raw::require(state.suspended == 1 && state.submitted == 2 && state.moved == 1,
                 "the second packet is at the gate");
  }
  if (!leave) {
    raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
    raw::require(raw::reaches_zero(second), "it completes on resume");
    raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
  }
  raw::require(hsa_shut_down() == HSA_STATUS_SUCCESS, "hsa_shut_down");
}

int main() {
  const raw::Xsched xsched;
  // As rocm libraries do that only look for agents.
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  raw::gpu();
  raw::require(hsa_shut_down() == HSA_STATUS_SUCCESS, "hsa_shut_down");
  one_life(xsched, true);
  one_life(xsched, false);
  std::printf("PASS three lives\n");
}
