// SPDX-License-Identifier: Apache-2.0
//
#include "poller.h"

#include <sys/prctl.h>

#include <algorithm>

#include "queue.h"

namespace xsim::dev {
// Short while the application is likely to come back: a launch after a pause of
// 50 ms waits for 75 us on average. A wake-up costs 60 us of CPU on a quiet
// virtual host and over 200 us on a busy one [measured], so a process that has
// been idle for long is looked at less and less often. A queue that waits for a
// signal has work: who suspended it with that signal wants it back sooner.
uint64_t Poller::interval_ns(uint64_t age, WaitKind kind) {
  if (age < 2'000'000) return 40'000;
  if (age < 100'000'000) return 150'000;
  if (age < 1'000'000'000) return 2'000'000;
  if (age < 3'000'000'000 || kind == WaitKind::kSignal) return 25'000'000;
  return std::min<uint64_t>(age / 16, 1'000'000'000);
}

void Poller::watch(Queue& queue, bool (*satisfied)(const void*), const void* context,
                   WaitKind kind) {
  std::lock_guard<UrgentMutex> lock(mutex_);
  if (!started_) {
    // The thread lives as long as the process and is never joined: ROCr's
    // threads ring doorbells until the very end of exit().
    pthread_t thread;
    if (start_thread(thread, "xsim-poll", thread_entry, this) == 0) {
      pthread_detach(thread);
      started_ = true;
    }
  }
  const uint64_t now = now_ns();
  watches_.push_back({&queue, satisfied, context, kind, false, now});
  if (kind == WaitKind::kSignal) signal_watches_.fetch_add(1, std::memory_order_seq_cst);
  // Only a poller that would oversleep is woken.
  if (next_look_ns_.load() > now + 2 * interval_ns(0, kind)) wake_.wake();
}

void Poller::unwatch(Queue& queue) {
  std::lock_guard<UrgentMutex> lock(mutex_);
  for (size_t i = 0; i < watches_.size(); ++i) {
    if (watches_[i].queue != &queue) continue;
    if (watches_[i].kind == WaitKind::kSignal) signal_watches_.fetch_sub(1);
    watches_[i] = watches_.back();
    watches_.pop_back();
    return;
  }
}

uint64_t Poller::scan(bool signals_only) {
  const uint64_t now = now_ns();
  uint64_t next = kForever;
  for (Watch& w : watches_) {
    if (w.fired || (signals_only && w.kind != WaitKind::kSignal)) continue;
    if (w.satisfied(w.context)) {
      w.fired = true;
      w.queue->wake();
    } else {
      next = std::min(next, interval_ns(now > w.since_ns ? now - w.since_ns : 0, w.kind));
    }
  }
  return next;
}

void Poller::scan_signals() {
  std::lock_guard<UrgentMutex> lock(mutex_);
  scan(true);
}

void Poller::kick() {
  // Not worth the lock if it looks soon anyway.
  if (next_look_ns_.load(std::memory_order_relaxed) < now_ns() + 200'000) return;
  std::lock_guard<UrgentMutex> lock(mutex_);
  scan(false);
}

void* Poller::thread_entry(void* self) {
  static_cast<Poller*>(self)->thread_main();
  return nullptr;
}

void Poller::thread_main() {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  // Hardware sees a doorbell at once. Without this a thread that spins on the
  // same core (ROCr's, while it waits for a signal) kept us from looking for a
  // scheduler tick or more, 4 ms [measured], with another core idle.
  urgency_.begin(now_ns());
  for (;;) {
    const uint32_t seen = wake_.prepare();
    uint64_t deadline = kForever;
    {
      std::lock_guard<UrgentMutex> lock(mutex_);
      const uint64_t pause = scan(false);
      if (pause != kForever) deadline = now_ns() + pause;
      next_look_ns_.store(deadline);
    }
    wake_.wait(seen, deadline);
  }
}

}  // namespace xsim::dev
