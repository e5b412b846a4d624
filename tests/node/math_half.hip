// SPDX-License-Identifier: Apache-2.0
//
// Description: half precision: scalar and packed arithmetic, conversions and
// comparisons, against values rounded on the host.
#include <hip/hip_fp16.h>

#include "check.h"

__global__ void halves(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const __half x = __float2half(in[i]);
  const __half y = __float2half(2.0f);
  out[i * 4] = __half2float(__hadd(x, y));
  out[i * 4 + 1] = __half2float(__hfma(x, y, __float2half(-1.0f)));
  const __half2 pair = __hmul2(__halves2half2(x, y), __halves2half2(y, x));
  out[i * 4 + 2] = __low2float(pair) - __high2float(pair);
  out[i * 4 + 3] = __hlt(x, y) ? 1.0f : 0.0f;
}

int main() {
  constexpr int n = 500;
  std::vector<float> in(n);
  // Multiples of 1/8 below 64: exact in half precision, as are the results.
  for (int i = 0; i < n; i++) in[i] = 0.125f * static_cast<float>(i);
  check::DeviceArray<float> d_in(in), d_out(n * 4);
  halves<<<(n + 255) / 256, 256>>>(d_in.get(), d_out.get(), n);
  CHECK_HIP(hipGetLastError());
  const std::vector<float> out = d_out.read();
  for (int i = 0; i < n; i++) {
    const float x = in[i];
    // Above 64 a half has steps of 1/16: the sums stay exact.
    CHECK(out[i * 4] == x + 2.0f);
    CHECK(out[i * 4 + 1] == x * 2.0f - 1.0f);
    CHECK(out[i * 4 + 2] == 0.0f);
    CHECK(out[i * 4 + 3] == (x < 2.0f ? 1.0f : 0.0f));
  }
  check::Digest digest;
  digest.add(out);
  digest.print("values");
  return check::pass();
}
