// SPDX-License-Identifier: Apache-2.0
//
// Description: a stream waits until memory holds a value that another stream,
// and then the host, writes.
#include "check.h"

__global__ void copy(int* to, const int* from) {
  *to = *from;
}

int main() {
  int supported = 0;
  CHECK_HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeCanUseStreamWaitValue, 0));
  if (!supported) check::skip("the device cannot wait for values in a stream");
  check::Stream waiter, writer;
  uint64_t* signal = nullptr;
  CHECK_HIP(hipExtMallocWithFlags(reinterpret_cast<void**>(&signal), 8, hipMallocSignalMemory));
  __atomic_store_n(signal, 0, __ATOMIC_RELEASE);
  check::DeviceArray<int> from(std::vector<int>{1}), to(std::vector<int>{0});
  const int two = 2;

  CHECK_HIP(hipStreamWaitValue32(waiter.get(), signal, 1, hipStreamWaitValueGte, 0xffffffff));
  copy<<<1, 1, 0, waiter.get()>>>(to.get(), from.get());
  CHECK_HIP(hipMemcpyAsync(from.get(), &two, 4, hipMemcpyHostToDevice, writer.get()));
  CHECK_HIP(hipStreamWriteValue32(writer.get(), signal, 1, 0));
  waiter.wait();
  CHECK(to.read()[0] == 2);

  CHECK_HIP(hipStreamWaitValue64(waiter.get(), signal, 0x70, hipStreamWaitValueEq, 0xf0));
  CHECK(hipStreamQuery(waiter.get()) == hipErrorNotReady);
  __atomic_store_n(signal, 0x7f, __ATOMIC_RELEASE);
  waiter.wait();
  std::printf("value %d\n", to.read()[0]);
  CHECK_HIP(hipFree(signal));
  return check::pass();
}
