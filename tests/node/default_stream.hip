// SPDX-License-Identifier: Apache-2.0
//
// Description: the default stream waits for the blocking streams and they for
// it; a non-blocking stream does neither.
#include "steps.h"

__global__ void step(unsigned* value, unsigned factor, unsigned term) {
  *value = *value * factor + term;
}

int main() {
  check::Stream blocking, free_stream(hipStreamNonBlocking);
  check::DeviceArray<unsigned> value(std::vector<unsigned>{1});
  unsigned expected = 1;
  for (unsigned round = 0; round < 20; round++) {
    step<<<1, 1, 0, blocking.get()>>>(value.get(), 3, round);
    step<<<1, 1>>>(value.get(), 5, round + 1);
    expected = (expected * 3 + round) * 5 + round + 1;
  }
  CHECK_HIP(hipDeviceSynchronize());
  CHECK(value.read()[0] == expected);

  // The default stream is held up; the non-blocking stream gets through.
  check::SharedValue<int> flag(0);
  check::DeviceArray<unsigned> other(std::vector<unsigned>{2});
  check::wait_for<<<1, 1>>>(flag.get());
  step<<<1, 1, 0, free_stream.get()>>>(other.get(), 7, 3);
  free_stream.wait();
  CHECK(hipStreamQuery(nullptr) == hipErrorNotReady);
  flag.store(1);
  CHECK_HIP(hipDeviceSynchronize());
  CHECK(other.read()[0] == 17);
  std::printf("value %u\n", expected);
  return check::pass();
}
