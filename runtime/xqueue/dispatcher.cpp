// SPDX-License-Identifier: Apache-2.0
//
// See dispatcher.h.
#include "dispatcher.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../base/log.h"
#include "../hsa/kfd_queues.h"

namespace xsched {
namespace {

// Polling under a window: as fine as short kernels need while packets move,
// and coarser while they do not, up to a cost of about 0.5 % of a core.
constexpr long kPollMinNs = 20'000;
constexpr long kPollMaxNs = 500'000;
// A wait for ticks ends after this long even without an event, so that a lost
// one delays a decision and never loses it.
constexpr uint32_t kTickTimeoutMs = 100;
constexpr uint32_t kMostEvents = 63;

}  // namespace

Dispatcher::Dispatcher(Round round, std::function<uint32_t()> wake_event)
    : round_(std::move(round)), wake_event_(std::move(wake_event)) {}

bool Dispatcher::start() {
  if (started_) return true;
  // Signals are the application's business: none is delivered to this thread.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(
      &thread, &attributes,
      [](void* self) -> void* {
        static_cast<Dispatcher*>(self)->run();
        return nullptr;
      },
      this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error != 0) {
    log(LogLevel::kError, "no dispatcher thread: %s; windows and edges are served late",
        strerror(error));
    return false;
  }
  return started_ = true;
}

void Dispatcher::kick() noexcept {
  // Sequentially consistent with run(): either it sees the kick before it
  // sleeps, or we see that it sleeps.
  kicks_.fetch_add(1, std::memory_order_seq_cst);
  switch (sleeping_.load(std::memory_order_seq_cst)) {
    case kOnFutex: {
      const int saved = errno;
      syscall(SYS_futex, &kicks_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
      errno = saved;
      break;
    }
    case kOnEvents:
      if (const uint32_t event = wake_event_()) set_kfd_event(event);
      break;
    default:
      break;
  }
}

void Dispatcher::run() {
  pthread_setname_np(pthread_self(), "xsched-dispatch");
  prctl(PR_SET_TIMERSLACK, 1000);
  uint32_t events[kMostEvents + 1];
  long poll_ns = kPollMinNs;
  for (;;) {
    // First the kicks, then what they may be about: one that comes behind the look at
    // stop_wanted_ makes them differ, and the sleep below does not begin.
    const uint32_t seen = kicks_.load(std::memory_order_seq_cst);
    if (stop_wanted_.load(std::memory_order_acquire)) break;
    uint32_t ticks = 0;
    const uint32_t wants = round_(events, kMostEvents, ticks);
    if (wants & Gate::kWantsPoll) {
      const timespec pause{0, poll_ns};
      nanosleep(&pause, nullptr);
      const bool busy = (wants & kProgress) != 0 || kicks_.load(std::memory_order_relaxed) != seen;
      poll_ns = busy ? kPollMinNs : std::min(poll_ns * 2, kPollMaxNs);
      continue;
    }
    poll_ns = kPollMinNs;
    if (wants & Gate::kWantsTick) {
      const uint32_t own = wake_event_();
      if (own != 0) events[ticks++] = own;
      sleeping_.store(kOnEvents, std::memory_order_seq_cst);
      if (kicks_.load(std::memory_order_seq_cst) == seen &&
          !(ticks != 0 && wait_kfd_events(events, ticks, kTickTimeoutMs))) {
        const timespec pause{0, kPollMaxNs};  // no event to wait for: look again soon
        nanosleep(&pause, nullptr);
      }
      sleeping_.store(kAwake, std::memory_order_seq_cst);
      continue;
    }
    sleeping_.store(kOnFutex, std::memory_order_seq_cst);
    syscall(SYS_futex, &kicks_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    sleeping_.store(kAwake, std::memory_order_seq_cst);
  }
  stopped_.store(true, std::memory_order_release);
  stopped_.notify_all();
}

void Dispatcher::stop() noexcept {
  if (!started_) return;
  stop_wanted_.store(true, std::memory_order_release);
  kick();
  stopped_.wait(false, std::memory_order_acquire);
}

}  // namespace xsched
