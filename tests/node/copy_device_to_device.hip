// SPDX-License-Identifier: Apache-2.0
//
// Description: copies and fills between device buffers, whole and at odd
// offsets and lengths, asynchronous and in order with a kernel on one stream;
// pinned and pageable host memory on the way in and out.
#include <cstring>

#include "check.h"

__global__ void invert(unsigned char* bytes, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) bytes[i] = ~bytes[i];
}

int main() {
  constexpr size_t size = 300001;
  std::vector<unsigned char> source(size);
  for (size_t i = 0; i < size; i++) source[i] = static_cast<unsigned char>(i * 7 + i / 1000);
  check::DeviceArray<unsigned char> a(source), b(size);
  b.fill_bytes(0);
  CHECK_HIP(hipMemcpy(b.get(), a.get(), size, hipMemcpyDeviceToDevice));
  CHECK(b.read() == source);

  check::Stream stream;
  std::vector<unsigned char> expected(size, 0x11);
  CHECK_HIP(hipMemsetAsync(b.get(), 0x11, size, stream.get()));
  CHECK_HIP(hipMemcpyAsync(b.get() + 5, a.get() + 3, 77777, hipMemcpyDeviceToDevice, stream.get()));
  CHECK_HIP(hipMemsetD32Async(reinterpret_cast<hipDeviceptr_t>(b.get() + 100000), 0x01020304, 1000,
                              stream.get()));
  invert<<<100, 256, 0, stream.get()>>>(b.get(), 25600);
  CHECK_HIP(hipGetLastError());
  unsigned char* pinned = nullptr;
  CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&pinned), size, 0));
  CHECK_HIP(hipMemcpyAsync(pinned, b.get(), size, hipMemcpyDeviceToHost, stream.get()));
  stream.wait();
  std::memcpy(expected.data() + 5, source.data() + 3, 77777);
  for (int i = 0; i < 4000; i++) expected[100000 + i] = static_cast<unsigned char>(4 - i % 4);
  for (int i = 0; i < 25600; i++) expected[i] = ~expected[i];
  CHECK(std::memcmp(pinned, expected.data(), size) == 0);
  check::Digest digest;
  digest.add(pinned, size);
  digest.print("bytes");
  CHECK_HIP(hipHostFree(pinned));
  return check::pass();
}
