// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark program shares: clocks, the turns that the driver
// (./bench) hands out, and the line of JSON that each of them gives.
#pragma once

#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
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

// Which processor a turn is measured on. The driver pins the whole process to
// one before it starts; every thread of the simulated node stays there.
//
// kTogether: the measuring thread, too. The command processor then runs only
// when the measuring thread waits, and thread CPU time is the thread's own work;
// elsewhere the two fight for the cache lines of the ring, at the simulated
// processor's speed, and a packet costs three times as much in either case.
// kApart: the measuring thread has BENCH_CPU for itself: for what needs both at
// once.
enum class Place { kTogether, kApart };

inline void move_to(Place place) {
  static const cpu_set_t together = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  cpu_set_t set = together;
  const char* text = std::getenv("BENCH_CPU");
  const int cpu = text != nullptr ? std::atoi(text) : -1;
  if (place == Place::kApart && cpu >= 0 && cpu < CPU_SETSIZE) {
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
  }
  // Where it is refused the thread wanders, and the figures settle later.
  sched_setaffinity(0, sizeof set, &set);
}

struct Measure {
  const char* name;
  int per_sample;  // operations a sample
  Place place;
  // Appends one turn's samples, ns an operation. False (after a line on stderr)
  // if it could not.
  bool (*turn)(std::vector<double>& samples);
};

// {"name": ..., "per_sample": operations, "samples": [ns, ...]}
inline void report(const char* name, int per_sample, const std::vector<double>& samples) {
  std::printf("{\"name\":\"%s\",\"per_sample\":%d,\"samples\":[", name, per_sample);
  for (size_t i = 0; i < samples.size(); ++i) std::printf("%s%.1f", i ? "," : "", samples[i]);
  std::puts("]}");
  std::fflush(stdout);
}

// Says "ready", then runs one turn for each line on stdin that names a measure,
// and reports it. The driver has another process waiting in its read meanwhile.
// Returns main's status.
inline int serve(std::initializer_list<Measure> measures) {
  move_to(Place::kTogether);
  std::vector<double> samples;
  samples.reserve(4096);
  std::puts("ready");
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    const Measure* wanted = nullptr;
    for (const Measure& measure : measures) {
      if (std::strcmp(measure.name, line) == 0) wanted = &measure;
    }
    if (wanted == nullptr) {
      std::fprintf(stderr, "no measure '%s' here\n", line);
      return 1;
    }
    samples.clear();
    move_to(wanted->place);
    if (!wanted->turn(samples)) return 1;
    report(wanted->name, wanted->per_sample, samples);
  }
  return 0;
}

}  // namespace bench
