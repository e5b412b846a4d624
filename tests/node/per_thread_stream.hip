// SPDX-License-Identifier: Apache-2.0
//
// Description: hipStreamPerThread in several threads: each thread's work is in
// order and finishes although another thread's stream is held up.
#include <thread>

#include "steps.h"

__global__ void step(unsigned* value, unsigned factor, unsigned term) {
  *value = *value * factor + term;
}

int main() {
  constexpr unsigned threads = 3, rounds = 50;
  check::SharedValue<int> flag(0);
  check::DeviceArray<unsigned> values(std::vector<unsigned>(threads, 1));
  check::wait_for<<<1, 1, 0, hipStreamPerThread>>>(flag.get());
  CHECK_HIP(hipGetLastError());

  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; t++) {
    workers.emplace_back([&values, t] {
      for (unsigned round = 0; round < rounds; round++)
        step<<<1, 1, 0, hipStreamPerThread>>>(values.get() + t, 3 + t, round);
      CHECK_HIP(hipGetLastError());
      CHECK_HIP(hipStreamSynchronize(hipStreamPerThread));
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(hipStreamQuery(hipStreamPerThread) == hipErrorNotReady);
  flag.store(1);
  CHECK_HIP(hipStreamSynchronize(hipStreamPerThread));

  const std::vector<unsigned> result = values.read();
  for (unsigned t = 0; t < threads; t++) {
    unsigned expected = 1;
    for (unsigned round = 0; round < rounds; round++) expected = expected * (3 + t) + round;
    CHECK(result[t] == expected);
    std::printf("thread %u value %u\n", t, result[t]);
  }
  return check::pass();
}
