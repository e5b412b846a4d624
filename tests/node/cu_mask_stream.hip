// SPDX-License-Identifier: Apache-2.0
//
// Description: streams with a compute-unit mask, which have hardware queues of
// their own: full mask, one unit, and the mask read back.
#include <hip/hip_ext.h>

#include "check.h"

__global__ void step(unsigned* value) {
  *value = *value * 3 + 1;
}

int main() {
  check::DeviceArray<unsigned> values(std::vector<unsigned>{1, 1});
  const uint32_t masks[2][3] = {{~0u, ~0u, ~0u}, {1, 0, 0}};
  for (int i = 0; i < 2; i++) {
    hipStream_t stream;
    CHECK_HIP(hipExtStreamCreateWithCUMask(&stream, 3, masks[i]));
    uint32_t got[3] = {};
    CHECK_HIP(hipExtStreamGetCUMask(stream, 3, got));
    CHECK(got[0] & 1);
    for (int k = 0; k < 20; k++) step<<<1, 1, 0, stream>>>(values.get() + i);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipStreamSynchronize(stream));
    CHECK_HIP(hipStreamDestroy(stream));
  }
  unsigned expected = 1;
  for (int k = 0; k < 20; k++) expected = expected * 3 + 1;
  const std::vector<unsigned> result = values.read();
  CHECK(result[0] == expected && result[1] == expected);
  std::printf("value %u\n", expected);
  return check::pass();
}
