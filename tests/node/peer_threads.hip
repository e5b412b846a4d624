// SPDX-License-Identifier: Apache-2.0
//
// Description: a thread a GPU, each with that device's null stream, its
// per-thread stream and streams of its own, all at once; work held up on one
// GPU holds nothing up on the other; a reset of one leaves the other alone.
#include <thread>

#include "peer_check.h"

constexpr unsigned kCount = 1024, kRounds = 60;

__global__ void step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

__global__ void wait_for(const int* flag) {
  while (__hip_atomic_load(flag, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM) == 0)
    __builtin_amdgcn_s_sleep(8);
}

static void work(int device, std::vector<unsigned>& result) {
  CHECK_HIP(hipSetDevice(device));
  const check::Stream own;
  check::DeviceArray<unsigned> values(std::vector<unsigned>(kCount, 1u + device));
  const hipStream_t streams[] = {nullptr, hipStreamPerThread, own.get()};
  for (unsigned round = 0; round < kRounds; round++) {
    const hipStream_t stream = streams[round % 3];
    step<<<kCount / 256, 256, 0, stream>>>(values.get(), round);
    CHECK_HIP(hipGetLastError());
    // The null stream orders the others by itself, but not they each other.
    if (round % 3 == 1) CHECK_HIP(hipStreamSynchronize(stream));
  }
  CHECK_HIP(hipDeviceSynchronize());
  result = values.read();
}

int main() {
  check::need_two_gpus();
  std::vector<unsigned> results[2];
  {
    std::thread left(work, 0, std::ref(results[0])), right(work, 1, std::ref(results[1]));
    left.join();
    right.join();
  }
  for (unsigned device = 0; device < 2; device++) {
    std::vector<unsigned> expected(kCount, 1 + device);
    for (unsigned round = 0; round < kRounds; round++)
      for (unsigned i = 0; i < kCount; i++) expected[i] = expected[i] * 1664525u + round + i;
    CHECK(results[device] == expected);
    std::printf("device %u last %u\n", device, expected[kCount - 1]);
  }

  // The second GPU's null stream and its synchronisation do not wait for the first.
  check::SharedValue<int> flag(0);
  wait_for<<<1, 1>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  std::thread([&] { work(1, results[1]); }).join();
  CHECK(hipStreamQuery(nullptr) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  CHECK_HIP(hipDeviceSynchronize());

  const check::DeviceArray<unsigned> kept(std::vector<unsigned>(kCount, 9));
  {
    const check::OnDevice on(1);
    CHECK_HIP(hipDeviceReset());
  }
  CHECK(kept.read() == std::vector<unsigned>(kCount, 9));
  work(1, results[0]);
  CHECK(results[0] == results[1]);
  return check::pass();
}
