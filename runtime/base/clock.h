// SPDX-License-Identifier: Apache-2.0
//
// The one clock of the runtime: CLOCK_MONOTONIC in nanoseconds, the clock
// that the shared slots are stamped with.
#pragma once

#include <time.h>

#include <cstdint>

namespace xsched {

inline uint64_t now_ns() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace xsched
