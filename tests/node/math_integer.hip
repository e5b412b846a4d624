// SPDX-License-Identifier: Apache-2.0
//
// Description: integer arithmetic: division, remainder, shifts, bit counts and
// reversals, 64-bit products, mixed signs.
#include "check.h"

__global__ void compute(const unsigned* in, long long* out, unsigned divisor, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const unsigned u = in[i];
  const int s = static_cast<int>(u);
  const long long wide = static_cast<long long>(s) * 1000003;
  out[i * 6] = u / divisor * 7 + u % divisor;
  out[i * 6 + 1] = s / static_cast<int>(divisor) - s % 17;
  out[i * 6 + 2] = (u << (i & 31)) ^ (u >> (i & 15)) ^ static_cast<unsigned>(s >> (i & 7));
  out[i * 6 + 3] = __brev(u) + __clz(s) + __popc(u) + __ffs(s);
  out[i * 6 + 4] = wide / (i + 1) + wide % 997;
  out[i * 6 + 5] = static_cast<long long>(__umulhi(u, 2654435761u)) - __mulhi(s, -12345);
}

static unsigned reversed(unsigned v) {
  unsigned r = 0;
  for (int bit = 0; bit < 32; bit++) r |= (v >> bit & 1) << (31 - bit);
  return r;
}

int main() {
  constexpr int n = 1500;
  constexpr unsigned divisor = 13;
  std::vector<unsigned> in(n);
  for (int i = 0; i < n; i++) in[i] = static_cast<unsigned>(i) * 2654435761u;
  check::DeviceArray<unsigned> d_in(in);
  check::DeviceArray<long long> d_out(n * 6);
  compute<<<(n + 255) / 256, 256>>>(d_in.get(), d_out.get(), divisor, n);
  CHECK_HIP(hipGetLastError());
  const std::vector<long long> out = d_out.read();
  for (int i = 0; i < n; i++) {
    const unsigned u = in[i];
    const int s = static_cast<int>(u);
    const long long wide = static_cast<long long>(s) * 1000003;
    CHECK(out[i * 6] == static_cast<long long>(u / divisor * 7 + u % divisor));
    CHECK(out[i * 6 + 1] == s / static_cast<int>(divisor) - s % 17);
    CHECK(out[i * 6 + 2] == static_cast<long long>((u << (i & 31)) ^ (u >> (i & 15)) ^
                                                   static_cast<unsigned>(s >> (i & 7))));
    const int leading = u ? __builtin_clz(u) : 32;
    CHECK(out[i * 6 + 3] ==
          static_cast<long long>(reversed(u) + leading + __builtin_popcount(u) + __builtin_ffs(s)));
    CHECK(out[i * 6 + 4] == wide / (i + 1) + wide % 997);
    const long long high = static_cast<long long>(static_cast<uint64_t>(u) * 2654435761u >> 32);
    CHECK(out[i * 6 + 5] == high - (static_cast<long long>(s) * -12345 >> 32));
  }
  check::Digest digest;
  digest.add(out);
  digest.print("values");
  return check::pass();
}
