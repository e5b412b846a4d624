// SPDX-License-Identifier: Apache-2.0
//
// Description: __device__ and __constant__ variables: written and read by
// symbol, changed by a kernel, their address and size.
#include "check.h"

__device__ int scale = 5;
__constant__ int offsets[4];
__device__ double table[16];

__global__ void use(int* out) {
  out[threadIdx.x] = scale + offsets[threadIdx.x & 3];
  if (threadIdx.x == 0) scale = 77;
  if (threadIdx.x < 16) table[threadIdx.x] = 0.5 * threadIdx.x;
}

int main() {
  check::DeviceArray<int> out(64);
  const int values[4] = {10, 20, 30, 40};
  CHECK_HIP(hipMemcpyToSymbol(HIP_SYMBOL(offsets), values, sizeof values));
  use<<<1, 64>>>(out.get());
  CHECK_HIP(hipGetLastError());
  const std::vector<int> result = out.read();
  for (int i = 0; i < 64; i++) CHECK(result[i] == 5 + values[i & 3]);
  int now = 0;
  CHECK_HIP(hipMemcpyFromSymbol(&now, HIP_SYMBOL(scale), sizeof now));
  CHECK(now == 77);
  size_t bytes = 0;
  CHECK_HIP(hipGetSymbolSize(&bytes, HIP_SYMBOL(table)));
  CHECK(bytes == 16 * sizeof(double));
  void* address = nullptr;
  CHECK_HIP(hipGetSymbolAddress(&address, HIP_SYMBOL(table)));
  double doubles[16] = {};
  CHECK_HIP(hipMemcpy(doubles, address, sizeof doubles, hipMemcpyDeviceToHost));
  for (int i = 0; i < 16; i++) CHECK(doubles[i] == 0.5 * i);
  std::printf("scale %d last %g\n", now, doubles[15]);
  return check::pass();
}
