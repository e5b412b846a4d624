// SPDX-License-Identifier: Apache-2.0
//
// Description: many threads launch at once: on streams of their own, on one
// stream that all share, with allocations and copies in between.
#include <thread>

#include "check.h"

__global__ void add(unsigned* value, unsigned amount) {
  atomicAdd(value, amount);
}

int main() {
  constexpr unsigned threads = 8, rounds = 150;
  check::Stream shared;
  check::DeviceArray<unsigned> total(2);
  total.fill_bytes(0);
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; t++) {
    workers.emplace_back([&, t] {
      check::Stream own;
      for (unsigned round = 0; round < rounds; round++) {
        add<<<1, 1, 0, own.get()>>>(total.get(), t + 1);
        add<<<1, 1, 0, shared.get()>>>(total.get() + 1, round);
        CHECK_HIP(hipGetLastError());
        if (round % 50 == 0) {
          check::DeviceArray<unsigned> mine(std::vector<unsigned>{round});
          add<<<1, 1, 0, own.get()>>>(mine.get(), t);
          own.wait();
          CHECK(mine.read()[0] == round + t);
        }
      }
      own.wait();
    });
  }
  for (std::thread& worker : workers) worker.join();
  shared.wait();
  const std::vector<unsigned> result = total.read();
  CHECK(result[0] == rounds * threads * (threads + 1) / 2);
  CHECK(result[1] == threads * rounds * (rounds - 1) / 2);
  std::printf("own %u shared %u\n", result[0], result[1]);
  return check::pass();
}
