// SPDX-License-Identifier: Apache-2.0
//
// Description: what streams say of themselves: priority, flags, device, whether
// their work is done; and that they say it while their work is held up.
#include "steps.h"

int main() {
  int least = 0, greatest = 0;
  CHECK_HIP(hipDeviceGetStreamPriorityRange(&least, &greatest));
  std::printf("priorities %d to %d\n", least, greatest);
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  for (int priority = greatest - 1; priority <= least + 1; priority++) {
    for (const unsigned wanted : {hipStreamDefault, hipStreamNonBlocking}) {
      hipStream_t stream = nullptr;
      CHECK_HIP(hipStreamCreateWithPriority(&stream, wanted, priority));
      int got = 99;
      unsigned flags = 99;
      hipDevice_t device = -1;
      check::SharedValue<int> flag(0);
      check::wait_for<<<1, 1, 0, stream>>>(flag.get());
      check::launch_step(values.get(), 1, stream);
      CHECK_HIP(hipStreamGetPriority(stream, &got));
      CHECK_HIP(hipStreamGetFlags(stream, &flags));
      CHECK_HIP(hipStreamGetDevice(stream, &device));
      CHECK(hipStreamQuery(stream) == hipErrorNotReady);
      (void)hipGetLastError();
      CHECK(device == 0);
      flag.store(1);
      CHECK_HIP(hipStreamSynchronize(stream));
      CHECK(hipStreamQuery(stream) == hipSuccess);
      std::printf("priority %d: %d, flags %u: %u\n", priority, got, wanted, flags);
      CHECK_HIP(hipStreamDestroy(stream));
    }
  }
  int priority = 99;
  unsigned flags = 99;
  hipDevice_t device = -1;
  CHECK_HIP(hipStreamGetPriority(nullptr, &priority));
  check::report("flags of the default stream", hipStreamGetFlags(nullptr, &flags));
  CHECK_HIP(hipStreamGetDevice(nullptr, &device));
  CHECK_HIP(hipStreamQuery(nullptr));
  std::printf("the default stream: priority %d, device %d\n", priority, device);
  check::Stream stream;
  check::report("a priority to nowhere", hipStreamGetPriority(stream.get(), nullptr));
  check::report("flags to nowhere", hipStreamGetFlags(stream.get(), nullptr));
  std::printf("values %u\n", values.read().back());
  return check::pass();
}
