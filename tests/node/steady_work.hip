// SPDX-License-Identifier: Apache-2.0
//
// Description: a given number of kernels, a given number of them queued ahead,
// then the result. The drivers run_chaos and run_kill suspend, resume and kill
// around it.
//
// usage: steady_work COUNT AHEAD [hold] [both] [long]
// stdout: `started` after the first kernel, `result N` at the end; with `hold`
// the process then stays, queues open and idle, until stdin ends; with `both`
// it does the same on a second GPU as well, at the same time; with `long` one
// kernel that may take longer than all of these follows, and `long` is printed.
#include <cstring>

#include "peer_check.h"

// The driver gives it a modelled duration by this name. Not commutative: a
// kernel lost, repeated or out of order shows in the result.
extern "C" __global__ void steady_step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

extern "C" __global__ void steady_long(unsigned* values) {
  values[0]++;
}

static constexpr unsigned kGroups = 8, kThreads = 64;

// What one GPU does. Made, used and destroyed while it is the thread's device.
class Work {
 public:
  explicit Work(unsigned ahead) : expected_(kGroups * kThreads, 1), values_(expected_) {
    for (unsigned i = 0; i < ahead; i++)
      events_.push_back(
          std::make_unique<check::Event>(hipEventDisableTiming | hipEventBlockingSync));
  }
  void step(unsigned i) {
    const hipEvent_t event = events_[i % events_.size()]->get();
    if (i >= events_.size()) CHECK_HIP(hipEventSynchronize(event));
    steady_step<<<kGroups, kThreads, 0, stream_.get()>>>(values_.get(), i);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(event, stream_.get()));
    if (i == 0) CHECK_HIP(hipEventSynchronize(event));
  }
  unsigned result(unsigned count) {
    stream_.wait();
    for (unsigned i = 0; i < count; i++)
      for (unsigned k = 0; k < expected_.size(); k++)
        expected_[k] = expected_[k] * 1664525u + i + k;
    const std::vector<unsigned> result = values_.read();
    CHECK(result == expected_);
    return result[0];
  }
  void launch_long() {
    steady_long<<<1, 1, 0, stream_.get()>>>(values_.get());
    CHECK_HIP(hipGetLastError());
  }

 private:
  check::Stream stream_;
  std::vector<unsigned> expected_;
  check::DeviceArray<unsigned> values_;
  std::vector<std::unique_ptr<check::Event>> events_;
};

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: steady_work COUNT AHEAD [hold] [both] [long]\n");
    return 2;
  }
  const unsigned count = std::strtoul(argv[1], nullptr, 10);
  const unsigned ahead = std::strtoul(argv[2], nullptr, 10);
  bool hold = false, both = false, longer = false;
  for (int i = 3; i < argc; i++) {
    hold |= std::strcmp(argv[i], "hold") == 0;
    both |= std::strcmp(argv[i], "both") == 0;
    longer |= std::strcmp(argv[i], "long") == 0;
  }
  CHECK(count > 0 && ahead > 0);
  if (both) check::need_two_gpus();

  std::vector<std::unique_ptr<Work>> works;
  for (int device = 0; device < (both ? 2 : 1); device++) {
    const check::OnDevice on(device);
    // Waits sleep instead of spinning: the simulated GPU needs the host's cores.
    CHECK_HIP(hipSetDeviceFlags(hipDeviceScheduleBlockingSync));
    works.push_back(std::make_unique<Work>(ahead));
  }
  for (unsigned i = 0; i < count; i++) {
    for (int device = 0; device < static_cast<int>(works.size()); device++) {
      const check::OnDevice on(device);
      works[device]->step(i);
    }
    if (i == 0) {
      std::printf("started\n");
      std::fflush(stdout);
    }
  }
  for (const auto& work : works) std::printf("result %u\n", work->result(count));
  if (longer) {
    works[0]->launch_long();
    std::printf("long\n");
  }
  std::fflush(stdout);
  if (hold)
    while (std::getchar() != EOF) {
    }
  return 0;
}
