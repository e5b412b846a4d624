// SPDX-License-Identifier: Apache-2.0
//
// Description: a stream writes values of 32 and 64 bits in its order, between
// kernels that read them, into device and host memory; several in one call.
#include "steps.h"

__global__ void take(unsigned long long* log, unsigned at, const unsigned long long* wide,
                     const unsigned* narrow) {
  log[2 * at] = *wide;
  log[2 * at + 1] = *narrow;
}

int main() {
  constexpr unsigned kRounds = 12;
  check::Stream stream(hipStreamNonBlocking);
  check::DeviceArray<unsigned long long> wide(1), log(2 * kRounds);
  check::DeviceArray<unsigned> narrow(1);
  check::SharedValue<uint64_t> host(0);
  check::SharedValue<int> flag(0);
  wide.fill_bytes(0);
  narrow.fill_bytes(0);
  // hipMemset does not wait for the device, and the stream not for the default one.
  CHECK_HIP(hipDeviceSynchronize());
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK_HIP(hipStreamWriteValue64(stream.get(), wide.get(), 0x100000001ull * (round + 1), 0));
    CHECK_HIP(hipStreamWriteValue32(stream.get(), narrow.get(), 1000 + round, 0));
    CHECK_HIP(hipStreamWriteValue64(stream.get(), host.get(), 7ull << 40 | round, 0));
    take<<<1, 1, 0, stream.get()>>>(log.get(), round, wide.get(), narrow.get());
    CHECK_HIP(hipGetLastError());
  }
  CHECK(host.load() == 0);
  CHECK(hipStreamQuery(stream.get()) == hipErrorNotReady);
  flag.store(1);
  stream.wait();
  CHECK(host.load() == (7ull << 40 | (kRounds - 1)));
  const std::vector<unsigned long long> taken = log.read();
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK(taken[2 * round] == 0x100000001ull * (round + 1));
    CHECK(taken[2 * round + 1] == 1000 + round);
  }

  hipStreamBatchMemOpParams both[2] = {};
  both[0].writeValue.operation = hipStreamMemOpWriteValue32;
  both[0].writeValue.address = reinterpret_cast<hipDeviceptr_t>(narrow.get());
  both[0].writeValue.value = 77;
  both[1].writeValue.operation = hipStreamMemOpWriteValue64;
  both[1].writeValue.address = reinterpret_cast<hipDeviceptr_t>(wide.get());
  both[1].writeValue.value64 = 78;
  check::report("two in one call", hipStreamBatchMemOp(stream.get(), 2, both, 0));
  stream.wait();
  std::printf("values %u %llu\n", narrow.read()[0], wide.read()[0]);
  check::report("to no address", hipStreamWriteValue32(stream.get(), nullptr, 1, 0));
  return check::pass();
}
