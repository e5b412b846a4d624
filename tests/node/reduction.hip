// SPDX-License-Identifier: Apache-2.0
//
// Description: sums and maxima through wave shuffles, LDS and one atomic a
// workgroup.
#include "check.h"

__global__ void reduce(const int* values, int n, int* sum, int* maximum) {
  __shared__ int sums[16];
  __shared__ int maxima[16];
  int partial = 0, largest = -2147483647;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    partial += values[i];
    largest = max(largest, values[i]);
  }
  for (int distance = warpSize / 2; distance > 0; distance /= 2) {
    partial += __shfl_down(partial, distance);
    largest = max(largest, __shfl_down(largest, distance));
  }
  const int wave = threadIdx.x / warpSize, lane = threadIdx.x % warpSize;
  if (lane == 0) {
    sums[wave] = partial;
    maxima[wave] = largest;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < static_cast<int>(blockDim.x) / warpSize; i++) {
    partial += sums[i];
    largest = max(largest, maxima[i]);
  }
  atomicAdd(sum, partial);
  atomicMax(maximum, largest);
}

// A tree in LDS without shuffles.
__global__ void reduce_tree(const float* values, float* sums) {
  __shared__ float tree[256];
  tree[threadIdx.x] = values[blockIdx.x * 256 + threadIdx.x];
  __syncthreads();
  for (int half = 128; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) tree[threadIdx.x] += tree[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = tree[0];
}

int main() {
  constexpr int n = 20011;
  std::vector<int> values(n);
  int expected_sum = 0, expected_max = -1000000;
  for (int i = 0; i < n; i++) {
    values[i] = i * 7919 % 20011 - 5000;
    expected_sum += values[i];
    expected_max = std::max(expected_max, values[i]);
  }
  check::DeviceArray<int> d_values(values), d_result(std::vector<int>{0, -1000000});
  reduce<<<6, 256>>>(d_values.get(), n, d_result.get(), d_result.get() + 1);
  CHECK_HIP(hipGetLastError());
  const std::vector<int> result = d_result.read();
  CHECK(result[0] == expected_sum);
  CHECK(result[1] == expected_max);
  std::printf("sum %d max %d\n", result[0], result[1]);

  std::vector<float> floats(8 * 256);
  for (size_t i = 0; i < floats.size(); i++) floats[i] = 0.5f * static_cast<float>(i % 97);
  check::DeviceArray<float> d_floats(floats), d_sums(8);
  reduce_tree<<<8, 256>>>(d_floats.get(), d_sums.get());
  CHECK_HIP(hipGetLastError());
  const std::vector<float> sums = d_sums.read();
  for (int group = 0; group < 8; group++) {
    float expected = 0;
    for (int i = 0; i < 256; i++) expected += floats[group * 256 + i];
    CHECK(sums[group] == expected);  // multiples of 0.5: exact in any order
  }
  check::Digest digest;
  digest.add(sums);
  digest.print("tree");
  return check::pass();
}
