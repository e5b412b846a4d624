// SPDX-License-Identifier: Apache-2.0
//
// What a HIP launch costs the launching thread, and how long launch +
// synchronise takes, both with an empty kernel on a stream of its own.
#include <hip/hip_runtime.h>

#include "sample.h"

namespace {

constexpr int kBatch = 500;        // launches a sample
constexpr int kBatches = 15;  // a round; the driver runs at least seven
constexpr int kRoundTrips = 1000;
constexpr int kWarmup = 5;

__global__ void empty() {}

bool ok(hipError_t status, const char* what) {
  if (status == hipSuccess) return true;
  std::fprintf(stderr, "launch: %s: %s\n", what, hipGetErrorString(status));
  return false;
}

}  // namespace

int main() {
  hipStream_t stream;
  if (!ok(hipStreamCreate(&stream), "hipStreamCreate")) return 1;

  // The runtime's threads start with the first launch, before the pinning.
  empty<<<1, 64, 0, stream>>>();
  if (!ok(hipStreamSynchronize(stream), "hipStreamSynchronize")) return 1;
  bench::pin_this_thread();

  std::vector<double> cpu;
  for (int batch = -kWarmup; batch < kBatches; ++batch) {
    const double start = bench::thread_cpu_ns();
    for (int i = 0; i < kBatch; ++i) empty<<<1, 64, 0, stream>>>();
    const double spent = bench::thread_cpu_ns() - start;
    if (batch >= 0) cpu.push_back(spent / kBatch);
    if (!ok(hipStreamSynchronize(stream), "hipStreamSynchronize")) return 1;
  }
  bench::report("hip_launch_cpu", kBatch, cpu);

  std::vector<double> round_trip;
  for (int i = -kWarmup * 20; i < kRoundTrips; ++i) {
    const double start = bench::wall_ns();
    empty<<<1, 64, 0, stream>>>();
    if (!ok(hipStreamSynchronize(stream), "hipStreamSynchronize")) return 1;
    if (i >= 0) round_trip.push_back(bench::wall_ns() - start);
  }
  bench::report("launch_synchronise", 1, round_trip);
  return ok(hipStreamDestroy(stream), "hipStreamDestroy") ? 0 : 1;
}
