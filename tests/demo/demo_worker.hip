// SPDX-License-Identifier: Apache-2.0
//
// The two sides of the demo. Ordinary HIP: nothing here knows of xsched.
//
//   demo_worker urgent WARMUP REQUESTS PAUSE_MS
//     a request is ten short kernels and a wait for them; then a pause; and so
//     on. Prints `r START END` (CLOCK_MONOTONIC, ns) for each but the first
//     WARMUP.
//   demo_worker low AHEAD
//     keeps AHEAD long kernels queued, each of which takes every compute unit,
//     until it reads a line. Prints `device NAME`, then `k END` as each completes.
//
// Both print `ready` when in steady state; urgent then waits for a line. Both verify their data at
// the end (`result ok`). Kernel durations are the device model's, by kernel name (xsched-sim
// --kernel-us).
#include <time.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "check.h"

namespace {

constexpr unsigned kUrgentGroups = 8;
constexpr unsigned kThreads = 64;
// All of a compute unit's LDS: one workgroup a compute unit, so a grid of as
// many workgroups as compute units leaves no room for anybody else.
constexpr unsigned kWholeLds = 64 * 1024;
constexpr int kKernelsPerRequest = 10;

long long now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

void say(const char* word) {
  std::printf("%s\n", word);
  std::fflush(stdout);
}

// Until a line, or the end of input, arrives.
void wait_for_line() {
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
  }
}

}  // namespace

extern "C" __global__ void demo_urgent_200us(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

extern "C" __global__ void demo_low_10ms(unsigned* counts) {
  extern __shared__ unsigned lds[];
  lds[threadIdx.x] = counts[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  counts[blockIdx.x * blockDim.x + threadIdx.x] = lds[threadIdx.x] + 1;
}

static void verify(const std::vector<unsigned>& got, const std::vector<unsigned>& expected) {
  CHECK(got == expected);
  say("result ok");
}

static int run_urgent(int warmup, int requests, int pause_ms) {
  check::Stream stream;
  std::vector<unsigned> expected(kUrgentGroups * kThreads, 1);
  check::DeviceArray<unsigned> values(expected);
  unsigned term = 0;
  const auto request = [&] {
    for (int i = 0; i < kKernelsPerRequest; i++)
      demo_urgent_200us<<<kUrgentGroups, kThreads, 0, stream.get()>>>(values.get(), term++);
    CHECK_HIP(hipGetLastError());
    stream.wait();
  };
  const timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1'000'000L};
  for (int i = 0; i < warmup; i++) {
    request();
    nanosleep(&pause, nullptr);
  }
  say("ready");
  wait_for_line();
  for (int i = 0; i < requests; i++) {
    const long long start = now_ns();
    request();
    std::printf("r %lld %lld\n", start, now_ns());
    std::fflush(stdout);
    nanosleep(&pause, nullptr);
  }
  for (unsigned k = 0; k < expected.size(); k++)
    for (unsigned i = 0; i < term; i++) expected[k] = expected[k] * 1664525u + i + k;
  verify(values.read(), expected);
  return 0;
}

static int run_low(unsigned ahead) {
  hipDeviceProp_t device;
  CHECK_HIP(hipGetDeviceProperties(&device, 0));
  const int cus = device.multiProcessorCount;
  std::printf("device %s, %d compute units\n", device.name, cus);
  check::Stream stream;
  check::DeviceArray<unsigned> counts(static_cast<size_t>(cus) * kThreads);
  counts.fill_bytes(0);
  std::vector<std::unique_ptr<check::Event>> events;
  for (unsigned i = 0; i < ahead; i++)
    events.push_back(std::make_unique<check::Event>(hipEventDisableTiming | hipEventBlockingSync));
  unsigned launched = 0;
  const auto launch = [&] {
    demo_low_10ms<<<cus, kThreads, kWholeLds, stream.get()>>>(counts.get());
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(events[launched++ % ahead]->get(), stream.get()));
  };

  std::atomic<bool> stop{false};
  std::thread reader([&stop] {
    wait_for_line();
    stop.store(true);
  });
  for (unsigned i = 0; i < ahead; i++) launch();
  for (unsigned done = 0; done < launched; done++) {
    CHECK_HIP(hipEventSynchronize(events[done % ahead]->get()));
    std::printf("k %lld\n", now_ns());
    std::fflush(stdout);
    if (!stop.load()) launch();
    if (done == 0) say("ready");
  }
  reader.join();
  verify(counts.read(), std::vector<unsigned>(counts.size(), launched));
  return 0;
}

int main(int argc, char** argv) {
  // Waits sleep instead of spinning: the simulated GPU needs the host's cores.
  CHECK_HIP(hipSetDeviceFlags(hipDeviceScheduleBlockingSync));
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "urgent" && argc == 5)
    return run_urgent(std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]));
  if (mode == "low" && argc == 3) return run_low(std::strtoul(argv[2], nullptr, 10));
  std::fprintf(stderr, "usage: demo_worker urgent WARMUP REQUESTS PAUSE_MS | low AHEAD\n");
  return 2;
}
