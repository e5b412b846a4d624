// SPDX-License-Identifier: Apache-2.0
//
// Description: a thread writes 1000 packets into a ring of 64 that is
// suspended: it waits at the full ring, and all complete after the resume.
#include <atomic>
#include <thread>

#include "raw_hsa.h"

int main() {
  constexpr int kPackets = 1000;
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  hsa_queue_t* queue = raw::make_queue(64);
  const hsa_signal_t left = raw::make_signal(kPackets);
  raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
  std::atomic<bool> written{false};
  std::thread producer([&] {
    for (int i = 0; i < kPackets; ++i) raw::put_barrier(queue, left);
    written = true;
  });
  if (xsched.present()) {
    xsched_xqueue state;
    do {
      sched_yield();
      state = xsched.newest();
    } while (state.submitted <= queue->size);
    raw::require(!written, "the producer waits");
    raw::require(state.moved == 0 && hsa_signal_load_scacquire(left) == kPackets, "nothing moved");
  }
  raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
  producer.join();
  raw::require(raw::reaches_zero(left), "all complete");
  hsa_queue_destroy(queue);
  hsa_shut_down();
  std::printf("PASS %d packets\n", kPackets);
}
