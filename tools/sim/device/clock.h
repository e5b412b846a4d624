// SPDX-License-Identifier: Apache-2.0
//
// Time and sleeping: one clock for every process on the node, and the futex
// word that everything in this folder sleeps on.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>

namespace xsim::dev {

inline constexpr uint64_t kForever = UINT64_MAX;

// How long a command processor looks at memory before it goes to sleep. Long
// enough for launch and wait in a loop, short against a kernel.
inline constexpr uint64_t kSpinNs = 20'000;

// CLOCK_MONOTONIC is the same in all processes, so a time written into shared
// memory by one means the same to another.
inline uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000ull + static_cast<uint64_t>(t.tv_nsec);
}

inline timespec to_timespec(uint64_t ns) {
  timespec t;
  t.tv_sec = static_cast<time_t>(ns / 1'000'000'000ull);
  t.tv_nsec = static_cast<long>(ns % 1'000'000'000ull);
  return t;
}

inline void sleep_until_ns(uint64_t deadline) {
  const timespec t = to_timespec(deadline);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// An event count in (possibly shared) memory. Any thread of any process wakes
// who sleeps on it (one that was killed there only costs its wakers a call). A plain futex and not
// a condition variable: a process-shared glibc condition variable can hang its signallers when a
// waiter was killed, a futex cannot.
//
// The sleeper: s = prepare(); look at the conditions; wait(s, deadline).
// The waker: change a condition; wake(). The fetch_add and the `sleeping`
// accesses are seq_cst so that either the waker sees the sleeper or the
// sleeper sees the new count (Dekker); the common wake() of a thread that is
// awake costs no system call.
struct WakeWord {
  std::atomic<uint32_t> count{0};
  std::atomic<uint32_t> sleeping{0};

  uint32_t prepare() const { return count.load(std::memory_order_seq_cst); }

  // True if it slept (or the deadline had passed), false if there was no need.
  bool wait(uint32_t seen, uint64_t deadline) {
    bool slept = false;
    sleeping.fetch_add(1, std::memory_order_seq_cst);
    if (count.load(std::memory_order_seq_cst) == seen) {
      timespec t;
      const timespec* timeout = nullptr;
      if (deadline != kForever) {
        t = to_timespec(deadline);
        timeout = &t;
      }
      // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
      const long end = syscall(SYS_futex, &count, FUTEX_WAIT_BITSET, seen, timeout, nullptr,
                               FUTEX_BITSET_MATCH_ANY);
      slept = end == 0 || errno == ETIMEDOUT;
    }
    sleeping.fetch_sub(1, std::memory_order_seq_cst);
    return slept;
  }

  void wake() {
    count.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping.load(std::memory_order_seq_cst) != 0) {
      syscall(SYS_futex, &count, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
    }
  }
};

}  // namespace xsim::dev
