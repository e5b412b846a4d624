// SPDX-License-Identifier: Apache-2.0
//
// Description: more streams than hardware queues, several priorities, used
// round robin; each keeps its own order.
#include <memory>

#include "check.h"

__global__ void step(unsigned* value, unsigned factor, unsigned term) {
  *value = *value * factor + term;
}

int main() {
  constexpr unsigned count = 12, rounds = 30;
  int least = 0, greatest = 0;
  CHECK_HIP(hipDeviceGetStreamPriorityRange(&least, &greatest));
  CHECK(greatest <= least);
  std::vector<hipStream_t> streams(count);
  for (unsigned i = 0; i < count; i++) {
    const int priority = i % 3 == 0 ? greatest : i % 3 == 1 ? 0 : least;
    CHECK_HIP(hipStreamCreateWithPriority(&streams[i], hipStreamNonBlocking, priority));
    int got = 99;
    CHECK_HIP(hipStreamGetPriority(streams[i], &got));
    CHECK(got == priority);
  }
  check::DeviceArray<unsigned> values(std::vector<unsigned>(count, 1));
  for (unsigned round = 0; round < rounds; round++)
    for (unsigned i = 0; i < count; i++)
      step<<<1, 1, 0, streams[i]>>>(values.get() + i, 3 + i, round);
  CHECK_HIP(hipGetLastError());
  for (hipStream_t stream : streams) CHECK_HIP(hipStreamSynchronize(stream));
  const std::vector<unsigned> result = values.read();
  for (unsigned i = 0; i < count; i++) {
    unsigned expected = 1;
    for (unsigned round = 0; round < rounds; round++) expected = expected * (3 + i) + round;
    CHECK(result[i] == expected);
  }
  for (hipStream_t stream : streams) CHECK_HIP(hipStreamDestroy(stream));
  check::Digest digest;
  digest.add(result);
  digest.print("values");
  return check::pass();
}
