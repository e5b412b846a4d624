// SPDX-License-Identifier: Apache-2.0
//
// Description: the time between two events is at least what the kernel
// between them spent by the device's own clock, and events in order never give
// a negative time.
#include "check.h"

__global__ void spend(long long ticks, long long* spent) {
  const long long start = wall_clock64();
  long long now = start;
  while (now - start < ticks) {
    __builtin_amdgcn_s_sleep(8);
    now = wall_clock64();
  }
  *spent = now - start;
}

int main() {
  int khz = 0;
  CHECK_HIP(hipDeviceGetAttribute(&khz, hipDeviceAttributeWallClockRate, 0));
  CHECK(khz > 0);
  check::Stream stream;
  check::Event first, second, third;
  check::DeviceArray<long long> spent(1);
  CHECK_HIP(hipEventRecord(first.get(), stream.get()));
  spend<<<1, 1, 0, stream.get()>>>(5LL * khz, spent.get());  // 5 ms
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipEventRecord(second.get(), stream.get()));
  CHECK_HIP(hipEventRecord(third.get(), stream.get()));
  CHECK_HIP(hipEventSynchronize(third.get()));
  float kernel_ms = -1, rest_ms = -1, all_ms = -1;
  CHECK_HIP(hipEventElapsedTime(&kernel_ms, first.get(), second.get()));
  CHECK_HIP(hipEventElapsedTime(&rest_ms, second.get(), third.get()));
  CHECK_HIP(hipEventElapsedTime(&all_ms, first.get(), third.get()));
  const double spent_ms = static_cast<double>(spent.read()[0]) / khz;
  std::fprintf(stderr, "kernel %.3f ms by its own clock; events %.3f + %.3f = %.3f ms\n", spent_ms,
               kernel_ms, rest_ms, all_ms);
  CHECK(spent_ms >= 5.0);
  CHECK(kernel_ms >= spent_ms * 0.99);  // two clocks of the same device, rounded
  CHECK(rest_ms >= 0);
  CHECK(all_ms >= kernel_ms);

  check::Event untimed(hipEventDisableTiming);
  CHECK_HIP(hipEventRecord(untimed.get(), stream.get()));
  CHECK_HIP(hipEventSynchronize(untimed.get()));
  float unused = 0;
  CHECK(hipEventElapsedTime(&unused, untimed.get(), third.get()) != hipSuccess);
  return check::pass();
}
