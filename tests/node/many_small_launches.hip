// SPDX-License-Identifier: Apache-2.0
//
// Description: 20000 launches without a wait: more packets than a ring holds,
// so the ring fills and wraps.
#include "check.h"

__global__ void step(unsigned* value) {
  *value = *value * 5 + 1;
}

int main() {
  constexpr int launches = 20000;
  check::Stream stream;
  check::DeviceArray<unsigned> value(std::vector<unsigned>{1});
  for (int i = 0; i < launches; i++) step<<<1, 1, 0, stream.get()>>>(value.get());
  CHECK_HIP(hipGetLastError());
  stream.wait();
  unsigned expected = 1;
  for (int i = 0; i < launches; i++) expected = expected * 5 + 1;
  CHECK(value.read()[0] == expected);
  std::printf("value %u\n", expected);
  return check::pass();
}
