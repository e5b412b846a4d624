// SPDX-License-Identifier: Apache-2.0
//
// The interpreter threads of a process: as many as the host has cores, shared
// by all its queues in turns, started by the first kernel that is too long for
// the command processor's own thread.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace xsim::dev {

class Dispatch;

class WorkerPool {
 public:
  WorkerPool() = default;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // From now on threads of the pool call dispatch.slice() whenever it has
  // something to run.
  void add(Dispatch& dispatch);
  // When it returns, no thread is inside `dispatch` or will be.
  void remove(Dispatch& dispatch);
  // There is something to run again.
  void notify(size_t slices);

 private:
  struct Entry {
    Dispatch* dispatch;
    int inside;  // threads in slice()
  };
  static void* thread_entry(void* self);
  void thread_main();
  void start_threads();

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable left_;
  std::vector<Entry> entries_;
  size_t turn_ = 0;
  bool started_ = false;
};

}  // namespace xsim::dev
