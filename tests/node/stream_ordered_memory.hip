// SPDX-License-Identifier: Apache-2.0
//
// Description: hipMallocAsync and hipFreeAsync in stream order: memory freed
// right after its last queued use, taken again at once, and from a pool of
// the program's own.
#include "check.h"

__global__ void fill(int* values, int n, int value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = value + i;
}

__global__ void accumulate(const int* values, int n, long long* total) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    atomicAdd(reinterpret_cast<unsigned long long*>(total),
              static_cast<unsigned long long>(values[i]));
}

int main() {
  int supported = 0;
  CHECK_HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeMemoryPoolsSupported, 0));
  if (!supported) check::skip("the device has no memory pools");
  constexpr int n = 4096, rounds = 20;
  check::Stream stream;
  check::DeviceArray<long long> total(1);
  total.fill_bytes(0);
  long long expected = 0;
  for (int round = 0; round < rounds; round++) {
    int* values = nullptr;
    CHECK_HIP(hipMallocAsync(reinterpret_cast<void**>(&values), n * sizeof(int), stream.get()));
    fill<<<n / 256, 256, 0, stream.get()>>>(values, n, round);
    accumulate<<<n / 256, 256, 0, stream.get()>>>(values, n, total.get());
    CHECK_HIP(hipFreeAsync(values, stream.get()));  // while both are still queued
    expected += static_cast<long long>(n) * (n - 1) / 2 + static_cast<long long>(n) * round;
  }
  CHECK_HIP(hipGetLastError());
  stream.wait();
  CHECK(total.read()[0] == expected);
  std::printf("total %lld\n", expected);

  hipMemPoolProps properties = {};
  properties.allocType = hipMemAllocationTypePinned;
  properties.location.type = hipMemLocationTypeDevice;
  properties.location.id = 0;
  hipMemPool_t pool = nullptr;
  CHECK_HIP(hipMemPoolCreate(&pool, &properties));
  int* values = nullptr;
  CHECK_HIP(hipMallocFromPoolAsync(reinterpret_cast<void**>(&values), n * sizeof(int), pool,
                                   stream.get()));
  CHECK_HIP(hipMemsetAsync(values, 0, n * sizeof(int), stream.get()));
  fill<<<n / 256, 256, 0, stream.get()>>>(values, n, 1000);
  std::vector<int> result(n);
  CHECK_HIP(
      hipMemcpyAsync(result.data(), values, n * sizeof(int), hipMemcpyDeviceToHost, stream.get()));
  CHECK_HIP(hipFreeAsync(values, stream.get()));
  stream.wait();
  for (int i = 0; i < n; i++) CHECK(result[i] == 1000 + i);
  CHECK_HIP(hipMemPoolDestroy(pool));
  return check::pass();
}
