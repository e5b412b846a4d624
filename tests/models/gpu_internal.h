// SPDX-License-Identifier: Apache-2.0
//
// What the .hip files share.
#pragma once

#include "check.h"
#include "gpu.h"

namespace models {

class GpuArray final : public Array {
 public:
  GpuArray(Gpu& gpu, size_t count)
      : Array(count), gpu_(gpu), data(static_cast<float*>(gpu.take(count * sizeof(float)))) {}
  ~GpuArray() override { gpu_.give(data); }

 private:
  Gpu& gpu_;

 public:
  float* const data;
};

inline const float* in(const Array& x) {
  return static_cast<const GpuArray&>(x).data;
}
inline float* out(Array& x) {
  return static_cast<GpuArray&>(x).data;
}

constexpr int kThreads = 256;
inline unsigned blocks(size_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

// One thread a number.
#define LAUNCH_EACH(kernel, count, ...)                                                    \
  do {                                                                                     \
    kernel<<<blocks(count), kThreads, 0, stream_>>>(static_cast<int>(count), __VA_ARGS__); \
    CHECK_HIP(hipGetLastError());                                                          \
  } while (0)

// One workgroup a sum.
#define LAUNCH_GROUPS(kernel, groups, ...)                   \
  do {                                                       \
    kernel<<<(groups), kThreads, 0, stream_>>>(__VA_ARGS__); \
    CHECK_HIP(hipGetLastError());                            \
  } while (0)

__device__ inline int thread_index() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

__device__ inline float wave_sum(float value) {
  for (int offset = 32; offset > 0; offset /= 2) value += __shfl_xor(value, offset);
  return value;
}

// Of a workgroup of kThreads; every thread gets it, always added in the same order.
__device__ inline float group_sum(float value) {
  __shared__ float partial[kThreads / 64];
  value = wave_sum(value);
  __syncthreads();
  if (threadIdx.x % 64 == 0) partial[threadIdx.x / 64] = value;
  __syncthreads();
  float sum = 0;
  for (float part : partial) sum += part;
  return sum;
}

__device__ inline float group_max(float value) {
  __shared__ float partial[kThreads / 64];
  for (int offset = 32; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor(value, offset));
  __syncthreads();
  if (threadIdx.x % 64 == 0) partial[threadIdx.x / 64] = value;
  __syncthreads();
  float most = partial[0];
  for (float part : partial) most = fmaxf(most, part);
  return most;
}

}  // namespace models
