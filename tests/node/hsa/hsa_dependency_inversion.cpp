// SPDX-License-Identifier: Apache-2.0
//
// Description: an urgent queue waits for a packet of a less urgent one in the
// same process, before and after the scheduler sees the urgent one as ready:
// both finish.
#include "raw_hsa.h"

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  hsa_queue_t* low = raw::make_queue(256);
  const uint32_t low_id = xsched.newest().id;
  hsa_queue_t* urgent = raw::make_queue(256);
  const uint32_t urgent_id = xsched.newest().id;
  if (xsched.present()) {
    raw::require(xsched.set_priority(low_id, 0) == 0, "low priority");
    raw::require(xsched.set_priority(urgent_id, 10) == 0, "urgent priority");
  }
  for (int round = 0; round < 50; ++round) {
    const hsa_signal_t produced = raw::make_signal(1), done = raw::make_signal(1);
    if (round % 2 == 0) {
      raw::put_barrier(low, produced);
      raw::put_barrier(urgent, done, produced);
    } else {
      // The waiter first: the scheduler has suspended `low` when its packet comes.
      raw::put_barrier(urgent, done, produced);
      raw::put_barrier(low, produced);
    }
    raw::require(raw::reaches_zero(done), "the urgent queue's barrier completes");
    hsa_signal_destroy(produced);
    hsa_signal_destroy(done);
  }
  hsa_queue_destroy(urgent);
  hsa_queue_destroy(low);
  hsa_shut_down();
  std::printf("PASS 50 waits of an urgent queue on a less urgent one\n");
}
