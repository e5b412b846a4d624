// SPDX-License-Identifier: Apache-2.0
//
// What every hardware queue has, compute or SDMA: a thread that plays the
// command processor, the sleep until its doorbell is rung, and the handshake
// with UPDATE_QUEUE and the run list. What the packets mean is in aql_queue
// and sdma_queue.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <mutex>

#include "local_process.h"
#include "urgency.h"

namespace xsim::dev {

class Queue {
 public:
  Queue(Process& process, const QueueParams& params, const SlotRef& slot);
  virtual ~Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  bool start();  // the thread; false if there is none to be had
  // Returns when the change holds: at percent 0 no wave is on a compute unit.
  // False if the queue has been removed meanwhile.
  bool set_share(uint32_t percent, uint32_t priority);
  // Stops the thread, whatever it is doing, and gives the slot back.
  void remove();

  const QueueParams& params() const { return params_; }
  const SlotRef& slot() const { return ref_; }
  Process& process() { return process_; }
  // Its kernels need all their workgroups on the GPU at once.
  void make_cooperative() { cooperative_.store(true, std::memory_order_relaxed); }
  bool cooperative() const { return cooperative_.load(std::memory_order_relaxed); }
  void wake() { ref_.slot->wake.wake(); }

  // --- for the command processor's own thread ---

  // Every wait of it ends up here; see WakeWord::wait().
  void sleep(uint32_t seen, uint64_t deadline) {
    if (ref_.slot->wake.wait(seen, deadline)) urgency_.slept(now_ns());
  }
  // Has been at work until now.
  void working(uint64_t now) { urgency_.working(now); }

  // Why the queue may not run now, 0 if it may (StopBit).
  uint32_t stop() const { return ref_.slot->stop.load(std::memory_order_relaxed); }
  const std::atomic<uint32_t>& stop_word() const { return ref_.slot->stop; }
  bool gone() const { return (stop() & (kStopDestroyed | kStopError)) != 0; }

  // Between packets. Fast if nothing is wanted; otherwise rests and resumes.
  // False if the queue is gone.
  bool checkpoint() { return stop() == 0 || (rest(), resume()); }
  // No wave stands on a compute unit: UPDATE_QUEUE may return, the run-list
  // slot is free.
  void rest();
  // Sleeps until the queue is mapped. False if it is gone.
  bool resume();
  // Sleeps until satisfied(context); rests and resumes on the way whenever
  // the queue is to be unmapped. False if it is gone. Called by other threads
  // too: `satisfied` must only read.
  bool wait_until(bool (*satisfied)(const void*), const void* context, WaitKind kind);
  // Stops the queue for good and tells the application.
  struct ErrorCode {
    int64_t inactive;    // what CP stores into amd_queue.queue_inactive_signal
    uint32_t exception;  // KFD's exception code (EC_QUEUE_*), from 1
  };
  void fail(const isa::Fault& fault, ErrorCode code);

 protected:
  // Is there anything in the ring that drain() has not seen? Any thread.
  virtual bool pending() const = 0;
  // Executes packets until none is left or the queue is to rest.
  virtual void drain() = 0;
  // Stores the error where the application's runtime looks for it and returns
  // the event to raise, 0 if none.
  virtual uint32_t store_error(ErrorCode code) = 0;

  const isa::Host& host() const { return process_.host(); }
  bool accessible(uint64_t address, uint64_t bytes, bool write) const;
  bool compute() const { return params_.type == QueueType::kComputeAql; }

 private:
  static void* thread_entry(void* self);
  void thread_main();
  void set_at_rest(bool rest);  // mutex_ held

  Process& process_;
  const QueueParams params_;
  const SlotRef ref_;
  std::atomic<bool> cooperative_{false};
  pthread_t thread_{};
  Urgency urgency_;
  bool started_ = false;
  std::mutex mutex_;
  std::condition_variable rested_;
  // Guarded by mutex_; written by the command processor's thread only. True:
  // it has nothing on the GPU and will not put anything there before it has
  // looked at `stop` under mutex_.
  bool at_rest_ = true;
  bool removed_ = false;  // guarded by mutex_: the slot is somebody else's
};

}  // namespace xsim::dev
