// SPDX-License-Identifier: Apache-2.0
//
// Time in the module's core, from ioctl entry to return, with the mock engine
// at zero delay: median and P99 for 1, 8 and 64 queues. One JSON line each.
// The same file runs in the kernel; this measures it in userspace.
#include <algorithm>
#include <cstdio>

#include "tests/unit/kmod/fixture.h"

namespace {

uint64_t Clock() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

void Print(const char* call, size_t queues, std::vector<uint64_t>& ns) {
  std::sort(ns.begin(), ns.end());
  std::printf("{\"benchmark\": \"kmod_core\", \"call\": \"%s\", \"queues\": %zu, "
              "\"median_ns\": %llu, \"p99_ns\": %llu, \"rounds\": %zu}\n",
              call, queues, static_cast<unsigned long long>(ns[ns.size() / 2]),
              static_cast<unsigned long long>(ns[ns.size() * 99 / 100]), ns.size());
}

}  // namespace

int main() {
  kmod_test::Node node;
  xs_file* app = node.Open();
  xs_file* daemon = node.Open(XS_FILE_CONTROL);
  std::vector<uint64_t> all;
  for (uint32_t i = 0; i < 64; ++i) all.push_back(node.Register(app, i));
  for (size_t count : {1, 8, 64}) {
    std::vector<uint64_t> some(all.begin(), all.begin() + static_cast<long>(count)), down, up;
    for (int round = 0; round < 5000; ++round) {
      uint64_t start = Clock();
      node.Suspend(daemon, some);
      uint64_t middle = Clock();
      node.Resume(daemon, some);
      down.push_back(middle - start);
      up.push_back(Clock() - middle);
    }
    Print("suspend", count, down);
    Print("resume", count, up);
  }
}
