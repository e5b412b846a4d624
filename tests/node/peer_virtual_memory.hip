// SPDX-License-Identifier: Apache-2.0
//
// Description: one address range with memory of both GPUs in it, opened for both:
// kernels of either go over the border, ordered by events; then closed to one.
#include "peer_check.h"
#include "steps.h"

int main() {
  check::need_two_gpus();
  check::peers_reach_each_other();
  int supported = 0;
  CHECK_HIP(
      hipDeviceGetAttribute(&supported, hipDeviceAttributeVirtualMemoryManagementSupported, 0));
  if (!supported) check::skip("the device has no virtual memory management");
  hipMemAllocationProp on_device[2] = {};
  hipMemAccessDesc access[2] = {};
  size_t piece = 0;
  for (int device = 0; device < 2; device++) {
    on_device[device].type = hipMemAllocationTypePinned;
    on_device[device].location = {hipMemLocationTypeDevice, device};
    access[device].location = on_device[device].location;
    access[device].flags = hipMemAccessFlagsProtReadWrite;
    size_t granularity = 0;
    CHECK_HIP(hipMemGetAllocationGranularity(&granularity, &on_device[device],
                                             hipMemAllocationGranularityRecommended));
    piece = std::max(piece, granularity);
  }
  char* base = nullptr;
  CHECK_HIP(hipMemAddressReserve(reinterpret_cast<void**>(&base), 2 * piece, 0, nullptr, 0));
  hipMemGenericAllocationHandle_t memory[2] = {};
  std::unique_ptr<check::Stream> streams[2];
  std::unique_ptr<check::Event> events[2];
  for (int device = 0; device < 2; device++) {
    CHECK_HIP(hipMemCreate(&memory[device], piece, &on_device[device], 0));
    CHECK_HIP(hipMemMap(base + device * piece, piece, 0, memory[device], 0));
    CHECK_HIP(hipMemSetAccess(base + device * piece, piece, access, 2));
    streams[device] = check::made_on<check::Stream>(device, hipStreamNonBlocking);
    events[device] = check::made_on<check::Event>(device, hipEventDisableTiming);
  }
  auto* const values = reinterpret_cast<unsigned*>(base + piece - check::kBytes / 2);
  CHECK_HIP(hipMemsetD32Async(values, 4, check::kCount, streams[0]->get()));
  check::Expected expected(4);
  for (unsigned round = 0; round < 20; round++) {
    const unsigned device = round % 2;
    const check::OnDevice on(static_cast<int>(device));
    if (round > 0)
      CHECK_HIP(hipStreamWaitEvent(streams[device]->get(), events[1 - device]->get(), 0));
    check::launch_step(values, round, streams[device]->get());
    CHECK_HIP(hipEventRecord(events[device]->get(), streams[device]->get()));
    expected.step(round);
  }
  streams[1]->wait();
  std::vector<unsigned> result(check::kCount);
  CHECK_HIP(hipMemcpy(result.data(), values, check::kBytes, hipMemcpyDeviceToHost));
  CHECK(result == expected.values());
  std::printf("last %u\n", expected.last());
  access[1].flags = hipMemAccessFlagsProtNone;
  check::report("closed to the second", hipMemSetAccess(base, piece, &access[1], 1));
  unsigned long long flags = 99;
  check::report("what the second may", hipMemGetAccess(&flags, &access[1].location, base));
  std::printf("it may %llu\n", flags);
  for (int device = 0; device < 2; device++) {
    CHECK_HIP(hipMemUnmap(base + device * piece, piece));
    CHECK_HIP(hipMemRelease(memory[device]));
  }
  CHECK_HIP(hipMemAddressFree(base, 2 * piece));
  return check::pass();
}
