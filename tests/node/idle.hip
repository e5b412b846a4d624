// SPDX-License-Identifier: Apache-2.0
//
// Description: a process with live streams and nothing to do costs no CPU: at
// most one clock tick (10 ms) of user and system time in 5 s, for the whole
// process with all its threads, the simulated GPU's too, read from
// /proc/self/stat.
//
// usage: idle [SECONDS]. Prints `ready` and waits for a line or the end of
// stdin, so that the driver (run_idle) can suspend it first, then `measuring`
// when it begins. Waiting is the measurement here.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "check.h"

__global__ void step(unsigned* value) {
  *value = *value * 3 + 1;
}

// utime + stime of this process, in clock ticks.
static long ticks() {
  FILE* file = std::fopen("/proc/self/stat", "r");
  if (!file) return -1;
  char line[1024] = {};
  const bool read_ok = std::fgets(line, sizeof line, file) != nullptr;
  std::fclose(file);
  const char* close = std::strrchr(line, ')');
  if (!read_ok || !close) return -1;
  long user = 0, system = 0;
  // Fields 14 and 15; field 3 follows the name.
  if (std::sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
                  &system) != 2)
    return -1;
  return user + system;
}

// Each thread's time on a CPU in ns (field 1 of its schedstat) by thread id, to
// name the culprit: far finer than ticks.
static std::map<std::string, long> thread_times() {
  std::map<std::string, long> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    std::ifstream(entry.path() / "schedstat") >> all[entry.path().filename()];
  return all;
}

static std::string thread_name(const std::string& id) {
  std::string name;
  std::getline(std::ifstream("/proc/self/task/" + id + "/comm"), name);
  return name;
}

int main(int argc, char** argv) {
  const unsigned seconds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 5;
  check::Stream streams[4];
  check::DeviceArray<unsigned> value(std::vector<unsigned>{1});
  for (const check::Stream& stream : streams) {
    for (int i = 0; i < 50; i++) step<<<1, 1, 0, stream.get()>>>(value.get());
    stream.wait();
  }
  CHECK_HIP(hipDeviceSynchronize());
  std::printf("ready\n");
  std::fflush(stdout);
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
  }
  // What winds down after the last wait is not idleness; the simulated GPU, which
  // is part of this process, looks at doorbells often for 3 s (poller.h).
  sleep(4);
  std::printf("measuring\n");
  std::fflush(stdout);

  std::map<std::string, long> threads_before = thread_times();
  const long before = ticks();
  sleep(seconds);
  const long after = ticks();
  CHECK(before >= 0 && after >= before);
  std::fprintf(stderr, "%ld ticks in %u s", after - before, seconds);
  for (const auto& [id, time] : thread_times()) {
    const long spent = (time - threads_before[id]) / 1000;
    if (spent > 0) std::fprintf(stderr, ", %s %ld us", thread_name(id).c_str(), spent);
  }
  std::fprintf(stderr, "\n");
  CHECK(after - before <= 1);
  return check::pass();
}
