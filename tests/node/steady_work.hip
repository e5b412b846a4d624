// SPDX-License-Identifier: Apache-2.0
//
// Description: a given number of kernels, a given number of them queued ahead,
// then the result. The drivers run_chaos and run_kill suspend, resume and kill
// around it.
//
// usage: steady_work COUNT AHEAD [hold]
// stdout: `started` after the first kernel, `result N` at the end; with `hold`
// the process then stays, queues open and idle, until stdin ends.
#include <memory>
#include <string>

#include "check.h"

// The driver gives it a modelled duration by this name. Not commutative: a
// kernel lost, repeated or out of order shows in the result.
extern "C" __global__ void steady_step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: steady_work COUNT AHEAD [hold]\n");
    return 2;
  }
  const unsigned count = std::strtoul(argv[1], nullptr, 10);
  const unsigned ahead = std::strtoul(argv[2], nullptr, 10);
  const bool hold = argc > 3 && std::string(argv[3]) == "hold";
  CHECK(count > 0 && ahead > 0);

  // Waits sleep instead of spinning: the simulated GPU needs the host's cores.
  CHECK_HIP(hipSetDeviceFlags(hipDeviceScheduleBlockingSync));
  constexpr unsigned groups = 8, threads = 64;
  check::Stream stream;
  std::vector<unsigned> expected(groups * threads, 1);
  check::DeviceArray<unsigned> values(expected);
  std::vector<std::unique_ptr<check::Event>> events;
  for (unsigned i = 0; i < ahead; i++)
    events.push_back(std::make_unique<check::Event>(hipEventDisableTiming | hipEventBlockingSync));

  for (unsigned i = 0; i < count; i++) {
    if (i >= ahead) CHECK_HIP(hipEventSynchronize(events[i % ahead]->get()));
    steady_step<<<groups, threads, 0, stream.get()>>>(values.get(), i);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(events[i % ahead]->get(), stream.get()));
    if (i == 0) {
      CHECK_HIP(hipEventSynchronize(events[0]->get()));
      std::printf("started\n");
      std::fflush(stdout);
    }
  }
  stream.wait();
  for (unsigned i = 0; i < count; i++)
    for (unsigned k = 0; k < expected.size(); k++) expected[k] = expected[k] * 1664525u + i + k;
  const std::vector<unsigned> result = values.read();
  CHECK(result == expected);
  std::printf("result %u\n", result[0]);
  std::fflush(stdout);
  if (hold)
    while (std::getchar() != EOF) {
    }
  return 0;
}
