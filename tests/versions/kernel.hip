// SPDX-License-Identifier: Apache-2.0
//
// What client.cpp launches, as a code object that every version can load.
#include <hip/hip_runtime.h>

extern "C" __global__ void triple(uint32_t* words) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  words[i] = words[i] * 3 + i;
}
