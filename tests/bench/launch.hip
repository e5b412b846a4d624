// SPDX-License-Identifier: Apache-2.0
//
// What a HIP launch costs the launching thread, and how long launch +
// synchronise takes, both with an empty kernel on a stream of its own.
#include <hip/hip_runtime.h>

#include "sample.h"

namespace {

constexpr int kBatch = 50;     // launches a sample
constexpr int kBatches = 10;   // samples between two synchronisations
constexpr int kRefills = 4;    // of these a turn
constexpr int kRoundTrips = 400;
constexpr int kWarmup = 1;     // before a turn: the other process had the caches

hipStream_t g_stream;

__global__ void empty() {}

bool ok(hipError_t status, const char* what) {
  if (status == hipSuccess) return true;
  std::fprintf(stderr, "launch: %s: %s\n", what, hipGetErrorString(status));
  return false;
}

bool synchronise() {
  return ok(hipStreamSynchronize(g_stream), "hipStreamSynchronize");
}

bool launch_turn(std::vector<double>& samples) {
  for (int refill = -kWarmup; refill < kRefills; ++refill) {
    for (int batch = 0; batch < kBatches; ++batch) {
      const double start = bench::thread_cpu_ns();
      for (int i = 0; i < kBatch; ++i) empty<<<1, 64, 0, g_stream>>>();
      const double spent = bench::thread_cpu_ns() - start;
      if (refill >= 0) samples.push_back(spent / kBatch);
    }
    if (!synchronise()) return false;
  }
  return true;
}

bool round_trip_turn(std::vector<double>& samples) {
  for (int i = -kWarmup * 50; i < kRoundTrips; ++i) {
    const double start = bench::wall_ns();
    empty<<<1, 64, 0, g_stream>>>();
    if (!synchronise()) return false;
    if (i >= 0) samples.push_back(bench::wall_ns() - start);
  }
  return true;
}

}  // namespace

int main() {
  if (!ok(hipStreamCreate(&g_stream), "hipStreamCreate")) return 1;
  std::vector<double> none;
  if (!launch_turn(none)) return 1;  // starts whatever starts late
  const int status = bench::serve(
      {{"hip_launch_cpu", kBatch, bench::Place::kTogether, launch_turn}, {"launch_synchronise", 1, bench::Place::kApart, round_trip_turn}});
  return ok(hipStreamDestroy(g_stream), "hipStreamDestroy") ? status : 1;
}
