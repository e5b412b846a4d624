// SPDX-License-Identifier: Apache-2.0
//
// Description: one call that launches on both GPUs
// (hipExtLaunchMultiKernelMultiDevice, hipLaunchCooperativeKernelMultiDevice),
// between other work of the same streams; managed memory that both use in turn.
#include <hip/hip_cooperative_groups.h>
#include <hip/hip_ext.h>

#include <algorithm>

#include "peer_check.h"
#include "steps.h"

constexpr unsigned kGroups = check::kCount / 256;

__global__ void rotate(unsigned* values, unsigned* scratch) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  scratch[i] = values[i];
  cooperative_groups::this_grid().sync();
  values[i] = scratch[(i + 256) % check::kCount] + 1;
}

int main() {
  check::need_two_gpus();
  std::unique_ptr<check::DeviceArray<unsigned>> arrays[2], scratch[2];
  std::unique_ptr<check::Stream> streams[2];
  const std::vector<unsigned> start(check::kCount, 5);
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
          cooperative ? reinterpret_cast<void*>(rotate) : reinterpret_cast<void*>(check::step),
          dim3(kGroups),
          dim3(256),
          arguments[device],
          0,
          streams[device]->get()};
    }
    CHECK_HIP(cooperative ? hipLaunchCooperativeKernelMultiDevice(launches, 2, 0)
                          : hipExtLaunchMultiKernelMultiDevice(launches, 2, 0));
    if (cooperative) {
      std::rotate(expected.begin(), expected.begin() + 256, expected.end());
      for (unsigned& value : expected) value++;
    } else {
      check::step_on_host(expected, round);
    }
  }
  for (int device = 0; device < 2; device++) {
    streams[device]->wait();
    CHECK(arrays[device]->read() == expected);
  }

  unsigned* managed = nullptr;
  CHECK_HIP(hipMallocManaged(reinterpret_cast<void**>(&managed), check::kBytes));
  std::copy(expected.begin(), expected.end(), managed);
  for (unsigned round = 0; round < 10; round++) {
    const check::OnDevice on(round % 2);
    check::launch_step(managed, round, nullptr);
    CHECK_HIP(hipDeviceSynchronize());
    check::step_on_host(expected, round);
    CHECK(managed[round * 7] == expected[round * 7]);
  }
  CHECK(std::vector<unsigned>(managed, managed + check::kCount) == expected);
  CHECK_HIP(hipFree(managed));
  std::printf("last %u\n", expected.back());
  return check::pass();
}
