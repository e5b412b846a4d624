// SPDX-License-Identifier: Apache-2.0
//
// Turns go round the dispatches, one slice each, so that a long kernel of one
// queue does not keep the host's cores from that of another.
#include "worker_pool.h"

#include <sys/prctl.h>

#include <algorithm>
#include <thread>

#include "dispatch.h"
#include "local_process.h"

namespace xsim::dev {

void WorkerPool::start_threads() {
  if (started_) return;
  started_ = true;
  const unsigned n = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < n; ++i) {
    // Never joined: they live as long as the process (see Poller::watch).
    pthread_t thread;
    if (start_thread(thread, "xsim-cu", thread_entry, this) == 0) pthread_detach(thread);
  }
}

void WorkerPool::add(Dispatch& dispatch) {
  std::lock_guard<std::mutex> lock(mutex_);
  start_threads();
  entries_.push_back({&dispatch, 0});
  work_.notify_all();
}

void WorkerPool::remove(Dispatch& dispatch) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const auto it = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.dispatch == &dispatch; });
    if (it == entries_.end()) return;
    if (it->inside == 0) {
      entries_.erase(it);
      return;
    }
    left_.wait(lock);
  }
}

void WorkerPool::notify(size_t slices) {
  // Taken so that a thread that has just found nothing is not missed.
  { std::lock_guard<std::mutex> lock(mutex_); }
  if (slices > 1) {
    work_.notify_all();
  } else {
    work_.notify_one();
  }
}

void* WorkerPool::thread_entry(void* self) {
  static_cast<WorkerPool*>(self)->thread_main();
  return nullptr;
}

void WorkerPool::thread_main() {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    Dispatch* mine = nullptr;
    for (size_t i = 0; i < entries_.size() && mine == nullptr; ++i) {
      Entry& e = entries_[(turn_ + i) % entries_.size()];
      if (!e.dispatch->runnable()) continue;
      mine = e.dispatch;
      ++e.inside;
      turn_ = turn_ + i + 1;
    }
    if (mine == nullptr) {
      work_.wait(lock);
      continue;
    }
    lock.unlock();
    mine->slice();
    lock.lock();
    for (Entry& e : entries_) {
      if (e.dispatch == mine && --e.inside == 0) left_.notify_all();
    }
  }
}

}  // namespace xsim::dev
