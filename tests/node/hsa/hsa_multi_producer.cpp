// SPDX-License-Identifier: Apache-2.0
//
// Description: four threads write one small ring while it is suspended and
// resumed; every packet completes, exactly once.
#include <atomic>
#include <thread>
#include <vector>

#include "raw_hsa.h"

int main() {
  constexpr int kThreads = 4, kEach = 5000;
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  hsa_queue_t* queue = raw::make_queue(256);
  const raw::Xsched xsched;
  const hsa_signal_t left = raw::make_signal(kThreads * kEach);
  std::atomic<bool> stop{false};
  std::thread chaos([&] {
    while (!stop.load()) {
      raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
      std::this_thread::yield();
      raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
      std::this_thread::yield();
      if (!xsched.present()) return;
    }
  });
  std::vector<std::thread> producers;
  for (int t = 0; t < kThreads; ++t) {
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) raw::put_barrier(queue, left);
    });
  }
  for (std::thread& producer : producers) producer.join();
  stop = true;
  chaos.join();
  raw::require(raw::reaches_zero(left), "every packet completes once");
  hsa_queue_destroy(queue);
  hsa_signal_destroy(left);
  hsa_shut_down();
  std::printf("PASS %d packets of %d threads\n", kThreads * kEach, kThreads);
}
