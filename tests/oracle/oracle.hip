// SPDX-License-Identifier: Apache-2.0
//
// oracle FIRST COUNT [--gpus 1|2] [--ops N] [--without I,J-K...] [--print]
// Runs the random programs of COUNT seeds from FIRST and prints one line each,
// which is the same in every run, whoever suspends its queues meanwhile.
// run_oracle compares them. On stderr: when each ran.
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "executor.h"

namespace {

// False if it is not a list of numbers and ranges.
bool parse_list(const char* text, std::set<uint32_t>& out) {
  while (*text != '\0') {
    char* end = nullptr;
    const unsigned long first = std::strtoul(text, &end, 10);
    if (end == text) return false;
    unsigned long last = first;
    if (*end == '-') {
      text = end + 1;
      last = std::strtoul(text, &end, 10);
      if (end == text) return false;
    }
    if (last < first || last > 100000) return false;
    for (unsigned long i = first; i <= last; ++i) out.insert(static_cast<uint32_t>(i));
    if (*end == ',') ++end;
    text = end;
  }
  return true;
}

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

int usage() {
  std::fprintf(stderr,
               "usage: oracle FIRST COUNT [--gpus 1|2] [--ops N] [--without I,J-K...] [--print]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return usage();
  const uint64_t first = std::strtoull(argv[1], nullptr, 10);
  const uint64_t count = std::strtoull(argv[2], nullptr, 10);
  uint32_t ops = 40, gpus = 1;
  bool print = false;
  std::set<uint32_t> without;
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--print") == 0) {
      print = true;
    } else if (std::strcmp(argv[i], "--ops") == 0 && i + 1 < argc) {
      ops = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    } else if (std::strcmp(argv[i], "--gpus") == 0 && i + 1 < argc) {
      gpus = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    } else if (std::strcmp(argv[i], "--without") == 0 && i + 1 < argc) {
      if (!parse_list(argv[++i], without)) return usage();
    } else {
      return usage();
    }
  }
  if (count == 0 || ops == 0 || ops > 10000 || gpus < 1 || gpus > 2) return usage();
  if (!oracle::let_peers_reach_each_other(gpus)) {
    std::fprintf(stderr, "%u GPUs are needed, or one does not reach the other\n", gpus);
    return 1;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // shows where it stands if it hangs

  for (uint64_t seed = first; seed < first + count; ++seed) {
    const oracle::Program program = oracle::generate(seed, ops, gpus);
    oracle::Executor executor(program, gpus, print);
    const uint64_t start = now_ns();
    uint32_t number = 0;
    for (const oracle::Op& op : program.ops) {
      if (without.count(number) == 0) executor.run(op, number);
      ++number;
    }
    executor.finish();
    const uint64_t end = now_ns();
    std::printf("seed %llu ops %zu memory %016llx codes %016llx order %016llx\n",
                static_cast<unsigned long long>(seed), program.ops.size(),
                static_cast<unsigned long long>(executor.memory()),
                static_cast<unsigned long long>(executor.codes()),
                static_cast<unsigned long long>(executor.order()));
    std::fflush(stdout);
    std::fprintf(stderr, "ran %llu pid %d from %llu to %llu\n",
                 static_cast<unsigned long long>(seed), getpid(),
                 static_cast<unsigned long long>(start), static_cast<unsigned long long>(end));
  }
  return 0;
}
