// SPDX-License-Identifier: Apache-2.0
//
// One thread a process that looks at memory on behalf of all queues that have
// nothing to do. A doorbell is a plain store and so is a signal that the host
// writes: nobody tells us, somebody must look. One thread for all keeps an
// idle process cheap; how often it looks depends on how long the youngest
// sleeper has slept.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "clock.h"
#include "urgency.h"

namespace xsim::dev {

class Queue;

// kDoorbell: only the application changes it. kSignal: another queue of this
// process may, and then calls completed().
enum class WaitKind { kDoorbell, kSignal };

class Poller {
 public:
  Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Wakes `queue` (once) when satisfied(context) holds. After unwatch() has
  // returned, `satisfied` is not running and will not be called.
  void watch(Queue& queue, bool (*satisfied)(const void*), const void* context, WaitKind kind);
  void unwatch(Queue& queue);
  // A queue of this process has just changed a signal: look now.
  void completed() {
    if (signal_watches_.load(std::memory_order_seq_cst) != 0) scan_signals();
  }
  // The application is about to wait for something: what it has put into a
  // ring should not wait for the next look.
  void kick();

  // ns until a watch that has stood for `age` ns is looked at again. What an
  // application launches after a pause, and does not wait for, starts late by at
  // most 1/16 of the pause (25 ms if that is more), and never by more than 1 s.
  static uint64_t interval_ns(uint64_t age, WaitKind kind);

 private:
  struct Watch {
    Queue* queue;
    bool (*satisfied)(const void*);
    const void* context;
    WaitKind kind;
    bool fired;
    uint64_t since_ns;
  };
  static void* thread_entry(void* self);
  void thread_main();
  void scan_signals();
  // Guarded by mutex_. Wakes what is satisfied; ns until the next look.
  uint64_t scan(bool signals_only);

  UrgentMutex mutex_;
  std::vector<Watch> watches_;
  bool started_ = false;
  std::atomic<uint32_t> signal_watches_{0};
  std::atomic<uint64_t> next_look_ns_{kForever};
  WakeWord wake_;
  Urgency urgency_;
};

}  // namespace xsim::dev
