// SPDX-License-Identifier: Apache-2.0
//
// Description: kernels of one GPU read, write and add atomically in the memory
// of the other; enabling and disabling access give the errors they should.
#include "peer_check.h"

constexpr int kCount = 2048;

__global__ void gather(const unsigned* theirs, unsigned* mine) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  mine[i] += theirs[kCount - 1 - i] * 7;
}

__global__ void scatter(unsigned* theirs, const unsigned* mine, unsigned* sum) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  theirs[i] = mine[i] ^ i;
  __hip_atomic_fetch_add(sum, mine[i], __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

// The code of a call that fails, and hipGetLastError() as after it.
static void print_error(const char* what, hipError_t code) {
  std::printf("%s: %s, last %s\n", what, hipGetErrorName(code), hipGetErrorName(hipGetLastError()));
}

int main() {
  check::need_two_gpus();
  int can = 0;
  CHECK_HIP(hipDeviceCanAccessPeer(&can, 0, 1));
  CHECK(can == 1);
  CHECK_HIP(hipDeviceCanAccessPeer(&can, 1, 0));
  CHECK(can == 1);
  CHECK_HIP(hipDeviceCanAccessPeer(&can, 1, 1));
  std::printf("itself: %d\n", can);
  uint32_t link = 0, hops = 0;
  CHECK_HIP(hipExtGetLinkTypeAndHopCount(0, 1, &link, &hops));
  std::printf("link %u, hops %u\n", link, hops);

  print_error("not enabled", hipDeviceDisablePeerAccess(1));
  print_error("itself", hipDeviceEnablePeerAccess(0, 0));
  print_error("no such device", hipDeviceEnablePeerAccess(7, 0));
  print_error("flags", hipDeviceEnablePeerAccess(1, 1));
  check::peers_reach_each_other();
  print_error("again", hipDeviceEnablePeerAccess(1, 0));

  std::vector<unsigned> left(kCount), right(kCount);
  for (unsigned i = 0; i < kCount; i++) left[i] = i * 3, right[i] = i + 5;
  const auto a = check::made_on<check::DeviceArray<unsigned>>(0, left);
  const auto b = check::made_on<check::DeviceArray<unsigned>>(1, right);
  const auto sum = check::made_on<check::DeviceArray<unsigned>>(1, std::vector<unsigned>{0});
  unsigned total = 0;
  for (int round = 0; round < 20; round++) {
    {
      const check::OnDevice on(0);
      gather<<<kCount / 256, 256>>>(b->get(), a->get());
      for (unsigned i = 0; i < kCount; i++) left[i] += right[kCount - 1 - i] * 7;
      CHECK_HIP(hipGetLastError());
      scatter<<<kCount / 256, 256>>>(b->get(), a->get(), sum->get());
      for (unsigned i = 0; i < kCount; i++) right[i] = left[i] ^ i, total += left[i];
      CHECK_HIP(hipGetLastError());
      CHECK_HIP(hipDeviceSynchronize());
    }
    const check::OnDevice on(1);
    gather<<<kCount / 256, 256>>>(a->get(), b->get());
    for (unsigned i = 0; i < kCount; i++) right[i] += left[kCount - 1 - i] * 7;
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipDeviceSynchronize());
  }
  CHECK(a->read() == left);
  CHECK(b->read() == right);
  CHECK(sum->read()[0] == total);
  std::printf("sum %u\n", total);

  CHECK_HIP(hipDeviceDisablePeerAccess(1));
  print_error("disabled", hipDeviceDisablePeerAccess(1));
  CHECK_HIP(hipMemcpyPeer(a->get(), 0, b->get(), 1, kCount * sizeof(unsigned)));  // needs none
  CHECK(a->read() == right);
  return check::pass();
}
