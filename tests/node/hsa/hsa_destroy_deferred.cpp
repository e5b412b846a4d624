// SPDX-License-Identifier: Apache-2.0
//
// Description: a queue is destroyed while suspended and with packets at the
// gate; the destroy returns, the packets are dropped, and a new queue works.
#include "raw_hsa.h"

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  for (int round = 0; round < 20; ++round) {
    hsa_queue_t* queue = raw::make_queue(256);
    const hsa_signal_t done = raw::make_signal(1);
    const hsa_signal_t never = raw::make_signal(5);
    raw::put_barrier(queue, done);
    raw::require(raw::reaches_zero(done), "the first packet completes");
    raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
    for (int i = 0; i < 5; ++i) raw::put_barrier(queue, never);
    if (xsched.present()) {
      const xsched_xqueue state = xsched.newest();
      raw::require(state.suspended == 1, "it is suspended");
      raw::require(state.submitted - state.moved == 5, "five packets are at the gate");
    }
    raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
    if (xsched.present()) {
      raw::require(hsa_signal_load_scacquire(never) == 5, "dropped packets do not run");
    }
    hsa_signal_destroy(done);
    hsa_signal_destroy(never);
  }
  hsa_shut_down();
  std::printf("PASS 20 queues destroyed with packets deferred\n");
}
