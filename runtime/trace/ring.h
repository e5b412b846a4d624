// SPDX-License-Identifier: Apache-2.0
//
// A bounded buffer of events between one producer at a time and the writer's
// thread. A full ring drops what comes and counts it: tracing never waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace xsched {

// What the fields mean is the producer's business; times are CLOCK_MONOTONIC ns.
struct TraceEvent {
  uint64_t at = 0;
  uint64_t value = 0;
  uint32_t kind = 0;
  uint32_t detail = 0;
};

class TraceRing {
 public:
  // `capacity` is a power of two. Pages of it become memory when first used.
  explicit TraceRing(uint32_t capacity)
      : capacity_(capacity), events_(std::make_unique_for_overwrite<TraceEvent[]>(capacity)) {}

  // Producer. False if the event was dropped.
  bool push(const TraceEvent& event) noexcept {
    const uint64_t write = write_.load(std::memory_order_relaxed);
    // Acquire: the writer has copied what is overwritten here.
    if (write - read_.load(std::memory_order_acquire) == capacity_) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    events_[write & (capacity_ - 1)] = event;
    // Release: who sees the index sees the event.
    write_.store(write + 1, std::memory_order_release);
    return true;
  }
  // Producer, after a push: true twice a lap, when the writer should be woken.
  // A lap is long against its wake-up.
  bool wake_due() const noexcept {
    return (write_.load(std::memory_order_relaxed) & (capacity_ / 2 - 1)) == 0;
  }

  // Writer's thread: calls `use(event)` for each event there is now.
  template <typename Use>
  void drain(Use&& use) {
    const uint64_t write = write_.load(std::memory_order_acquire);
    for (uint64_t read = read_.load(std::memory_order_relaxed); read != write; ++read) {
      const TraceEvent event = events_[read & (capacity_ - 1)];
      // Release: the slot is the producer's again only after the copy.
      read_.store(read + 1, std::memory_order_release);
      use(event);
    }
  }
  // Writer's thread: events dropped since the last call.
  uint64_t take_lost() noexcept { return lost_.exchange(0, std::memory_order_relaxed); }

 private:
  const uint64_t capacity_;
  std::unique_ptr<TraceEvent[]> events_;
  alignas(64) std::atomic<uint64_t> write_{0};
  std::atomic<uint64_t> lost_{0};
  alignas(64) std::atomic<uint64_t> read_{0};
};

}  // namespace xsched
