// SPDX-License-Identifier: Apache-2.0
//
// What policies want to know of an XQueue beyond its slot: since when it is
// ready, what GPU time it used, what it is to remember. Kept by the Arbiter, at
// the times of its decisions. Nothing in here is read from a process but how
// late its suspends were.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../policy/gpu_time.h"
#include "../policy/policy.h"

namespace xsched {

struct PolicyBooks {  // of one XQueue
  PolicyMemory memory;
  GpuTime::Account time;
  uint64_t ready_since_ns = 0;  // 0: not ready
  uint64_t stopped_ns = 0;      // when it was told to stop, until that has been carried out
  uint64_t suspends = 0;        // CounterLine::suspends as last seen
  uint64_t late_ns = 0;         // GPU time used after it was told to stop

  // What the process says of its suspends: the last one took so long. No more
  // is believed than has passed.
  void suspended(uint64_t suspends_now, uint64_t took_ns, uint64_t now_ns) {
    if (suspends_now == suspends) return;
    suspends = suspends_now;
    if (stopped_ns != 0 && now_ns > stopped_ns) late_ns += std::min(took_ns, now_ns - stopped_ns);
    stopped_ns = 0;
  }
};

// The GPUs' clocks.
class GpuTimes {
 public:
  void start() {
    for (Gpu& gpu : gpus_) gpu.on = 0;
  }
  void count(const PolicyBooks& books, uint32_t gpu_id) { of(gpu_id).on += books.time.on; }
  void advance(uint64_t now_ns) {
    for (Gpu& gpu : gpus_) gpu.time.advance(now_ns, gpu.on);
  }

  uint64_t used(const PolicyBooks& books, uint32_t gpu_id) {
    return of(gpu_id).time.used(books.time) + books.late_ns;
  }
  // From now on it is ready, or not, and runs, or not.
  void set(PolicyBooks& books, uint32_t gpu_id, bool ready, bool run, uint64_t now_ns) {
    if (books.time.on && ready && !run) books.stopped_ns = now_ns;
    of(gpu_id).time.set(books.time, ready && run);
  }

 private:
  // Ids come from processes: past this many they share the last clock.
  static constexpr size_t kMost = 64;
  struct Gpu {
    uint32_t id;
    uint64_t on = 0;
    GpuTime time{};
  };

  Gpu& of(uint32_t gpu_id) {
    if (last_ < gpus_.size() && gpus_[last_].id == gpu_id) return gpus_[last_];
    for (last_ = 0; last_ < gpus_.size(); ++last_) {
      if (gpus_[last_].id == gpu_id) return gpus_[last_];
    }
    if (gpus_.size() < kMost) gpus_.push_back({gpu_id});
    return gpus_.back();
  }

  std::vector<Gpu> gpus_;
  size_t last_ = 0;
};

}  // namespace xsched
