// SPDX-License-Identifier: Apache-2.0
//
// Description: ordinary host memory registered with HIP, changed by a kernel
// in place; mapped host allocations, coherent and not.
#include "check.h"

__global__ void triple(int* values, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] *= 3;
}

int main() {
  constexpr int n = 5000;
  std::vector<int> values(n);
  for (int i = 0; i < n; i++) values[i] = i;
  CHECK_HIP(hipHostRegister(values.data(), n * sizeof(int), hipHostRegisterMapped));
  int* mapped = nullptr;
  CHECK_HIP(hipHostGetDevicePointer(reinterpret_cast<void**>(&mapped), values.data(), 0));
  triple<<<(n + 255) / 256, 256>>>(mapped, n);
  CHECK_HIP(hipDeviceSynchronize());
  for (int i = 0; i < n; i++) CHECK(values[i] == i * 3);
  CHECK_HIP(hipHostUnregister(values.data()));
  CHECK(hipHostUnregister(values.data()) != hipSuccess);
  (void)hipGetLastError();

  for (const unsigned flags :
       {unsigned{hipHostMallocCoherent}, unsigned{hipHostMallocNonCoherent}}) {
    int* host = nullptr;
    CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&host), n * sizeof(int), flags));
    for (int i = 0; i < n; i++) host[i] = i + 1;
    triple<<<(n + 255) / 256, 256>>>(host, n);
    CHECK_HIP(hipDeviceSynchronize());
    for (int i = 0; i < n; i++) CHECK(host[i] == (i + 1) * 3);
    CHECK_HIP(hipHostFree(host));
  }
  std::printf("last %d\n", values[n - 1]);
  return check::pass();
}
