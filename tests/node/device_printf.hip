// SPDX-License-Identifier: Apache-2.0
//
// Description: printf in a kernel: integers, floats, strings and a line from
// each of some lanes, flushed by a device synchronisation.
#include "check.h"

__global__ void hello(int value) {
  if (threadIdx.x == 0) printf("kernel says %d %u %s %.3f %c\n", value, 7u, "text", 1.5, 'x');
}

// One workgroup a launch: the order of lines between lanes of one wave is the
// lanes' order.
__global__ void lanes() {
  if (threadIdx.x % 16 == 0) printf("lane %d\n", static_cast<int>(threadIdx.x));
}

int main() {
  for (int i = 0; i < 3; i++) {
    hello<<<1, 64>>>(i * 100 - 1);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipDeviceSynchronize());
  }
  lanes<<<1, 64>>>();
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipDeviceSynchronize());
  return check::pass();
}
