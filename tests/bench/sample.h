// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark program shares: clocks and the one line of JSON that
// the driver (./bench) reads.
#pragma once

#include <sched.h>

#include <cstdio>
#include <ctime>
#include <vector>

namespace bench {

inline double now_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Thread CPU time does not see what other processes of a shared machine take.
inline double thread_cpu_ns() {
  return now_ns(CLOCK_THREAD_CPUTIME_ID);
}
inline double wall_ns() {
  return now_ns(CLOCK_MONOTONIC);
}

// The measuring thread stays where it is, once everything that starts threads
// has been done (they would inherit it). Where that is refused, it wanders.
inline void pin_this_thread() {
  const int cpu = sched_getcpu();
  if (cpu < 0 || cpu >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// {"name": ..., "unit": "ns", "per_sample": operations, "samples": [...]}
inline void report(const char* name, int per_sample, const std::vector<double>& samples) {
  std::printf("{\"name\":\"%s\",\"unit\":\"ns\",\"per_sample\":%d,\"samples\":[", name, per_sample);
  for (size_t i = 0; i < samples.size(); ++i) std::printf("%s%.1f", i ? "," : "", samples[i]);
  std::printf("]}\n");
  std::fflush(stdout);
}

}  // namespace bench
