// SPDX-License-Identifier: Apache-2.0
//
// Description: integer, 64-bit, float and compare-and-swap atomics in device
// memory and LDS, from many workgroups at once.
#include "check.h"

__global__ void histogram(const int* values, int n, int* bins) {
  __shared__ int local[64];
  if (threadIdx.x < 64) local[threadIdx.x] = 0;
  __syncthreads();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) atomicAdd(&local[values[i] & 63], 1);
  __syncthreads();
  if (threadIdx.x < 64) atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

struct Results {
  unsigned long long sum;
  int minimum, maximum;
  unsigned bits_or, bits_and, bits_xor;
  float halves;
  int lock, guarded;
};

__global__ void all_kinds(const int* values, int n, Results* r) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  atomicAdd(&r->sum, static_cast<unsigned long long>(values[i]));
  atomicMin(&r->minimum, values[i]);
  atomicMax(&r->maximum, values[i]);
  atomicOr(&r->bits_or, 1u << (values[i] & 15));
  atomicAnd(&r->bits_and, ~(1u << (values[i] & 7)));
  atomicXor(&r->bits_xor, static_cast<unsigned>(values[i]));
  atomicAdd(&r->halves, 0.5f);
  // One thread a workgroup adds to a value that compare-and-swap keeps.
  if (threadIdx.x == 0) {
    int seen = r->guarded, assumed;
    do {
      assumed = seen;
      seen = atomicCAS(&r->guarded, assumed, assumed + values[i]);
    } while (seen != assumed);
  }
}

int main() {
  constexpr int n = 8192;
  std::vector<int> values(n), bins(64);
  Results expected = {0, 1 << 30, 0, 0, ~0u, 0, 0, 0, 0};
  for (int i = 0; i < n; i++) {
    values[i] = i * 37 % 1009 + 1;
    bins[values[i] & 63]++;
    expected.sum += values[i];
    expected.minimum = std::min(expected.minimum, values[i]);
    expected.maximum = std::max(expected.maximum, values[i]);
    expected.bits_or |= 1u << (values[i] & 15);
    expected.bits_and &= ~(1u << (values[i] & 7));
    expected.bits_xor ^= values[i];
    expected.halves += 0.5f;
    if (i % 256 == 0) expected.guarded += values[i];
  }
  check::DeviceArray<int> d_values(values), d_bins(64);
  d_bins.fill_bytes(0);
  histogram<<<n / 256, 256>>>(d_values.get(), n, d_bins.get());
  CHECK_HIP(hipGetLastError());
  CHECK(d_bins.read() == bins);

  check::DeviceArray<Results> d_results(std::vector<Results>{{0, 1 << 30, 0, 0, ~0u, 0, 0, 0, 0}});
  all_kinds<<<n / 256, 256>>>(d_values.get(), n, d_results.get());
  CHECK_HIP(hipGetLastError());
  const Results r = d_results.read()[0];
  CHECK(r.sum == expected.sum);
  CHECK(r.minimum == expected.minimum && r.maximum == expected.maximum);
  CHECK(r.bits_or == expected.bits_or && r.bits_and == expected.bits_and);
  CHECK(r.bits_xor == expected.bits_xor);
  CHECK(r.halves == expected.halves);
  CHECK(r.guarded == expected.guarded);
  std::printf("sum %llu min %d max %d or %x and %x xor %x halves %.1f guarded %d\n", r.sum,
              r.minimum, r.maximum, r.bits_or, r.bits_and, r.bits_xor, r.halves, r.guarded);
  return check::pass();
}
