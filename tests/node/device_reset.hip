// SPDX-License-Identifier: Apache-2.0
//
// Description: hipDeviceReset destroys every queue, with work still pending on
// one; the device works again afterwards.
#include "check.h"

__global__ void step(unsigned* value) {
  *value = *value * 3 + 1;
}

int main() {
  for (int round = 0; round < 2; round++) {
    hipStream_t stream;
    unsigned* value = nullptr;
    CHECK_HIP(hipStreamCreate(&stream));
    CHECK_HIP(hipMalloc(reinterpret_cast<void**>(&value), sizeof *value));
    CHECK_HIP(hipMemset(value, 0, sizeof *value));
    for (int i = 0; i < 30; i++) step<<<1, 1, 0, stream>>>(value);
    CHECK_HIP(hipGetLastError());
    unsigned result = 0, expected = 0;
    CHECK_HIP(hipMemcpyAsync(&result, value, sizeof result, hipMemcpyDeviceToHost, stream));
    CHECK_HIP(hipStreamSynchronize(stream));
    for (int i = 0; i < 30; i++) expected = expected * 3 + 1;
    CHECK(result == expected);
    for (int i = 0; i < 30; i++) step<<<1, 1, 0, stream>>>(value);
    CHECK_HIP(hipDeviceReset());
    std::printf("round %d value %u\n", round, result);
  }
  return check::pass();
}
