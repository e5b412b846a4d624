// SPDX-License-Identifier: Apache-2.0
//
// Description: one call that launches on both GPUs
// (hipExtLaunchMultiKernelMultiDevice, hipLaunchCooperativeKernelMultiDevice),
// between other work of the same streams; managed memory that both use in turn.
#include <hip/hip_cooperative_groups.h>
#include <hip/hip_ext.h>

#include "peer_check.h"

constexpr unsigned kCount = 1024, kGroups = 4;

__global__ void step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

__global__ void rotate(unsigned* values, unsigned* scratch) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  scratch[i] = values[i];
  cooperative_groups::this_grid().sync();
  values[i] = scratch[(i + 256) % kCount] + 1;
}

int main() {
  check::need_two_gpus();
  std::unique_ptr<check::DeviceArray<unsigned>> arrays[2], scratch[2];
  std::unique_ptr<check::Stream> streams[2];
  const std::vector<unsigned> start(kCount, 5);
  for (int device = 0; device < 2; device++) {
    arrays[device] = check::made_on<check::DeviceArray<unsigned>>(device, start);
    scratch[device] = check::made_on<check::DeviceArray<unsigned>>(device, start);
    streams[device] = check::made_on<check::Stream>(device);
  }
  std::vector<unsigned> expected = start;
  for (unsigned round = 0; round < 20; round++) {
    unsigned* values[2] = {arrays[0]->get(), arrays[1]->get()};
    unsigned* other[2] = {scratch[0]->get(), scratch[1]->get()};
    void* arguments[2][2];
    hipLaunchParams launches[2];
    const bool cooperative = round % 2;
    for (int device = 0; device < 2; device++) {
      arguments[device][0] = &values[device];
      arguments[device][1] = cooperative ? static_cast<void*>(&other[device]) : &round;
      launches[device] = {
          cooperative ? reinterpret_cast<void*>(rotate) : reinterpret_cast<void*>(step),
          dim3(kGroups),
          dim3(256),
          arguments[device],
          0,
          streams[device]->get()};
    }
    CHECK_HIP(cooperative ? hipLaunchCooperativeKernelMultiDevice(launches, 2, 0)
                          : hipExtLaunchMultiKernelMultiDevice(launches, 2, 0));
    std::vector<unsigned> next(kCount);
    for (unsigned i = 0; i < kCount; i++)
      next[i] = cooperative ? expected[(i + 256) % kCount] + 1 : expected[i] * 1664525u + round + i;
    expected = next;
  }
  for (int device = 0; device < 2; device++) {
    streams[device]->wait();
    CHECK(arrays[device]->read() == expected);
  }

  unsigned* managed = nullptr;
  CHECK_HIP(hipMallocManaged(reinterpret_cast<void**>(&managed), kCount * sizeof(unsigned)));
  for (unsigned i = 0; i < kCount; i++) managed[i] = expected[i];
  for (unsigned round = 0; round < 10; round++) {
    const check::OnDevice on(round % 2);
    step<<<kGroups, 256>>>(managed, round);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipDeviceSynchronize());
    for (unsigned i = 0; i < kCount; i++) expected[i] = expected[i] * 1664525u + round + i;
    CHECK(managed[round * 7] == expected[round * 7]);
  }
  CHECK(std::vector<unsigned>(managed, managed + kCount) == expected);
  CHECK_HIP(hipFree(managed));
  std::printf("last %u\n", expected[kCount - 1]);
  return check::pass();
}
