// SPDX-License-Identifier: Apache-2.0
//
// Description: more memory than the device has is hipErrorOutOfMemory, and the
// program goes on; freed memory can be had again.
#include "check.h"

__global__ void set(int* value) {
  *value = 42;
}

int main() {
  size_t free_bytes = 0, total_bytes = 0;
  CHECK_HIP(hipMemGetInfo(&free_bytes, &total_bytes));
  CHECK(free_bytes <= total_bytes && total_bytes > 0);
  void* huge = nullptr;
  CHECK(hipMalloc(&huge, total_bytes * 2) == hipErrorOutOfMemory);
  CHECK(hipGetLastError() == hipErrorOutOfMemory);
  CHECK(hipGetLastError() == hipSuccess);

  check::DeviceArray<int> value(1);
  set<<<1, 1>>>(value.get());
  CHECK(value.read()[0] == 42);

  // Half of the memory at a time, more often than it would fit at once.
  for (int i = 0; i < 4; i++) {
    void* half = nullptr;
    CHECK_HIP(hipMalloc(&half, total_bytes / 2));
    CHECK_HIP(hipFree(half));
  }
  std::printf("out of memory, then on\n");
  return check::pass();
}
