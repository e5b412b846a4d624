// SPDX-License-Identifier: Apache-2.0
//
// See kernels.h.
#include <hip/hip_cooperative_groups.h>

#include "kernels.h"

namespace oracle {

static __device__ uint32_t device_words[64];

const void* words_symbol() {
  return HIP_SYMBOL(device_words);
}

__global__ void affine(uint32_t* a, uint32_t factor, uint32_t term) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  a[i] = a[i] * (factor | 1) + term + i;
}

__global__ void mix(uint32_t* a, const uint32_t* b) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t v = b[(i * 17 + 3) % kWords];
  a[i] ^= v << 5 | v >> 27;
}

__global__ void histogram(const uint32_t* a, uint32_t* counts) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&counts[a[i] % 64], 1u);
}

__global__ void reverse(uint32_t* a) {
  __shared__ uint32_t tile[kThreads];
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  tile[threadIdx.x] = a[i];
  __syncthreads();
  a[i] = tile[kThreads - 1 - threadIdx.x] + 1;
}

__global__ void rotate_groups(uint32_t* a, uint32_t* scratch) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  scratch[i] = a[i];
  cooperative_groups::this_grid().sync();
  a[i] = scratch[(i + kThreads) % kWords] * 3 + 1;
}

}  // namespace oracle
