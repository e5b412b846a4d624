// SPDX-License-Identifier: Apache-2.0
//
// Description: a stream destroyed right after its last launch still finishes
// its work, many times over. HIP does not promise that any later call waits
// for it, so the test watches memory.
#include <sched.h>

#include <chrono>

#include "check.h"

__global__ void add(int* value, int amount) {
  __hip_atomic_fetch_add(value, amount, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

int main() {
  constexpr int rounds = 40;
  check::SharedValue<int> value(0);
  for (int round = 0; round < rounds; round++) {
    hipStream_t stream;
    CHECK_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    for (int i = 0; i < 10; i++) add<<<1, 1, 0, stream>>>(value.get(), i);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipStreamDestroy(stream));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (value.load() < rounds * 45 && std::chrono::steady_clock::now() < deadline) sched_yield();
  CHECK(value.load() == rounds * 45);
  std::printf("value %d\n", rounds * 45);
  return check::pass();
}
