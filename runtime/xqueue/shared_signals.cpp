// SPDX-License-Identifier: Apache-2.0
//
// See shared_signals.h.
#include "shared_signals.h"

#include <new>

#include "../base/log.h"

namespace xsched {

uint64_t key_of_handle(const void* handle, size_t bytes) noexcept {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto* byte = static_cast<const unsigned char*>(handle);
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ byte[i]) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

SharedSignals& SharedSignals::instance() {
  static auto* made = new SharedSignals;  // leaked: used until the process is gone
  return *made;
}

void SharedSignals::exported(uint64_t signal, uint64_t key) {
  add(signal, key, false);
}
void SharedSignals::opened(uint64_t signal, uint64_t key) {
  add(signal, key, true);
}

void SharedSignals::add(uint64_t signal, uint64_t key, bool count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  try {
    const auto [found, is_new] = signals_.try_emplace(signal);
    Signal& s = found->second;
    if (is_new || count) ++s.references;
    if (s.key != key) {
      hide(s);
      s.key = key;
      show(s);
    }
    any_.store(true, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    log(LogLevel::kError,
        "no memory to note an inter-process signal: a wait for it gives its "
        "priority to nobody");
  }
}

bool SharedSignals::destroyed(uint64_t signal) {
  if (!any()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = signals_.find(signal);
  if (found == signals_.end() || --found->second.references != 0) return false;
  hide(found->second);
  signals_.erase(found);
  any_.store(!signals_.empty(), std::memory_order_relaxed);
  return true;
}

uint64_t SharedSignals::key_of(uint64_t signal) {
  if (!any()) return 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = signals_.find(signal);
  return found != signals_.end() ? found->second.key : 0;
}

void SharedSignals::publish_in(SignalLines* lines) {
  const std::lock_guard<std::mutex> lock(mutex_);
  lines_ = lines;
  for (auto& [signal, s] : signals_) {
    s.entry = kNowhere;
    show(s);
  }
}

void SharedSignals::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  signals_.clear();
  lines_ = nullptr;
  any_.store(false, std::memory_order_relaxed);
}

void SharedSignals::show(Signal& signal) {
  if (lines_ == nullptr) return;
  uint32_t entry = 0;
  while (entry < SignalLines::kMost && lines_->known[entry].load(std::memory_order_relaxed) != 0) {
    ++entry;
  }
  if (entry == SignalLines::kMost) {
    static Once once;
    if (once.first()) {
      log(LogLevel::kWarn,
          "more than %u inter-process signals: one that waits for a further one gives its "
          "priority to nobody",
          SignalLines::kMost);
    }
    return;
  }
  signal.entry = entry;
  lines_->known[entry].store(signal.key, std::memory_order_relaxed);
  if (lines_->end.load(std::memory_order_relaxed) <= entry) {
    lines_->end.store(entry + 1, std::memory_order_relaxed);
  }
  // Release: who sees the change counted sees what has changed.
  lines_->changes.fetch_add(1, std::memory_order_release);
}

void SharedSignals::hide(Signal& signal) {
  if (lines_ == nullptr || signal.entry == kNowhere) return;
  lines_->known[signal.entry].store(0, std::memory_order_relaxed);
  signal.entry = kNowhere;
  lines_->changes.fetch_add(1, std::memory_order_release);
}

}  // namespace xsched
