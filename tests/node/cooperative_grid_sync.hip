// SPDX-License-Identifier: Apache-2.0
//
// Description: a cooperative launch whose workgroups meet at grid barriers;
// each reads what the others wrote before the barrier. Also several launches
// in a row, since the cooperative hardware queue is shared and ref-counted.
#include <hip/hip_cooperative_groups.h>

#include "check.h"

__global__ void rounds(int* slots, int* sums, int count) {
  const auto grid = cooperative_groups::this_grid();
  for (int round = 0; round < count; round++) {
    if (threadIdx.x == 0) slots[blockIdx.x] += blockIdx.x + round + 1;
    grid.sync();
    if (threadIdx.x == 0) {
      int sum = 0;
      for (unsigned i = 0; i < gridDim.x; i++)
        sum += __hip_atomic_load(&slots[i], __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
      sums[blockIdx.x * count + round] = sum;
    }
    grid.sync();
  }
}

int main() {
  int supported = 0;
  CHECK_HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeCooperativeLaunch, 0));
  if (!supported) check::skip("the device has no cooperative launch");
  constexpr int groups = 8;
  int count = 5;
  for (int launch = 0; launch < 3; launch++) {
    check::Stream stream;
    check::DeviceArray<int> slots(groups), sums(groups * count);
    slots.fill_bytes(0);
    int* slots_data = slots.get();
    int* sums_data = sums.get();
    void* arguments[] = {&slots_data, &sums_data, &count};
    CHECK_HIP(hipLaunchCooperativeKernel(reinterpret_cast<void*>(rounds), dim3(groups), dim3(64),
                                         arguments, 0, stream.get()));
    stream.wait();
    const std::vector<int> result = sums.read();
    int expected = 0;
    for (int round = 0; round < count; round++) {
      expected += groups * (groups - 1) / 2 + groups * (round + 1);
      for (int group = 0; group < groups; group++) CHECK(result[group * count + round] == expected);
    }
    std::printf("launch %d last sum %d\n", launch, expected);
  }
  return check::pass();
}
