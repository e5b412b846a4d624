// SPDX-License-Identifier: Apache-2.0
//
// Description: launches that HIP refuses (too many threads, no threads, too
// much LDS, bad stream use) give HIP's own errors, and the stream goes on.
#include "check.h"

__global__ void set(int* value, int to) {
  *value = to;
}

int main() {
  check::Stream stream;
  check::DeviceArray<int> value(1);
  set<<<1, 2048, 0, stream.get()>>>(value.get(), 1);
  const hipError_t too_many = hipGetLastError();
  CHECK(too_many != hipSuccess);
  set<<<1, 0, 0, stream.get()>>>(value.get(), 1);
  const hipError_t none = hipGetLastError();
  CHECK(none != hipSuccess);
  set<<<1, 1, 1 << 20, stream.get()>>>(value.get(), 1);
  const hipError_t too_much_lds = hipGetLastError();
  CHECK(too_much_lds != hipSuccess);
  const hipError_t bad_copy = hipMemcpy(nullptr, value.get(), 4, hipMemcpyDeviceToHost);
  CHECK(bad_copy != hipSuccess);
  (void)hipGetLastError();
  std::printf("%d %d %d %d\n", too_many, none, too_much_lds, bad_copy);
  set<<<1, 1, 0, stream.get()>>>(value.get(), 9);
  CHECK_HIP(hipGetLastError());
  stream.wait();
  CHECK(value.read()[0] == 9);
  return check::pass();
}
