// SPDX-License-Identifier: Apache-2.0
//
// The inter-process signals of this process: those that it exported or opened.
// Processes that know the same one may wait for each other, and the scheduler
// is told so by a hash of the handle that both have seen (slot.h, SignalLines).
//
// Knows no HSA: a signal is its handle. Any thread; a lock, so not for the hot
// path, which asks any() first.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "slot.h"

namespace xsched {

class SharedSignals {
 public:
  static SharedSignals& instance();

  bool any() const noexcept { return any_.load(std::memory_order_relaxed); }
  // `signal` was exported as, or opened from, the inter-process handle of which
  // `key` is the hash. An opened one counts: it is destroyed as often.
  void exported(uint64_t signal, uint64_t key);
  void opened(uint64_t signal, uint64_t key);
  // Before it is destroyed. False if it was none of these, or stays in use.
  bool destroyed(uint64_t signal);
  // 0 if it is not one of these.
  uint64_t key_of(uint64_t signal);

  // Where to publish them from now on; null: nowhere.
  void publish_in(SignalLines* lines);
  // HSA is gone, and with it every signal.
  void clear();

 private:
  static constexpr uint32_t kNowhere = UINT32_MAX;
  struct Signal {
    uint64_t key = 0;
    uint32_t references = 0;
    uint32_t entry = kNowhere;  // of SignalLines::known
  };
  void add(uint64_t signal, uint64_t key, bool count);
  void show(Signal& signal);
  void hide(Signal& signal);

  std::atomic<bool> any_{false};
  std::mutex mutex_;  // guards the following
  std::unordered_map<uint64_t, Signal> signals_;
  SignalLines* lines_ = nullptr;
};

// Never 0. Of an inter-process handle, which says nothing about its memory.
uint64_t key_of_handle(const void* handle, size_t bytes) noexcept;

}  // namespace xsched
