// SPDX-License-Identifier: Apache-2.0
//
// A GPU's command processor is not subject to the host's scheduler, so the
// threads that play it should not wait behind a compiler: they ask for
// real-time priority, and for locks that lend it to whoever is in the way.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdint>

namespace xsim::dev {

// The scheduling class of one thread, for that thread only. A thread that
// directs sleeps all but some microseconds of each step; one that interprets
// short kernels back to back does not, and would keep whoever feeds it (and the
// command processors of more urgent queues) from the core. So it is urgent for
// kUrgentNs after each sleep.
class Urgency {
 public:
  // Where it is not permitted (no CAP_SYS_NICE, RLIMIT_RTPRIO 0), or somebody
  // has chosen another class or a positive nice value for this program, the
  // thread competes like any other.
  void begin(uint64_t now) {
    since_ns_ = now;
    permitted_ =
        sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) <= 0 && set(SCHED_RR);
    urgent_ = permitted_;
  }
  void slept(uint64_t now) {
    since_ns_ = now;
    if (permitted_ && !urgent_) urgent_ = set(SCHED_RR);
  }
  void working(uint64_t now) {
    if (urgent_ && now - since_ns_ > kUrgentNs) urgent_ = !set(SCHED_OTHER);
  }

 private:
  static constexpr uint64_t kUrgentNs = 1'000'000;

  // Threads that it starts (the workers) do not inherit it.
  static bool set(int policy) {
    sched_param parameters{};
    if (policy == SCHED_RR) parameters.sched_priority = sched_get_priority_min(SCHED_RR);
    return sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &parameters) == 0;
  }

  bool permitted_ = false;
  bool urgent_ = false;
  uint64_t since_ns_ = 0;
};

// A mutex whose holder has the priority of the most urgent who waits for it.
class UrgentMutex {
 public:
  UrgentMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (pthread_mutex_init(&mutex_, &attributes) != 0) pthread_mutex_init(&mutex_, nullptr);
    pthread_mutexattr_destroy(&attributes);
  }
  ~UrgentMutex() { pthread_mutex_destroy(&mutex_); }
  UrgentMutex(const UrgentMutex&) = delete;
  UrgentMutex& operator=(const UrgentMutex&) = delete;
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

}  // namespace xsim::dev
