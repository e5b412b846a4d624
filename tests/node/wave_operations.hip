// SPDX-License-Identifier: Apache-2.0
//
// Description: ballot, votes and the shuffles (xor, up, down, indexed) inside
// a wave, with and without lanes switched off.
#include "check.h"

__global__ void wave_operations(const int* in, int* out) {
  const int lane = threadIdx.x;
  int value = in[lane];
  int sum = value;
  for (int mask = 32; mask > 0; mask /= 2) sum += __shfl_xor(sum, mask);
  out[lane] = sum;
  out[64 + lane] = __shfl_up(value, 3);
  out[128 + lane] = __shfl_down(value, 5);
  out[192 + lane] = __shfl(value, (lane * 11) & 63);
  out[256 + lane] = __popcll(__ballot(value & 1));
  out[320 + lane] = __any(value == 40) * 2 + __all(value >= 0);
  out[384 + lane] = -1;
  if (lane % 3 == 0) out[384 + lane] = __popcll(__ballot(1));
}

int main() {
  std::vector<int> in(64);
  for (int i = 0; i < 64; i++) in[i] = i * 5 % 64;
  check::DeviceArray<int> d_in(in), d_out(448);
  wave_operations<<<1, 64>>>(d_in.get(), d_out.get());
  CHECK_HIP(hipGetLastError());
  const std::vector<int> out = d_out.read();
  for (int i = 0; i < 64; i++) {
    CHECK(out[i] == 2016);
    CHECK(out[64 + i] == (i < 3 ? in[i] : in[i - 3]));
    CHECK(out[128 + i] == (i >= 59 ? in[i] : in[i + 5]));
    CHECK(out[192 + i] == in[(i * 11) & 63]);
    CHECK(out[256 + i] == 32);
    CHECK(out[320 + i] == 3);
    CHECK(out[384 + i] == (i % 3 == 0 ? 22 : -1));
  }
  check::Digest digest;
  digest.add(out);
  digest.print("lanes");
  return check::pass();
}
