// SPDX-License-Identifier: Apache-2.0
//
// Description: what 64 streams cost a process: its threads, and by how many
// KiB its memory grows from the first used stream to the last. run_streams
// compares the figures with and without the shim.
#include <cinttypes>
#include <cstring>

#include "check.h"

__global__ void step(unsigned* value) {
  *value += 1;
}

static uint64_t field(const char* path, const char* name) {
  std::FILE* file = std::fopen(path, "r");
  CHECK(file != nullptr);
  char line[256];
  uint64_t value = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, name, std::strlen(name)) == 0)
      value = std::strtoull(line + std::strlen(name), nullptr, 10);
  }
  std::fclose(file);
  CHECK(value != 0);
  return value;
}

// Not what it maps of files, which other processes may map, too.
static uint64_t memory_kib() {
  return field("/proc/self/smaps_rollup", "Private_Dirty:");
}

static hipStream_t use_new_stream(unsigned* value) {
  constexpr int kLaunches = 40;
  hipStream_t stream;
  CHECK_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  for (int i = 0; i < kLaunches; i++) step<<<1, 1, 0, stream>>>(value);
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipStreamSynchronize(stream));
  return stream;
}

int main() {
  constexpr size_t kStreams = 64;
  check::DeviceArray<unsigned> values(kStreams);
  std::vector<hipStream_t> streams{use_new_stream(values.get())};
  const uint64_t before = memory_kib();
  while (streams.size() < kStreams) {
    streams.push_back(use_new_stream(values.get() + streams.size()));
  }
  std::printf("growth_kib %" PRIu64 "\n", memory_kib() - before);
  std::printf("threads %" PRIu64 "\n", field("/proc/self/status", "Threads:"));
  std::fflush(stdout);
  for (hipStream_t stream : streams) CHECK_HIP(hipStreamDestroy(stream));
  return check::pass();
}
