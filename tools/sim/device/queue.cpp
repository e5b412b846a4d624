// SPDX-License-Identifier: Apache-2.0
//
// The command processor's thread and its handshakes.
//
// Unmapping, from update_queue(0): set the stop bit, wake the thread, wait for
// at_rest_. The thread, wherever it is, sees the bit (workgroups return
// kPreempted, waits end), gives back its compute units and its run-list slot,
// and rests. It leaves at_rest_ only under mutex_ and only if the bit is not
// set, so update_queue() that finds it resting has nothing to wait for.
//
// Lock order: Process::mutex_, Queue::mutex_, Poller/WorkerPool/Dispatch, the
// shared area's mutex. Callbacks are called with none of them held.
#include "queue.h"

#include <sys/prctl.h>

namespace xsim::dev {

Queue::Queue(Process& process, const QueueParams& params, const SlotRef& slot)
    : process_(process), params_(params), ref_(slot) {}

bool Queue::start() {
  const std::string name = (compute() ? "xsim-cp-" : "xsim-sdma-") + std::to_string(params_.id);
  started_ = start_thread(thread_, name.substr(0, 15).c_str(), thread_entry, this) == 0;
  return started_;
}

void* Queue::thread_entry(void* self) {
  static_cast<Queue*>(self)->thread_main();
  return nullptr;
}

void Queue::thread_main() {
  // The default slack of 50 us would be added to every modelled duration.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  // Not SDMA: its thread is busy for as long as a copy takes.
  if (compute()) urgency_.begin(now_ns());
  QueueSlot& s = *ref_.slot;
  const auto anything = [](const void* self) {
    const Queue* q = static_cast<const Queue*>(self);
    return q->pending() || q->gone();
  };
  while ((stop() & kStopDestroyed) == 0) {
    if (gone() || !pending()) {
      // Idle. Stays unmapped-able without being asked: at_rest_ is true.
      const uint32_t seen = s.wake.prepare();
      const bool watched = !gone();
      if (watched) process_.poller().watch(*this, anything, this, WaitKind::kDoorbell);
      if ((stop() & kStopDestroyed) == 0 && (gone() || !pending())) sleep(seen, kForever);
      if (watched) process_.poller().unwatch(*this);
      continue;
    }
    s.has_work.store(1, std::memory_order_relaxed);
    if (resume()) {
      drain();
      if (compute()) process_.shared().idle_in_run_list(ref_);
    }
    s.has_work.store(pending() ? 1 : 0, std::memory_order_relaxed);
    rest();
  }
  rest();
}

void Queue::rest() {
  if (compute() && stop() != 0) process_.shared().leave_run_list(ref_);
  std::lock_guard<std::mutex> lock(mutex_);
  set_at_rest(true);
}

void Queue::set_at_rest(bool rest) {
  if (at_rest_ == rest) return;
  at_rest_ = rest;
  // seq_cst, like the access to `stop` on both sides: who unmaps from outside
  // does not have mutex_. Either it sees that we left, or we see its bit.
  ref_.slot->at_rest.store(rest ? 1 : 0, std::memory_order_seq_cst);
  if (!rest) return;
  rested_.notify_all();
  ref_.slot->rested.wake();
}

bool Queue::resume() {
  WakeWord& wake = ref_.slot->wake;
  for (;;) {
    const uint32_t seen = wake.prepare();
    if (gone()) return false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if ((stop() & kStopUnmapped) == 0) {
        set_at_rest(false);
        if ((ref_.slot->stop.load(std::memory_order_seq_cst) & kStopUnmapped) != 0) {
          set_at_rest(true);
        }
      }
    }
    if (at_rest_) {
      sleep(seen, kForever);
      continue;
    }
    uint64_t retry_ns = kForever;
    if (!compute() || process_.shared().enter_run_list(ref_, retry_ns)) return true;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      set_at_rest(true);
    }
    sleep(seen, retry_ns);
    process_.shared().reap();
  }
}

bool Queue::wait_until(bool (*satisfied)(const void*), const void* context, WaitKind kind) {
  // Most waits are for something that is about to happen.
  const uint64_t spin_until = now_ns() + kSpinNs;
  do {
    if (satisfied(context)) return true;
    cpu_relax();
  } while (stop() == 0 && now_ns() < spin_until);
  WakeWord& wake = ref_.slot->wake;
  for (;;) {
    if (!checkpoint()) return false;
    const uint32_t seen = wake.prepare();
    process_.poller().watch(*this, satisfied, context, kind);
    const bool done = satisfied(context);
    if (!done && stop() == 0) sleep(seen, kForever);
    process_.poller().unwatch(*this);
    if (done || satisfied(context)) return checkpoint();
  }
}

bool Queue::set_share(uint32_t percent, uint32_t priority) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (removed_) return false;
  process_.shared().set_share(ref_, percent, priority);
  if (percent != 0) {
    rested_.notify_all();  // a concurrent percent 0 has nothing to wait for any more
    return true;
  }
  rested_.wait(lock, [this] { return at_rest_ || removed_ || ref_.slot->percent.load() != 0; });
  return true;
}

void Queue::remove() {
  ref_.slot->stop.fetch_or(kStopDestroyed);
  wake();
  if (started_) pthread_join(thread_, nullptr);
  started_ = false;
  std::lock_guard<std::mutex> lock(mutex_);
  removed_ = true;
  rested_.notify_all();
  process_.shared().remove_queue(ref_);
}

void Queue::fail(const isa::Fault& fault, ErrorCode code) {
  // Off the GPU first: when the application hears of the error, nothing of
  // this queue runs any more.
  ref_.slot->stop.fetch_or(kStopError);
  rest();
  const uint32_t event = store_error(code);
  const NodeCallbacks& callbacks = process_.callbacks();
  if (callbacks.queue_error != nullptr) {
    callbacks.queue_error(callbacks.context, params_.gpu, params_.id, fault);
  }
  // After the node's line in the log: this wakes the application's callback.
  process_.raise_event(event);
  if (params_.error_reason != nullptr) process_.raise_event(params_.error_event);
}

bool Queue::accessible(uint64_t address, uint64_t bytes, bool write) const {
  if (host().memory == nullptr) return true;
  // A buffer may lie across ranges that were mapped one by one.
  while (bytes != 0) {
    Range range;
    if (!host().memory->lookup(address, range) || (write && !range.writable)) return false;
    const uint64_t here = range.end - address;
    if (bytes <= here) return true;
    bytes -= here;
    address = range.end;
  }
  return true;
}

}  // namespace xsim::dev
