// SPDX-License-Identifier: Apache-2.0
//
// Description: adds two vectors of odd lengths, among them one shorter than a
// wave and one that leaves the last workgroup half empty.
#include "check.h"

__global__ void vector_add(const float* a, const float* b, float* c, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

int main() {
  check::Digest digest;
  for (const int n : {1, 63, 1000, 100003}) {
    std::vector<float> a(n), b(n);
    for (int i = 0; i < n; i++) {
      a[i] = static_cast<float>(i % 4096);
      b[i] = 0.5f * static_cast<float>(i % 511);
    }
    check::DeviceArray<float> da(a), db(b), dc(n);
    vector_add<<<(n + 255) / 256, 256>>>(da.get(), db.get(), dc.get(), n);
    CHECK_HIP(hipGetLastError());
    const std::vector<float> c = dc.read();
    for (int i = 0; i < n; i++) CHECK(c[i] == a[i] + b[i]);
    digest.add(c);
  }
  digest.print("sums");
  return check::pass();
}
