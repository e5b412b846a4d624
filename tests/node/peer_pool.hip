// SPDX-License-Identifier: Apache-2.0
//
// Description: stream-ordered memory of one GPU that the other may use: pools
// with access for a peer, each device's own default pool, memory freed in a
// stream that waits for the other GPU's.
#include "peer_check.h"

constexpr int kCount = 4096;

__global__ void fill(unsigned* values, unsigned value) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = value + i;
}

__global__ void accumulate(const unsigned* theirs, unsigned* mine) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  mine[i] = mine[i] * 3 + theirs[i];
}

int main() {
  check::need_two_gpus();
  check::peers_reach_each_other();
  hipMemPoolProps properties{};
  properties.allocType = hipMemAllocationTypePinned;
  properties.location.type = hipMemLocationTypeDevice;
  properties.location.id = 1;
  hipMemPool_t pool = nullptr, defaults[2] = {};
  CHECK_HIP(hipMemPoolCreate(&pool, &properties));
  for (int device = 0; device < 2; device++)
    CHECK_HIP(hipDeviceGetDefaultMemPool(&defaults[device], device));
  CHECK(defaults[0] != defaults[1]);
  hipMemAccessDesc access{};
  access.location.type = hipMemLocationTypeDevice;
  access.location.id = 0;
  access.flags = hipMemAccessFlagsProtReadWrite;
  CHECK_HIP(hipMemPoolSetAccess(pool, &access, 1));
  CHECK_HIP(hipMemPoolSetAccess(defaults[1], &access, 1));
  hipMemAccessFlags flags{};
  CHECK_HIP(hipMemPoolGetAccess(&flags, pool, &access.location));
  CHECK(flags == hipMemAccessFlagsProtReadWrite);

  const auto near = check::made_on<check::Stream>(0, hipStreamNonBlocking);
  const auto far = check::made_on<check::Stream>(1, hipStreamNonBlocking);
  const auto written = check::made_on<check::Event>(1, hipEventDisableTiming);
  const auto used = check::made_on<check::Event>(0, hipEventDisableTiming);
  std::vector<unsigned> expected(kCount, 1);
  const check::DeviceArray<unsigned> sum(expected);
  for (unsigned round = 0; round < 20; round++) {
    unsigned* values = nullptr;
    {
      const check::OnDevice on(1);
      void** out = reinterpret_cast<void**>(&values);
      CHECK_HIP(round % 2
                    ? hipMallocAsync(out, kCount * sizeof(unsigned), far->get())
                    : hipMallocFromPoolAsync(out, kCount * sizeof(unsigned), pool, far->get()));
      fill<<<kCount / 256, 256, 0, far->get()>>>(values, round);
      CHECK_HIP(hipGetLastError());
      CHECK_HIP(hipEventRecord(written->get(), far->get()));
    }
    CHECK_HIP(hipStreamWaitEvent(near->get(), written->get(), 0));
    accumulate<<<kCount / 256, 256, 0, near->get()>>>(values, sum.get());
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(used->get(), near->get()));
    const check::OnDevice on(1);
    CHECK_HIP(hipStreamWaitEvent(far->get(), used->get(), 0));
    CHECK_HIP(hipFreeAsync(values, far->get()));
    for (unsigned i = 0; i < kCount; i++) expected[i] = expected[i] * 3 + round + i;
  }
  near->wait();
  far->wait();
  CHECK(sum.read() == expected);
  std::printf("last %u\n", expected[kCount - 1]);
  CHECK_HIP(hipMemPoolDestroy(pool));
  return check::pass();
}
