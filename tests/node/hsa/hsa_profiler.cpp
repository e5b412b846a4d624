// SPDX-License-Identifier: Apache-2.0
//
// Description: a profiler intercepts every queue (HSA_TOOLS_LIB names
// profiler_stand_in, above or below the shim): each packet completes and is
// seen by it once, also with suspends meanwhile.
#include <string>

#include "raw_hsa.h"

int main() {
  const char* tool = std::getenv("HSA_TOOLS_LIB");
  if (tool == nullptr) {
    std::printf("skip: HSA_TOOLS_LIB is not set\n");
    return 77;
  }
  constexpr int kPackets = 300;
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  hsa_queue_t* queue = raw::make_queue(1024);
  const hsa_signal_t left = raw::make_signal(kPackets);
  for (int i = 0; i < kPackets; ++i) {
    if (i == 100) raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
    if (i == 200) raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
    raw::put_barrier(queue, left);
  }
  raw::require(raw::reaches_zero(left), "all complete");
  void* library = dlopen(tool, RTLD_NOW | RTLD_NOLOAD);
  raw::require(library != nullptr, "the tool is loaded");
  using Seen = uint64_t (*)();
  const auto seen = reinterpret_cast<Seen>(dlsym(library, "stand_in_seen"));
  // At level 2 the gate's own barriers may be among them.
  raw::require(seen != nullptr && seen() >= kPackets, "the tool saw every packet");
  raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
  hsa_shut_down();
  std::printf("PASS %d packets\n", kPackets);
}
