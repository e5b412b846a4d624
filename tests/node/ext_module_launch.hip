// SPDX-License-Identifier: Apache-2.0
//
// Description: hipExtModuleLaunchKernel (how rocBLAS, MIOpen and hipBLASLt
// launch): global work size in threads, start and stop events, and the
// hipExtLaunchKernelGGL form.
#include <hip/hip_ext.h>

#include "check.h"

__global__ void fill_odd(int* values, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = i * 2 + 1;
}

int main() {
  int n = 1000;
  check::Stream stream;
  check::Event start, stop;
  check::DeviceArray<int> values(n);
  values.fill_bytes(0);
  hipFunction_t function;
  CHECK_HIP(hipGetFuncBySymbol(&function, reinterpret_cast<const void*>(fill_odd)));
  int* data = values.get();
  void* arguments[] = {&data, &n};
  // 1024 threads in all, 256 a workgroup.
  CHECK_HIP(hipExtModuleLaunchKernel(function, 1024, 1, 1, 256, 1, 1, 0, stream.get(), arguments,
                                     nullptr, start.get(), stop.get(), 0));
  CHECK_HIP(hipEventSynchronize(stop.get()));
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime(&ms, start.get(), stop.get()));
  CHECK(ms >= 0);
  std::vector<int> result = values.read();
  for (int i = 0; i < n; i++) CHECK(result[i] == i * 2 + 1);

  values.fill_bytes(0);
  check::Event second_stop;
  hipExtLaunchKernelGGL(fill_odd, dim3(4), dim3(256), 0, stream.get(), nullptr, second_stop.get(),
                        0, data, n);
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipEventSynchronize(second_stop.get()));
  result = values.read();
  for (int i = 0; i < n; i++) CHECK(result[i] == i * 2 + 1);
  std::printf("last %d\n", result[n - 1]);
  return check::pass();
}
