// SPDX-License-Identifier: Apache-2.0
//
// Description: the program ends while kernels are queued on several streams,
// without a wait; it must end with its own exit status, and soon.
#include "check.h"

__global__ void busy(unsigned* value, int rounds) {
  unsigned v = *value;
  for (int i = 0; i < rounds; i++) v = v * 1664525u + 1013904223u;
  *value = v;
}

int main() {
  hipStream_t streams[3];
  unsigned* value = nullptr;
  CHECK_HIP(hipMalloc(reinterpret_cast<void**>(&value), 3 * sizeof(unsigned)));
  CHECK_HIP(hipMemset(value, 0, 3 * sizeof(unsigned)));
  for (hipStream_t& stream : streams) CHECK_HIP(hipStreamCreate(&stream));
  for (int i = 0; i < 300; i++) busy<<<1, 64, 0, streams[i % 3]>>>(value + i % 3, 200);
  CHECK_HIP(hipGetLastError());
  return check::pass();  // nothing is freed, destroyed or waited for
}
