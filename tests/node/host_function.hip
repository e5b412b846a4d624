// SPDX-License-Identifier: Apache-2.0
//
// Description: hipLaunchHostFunc runs in stream order: after the kernel before
// it, before the kernel behind it.
#include <vector>

#include "check.h"

__global__ void add(int* value, int amount) {
  *value += amount;
}

struct Observation {
  const int* shared;
  std::vector<int>* seen;
};

static void observe(void* argument) {
  const auto* observation = static_cast<Observation*>(argument);
  observation->seen->push_back(__atomic_load_n(observation->shared, __ATOMIC_ACQUIRE));
}

int main() {
  constexpr int rounds = 20;
  check::Stream stream;
  check::SharedValue<int> value(0);
  std::vector<int> seen;
  seen.reserve(rounds);
  Observation observation = {value.get(), &seen};
  for (int round = 0; round < rounds; round++) {
    add<<<1, 1, 0, stream.get()>>>(value.get(), round + 1);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipLaunchHostFunc(stream.get(), observe, &observation));
  }
  stream.wait();
  CHECK(seen.size() == rounds);
  int expected = 0;
  for (int round = 0; round < rounds; round++) {
    expected += round + 1;
    CHECK(seen[round] == expected);
  }
  std::printf("calls %zu last %d\n", seen.size(), seen.back());
  return check::pass();
}
