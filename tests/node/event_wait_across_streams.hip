// SPDX-License-Identifier: Apache-2.0
//
// Description: two streams hand one array back and forth through
// hipStreamWaitEvent; a lost dependency shows as a wrong value.
#include "check.h"

// Not commutative: the order of the steps is in the result.
__global__ void step(unsigned* values, int n, unsigned factor, unsigned term) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = values[i] * factor + term;
}

int main() {
  constexpr int n = 1000, rounds = 25;
  check::Stream left, right;
  check::Event from_left(hipEventDisableTiming), from_right(hipEventDisableTiming);
  std::vector<unsigned> expected(n);
  for (int i = 0; i < n; i++) expected[i] = i;
  check::DeviceArray<unsigned> values(expected);
  for (unsigned round = 0; round < rounds; round++) {
    step<<<4, 256, 0, left.get()>>>(values.get(), n, 3, round);
    CHECK_HIP(hipEventRecord(from_left.get(), left.get()));
    CHECK_HIP(hipStreamWaitEvent(right.get(), from_left.get(), 0));
    step<<<4, 256, 0, right.get()>>>(values.get(), n, 5, round + 7);
    CHECK_HIP(hipEventRecord(from_right.get(), right.get()));
    CHECK_HIP(hipStreamWaitEvent(left.get(), from_right.get(), 0));
    for (unsigned& value : expected) value = (value * 3 + round) * 5 + round + 7;
  }
  CHECK_HIP(hipGetLastError());
  left.wait();
  const std::vector<unsigned> result = values.read();
  CHECK(result == expected);
  check::Digest digest;
  digest.add(result);
  digest.print("values");
  return check::pass();
}
