// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark program shares: clocks and the one line of JSON that
// the driver (./bench) reads.
#pragma once

#include <ctime>

#include <cstdio>
#include <vector>

namespace bench {

inline double now_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Thread CPU time does not see what other processes of a shared machine take.
inline double thread_cpu_ns() { return now_ns(CLOCK_THREAD_CPUTIME_ID); }
inline double wall_ns() { return now_ns(CLOCK_MONOTONIC); }

// {"name": ..., "unit": "ns", "per_sample": operations, "samples": [...]}
inline void report(const char* name, int per_sample, const std::vector<double>& samples) {
  std::printf("{\"name\":\"%s\",\"unit\":\"ns\",\"per_sample\":%d,\"samples\":[", name, per_sample);
  for (size_t i = 0; i < samples.size(); ++i) std::printf("%s%.1f", i ? "," : "", samples[i]);
  std::printf("]}\n");
  std::fflush(stdout);
}

}  // namespace bench
