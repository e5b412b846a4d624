// SPDX-License-Identifier: Apache-2.0
//
// Description: managed memory written by the host, changed by kernels, read by
// the host, with prefetch and advice in between; also a __managed__ variable.
#include "check.h"

__managed__ int counter = 5;

__global__ void increment(int* values, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i]++;
  if (i == 0) counter += 10;
}

int main() {
  int supported = 0;
  CHECK_HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeManagedMemory, 0));
  if (!supported) check::skip("the device has no managed memory");
  constexpr int n = 3000;
  int* values = nullptr;
  CHECK_HIP(hipMallocManaged(reinterpret_cast<void**>(&values), n * sizeof(int)));
  for (int i = 0; i < n; i++) values[i] = i;
  CHECK_HIP(hipMemAdvise(values, n * sizeof(int), hipMemAdviseSetCoarseGrain, 0));
  CHECK_HIP(hipMemPrefetchAsync(values, n * sizeof(int), 0, nullptr));
  for (int round = 0; round < 3; round++) {
    increment<<<(n + 255) / 256, 256>>>(values, n);
    CHECK_HIP(hipDeviceSynchronize());
    for (int i = 0; i < n; i++) {
      CHECK(values[i] == i + 2 * round + 1);
      values[i]++;
    }
    CHECK(counter == 5 + 10 * (round + 1));
  }
  std::printf("last %d counter %d\n", values[n - 1], counter);
  CHECK_HIP(hipFree(values));
  return check::pass();
}
