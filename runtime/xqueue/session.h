// SPDX-License-Identifier: Apache-2.0
//
// The session: all XQueues of this process, the slot table, the agent and the
// dispatcher. Made at the first queue creation, leaked on purpose at exit and
// when HSA shuts down (its threads may be anywhere), forgotten after fork.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "hints.h"
#include "xqueue.h"

namespace xsched {

class Session {
 public:
  // Null if the process was forked from one that had a session, or if the
  // slot table could not be made (logged); queues then pass ungated.
  static Session* get() noexcept;
  // The one that exists, or null. Never makes one.
  static Session* existing() noexcept;
  // True in a child that inherited a session: its queues are dead memory.
  static bool forked() noexcept;

  // Null (logged) if all slots are used.
  XQueue* add(const XQueueParts& parts);
  // Drops what is at the gate and frees the slot; `queue` is gone afterwards.
  void remove(XQueue* queue);

  // Calls `visit` for each XQueue, under the session's lock.
  void for_each(const std::function<void(XQueue&)>& visit);
  // The XQueue with this id under the lock; false if there is none.
  bool with(uint32_t id, const std::function<void(XQueue&)>& visit);

  // Who schedules, instead of what the environment says. Before the session is
  // made; afterwards false unless it is so already.
  static bool choose_scheduler(bool global, const std::string& policy, bool stream_priorities);
  // HIP gave a queue a priority: `steps` above (below) that of the process.
  void set_stream_priority(XQueue& queue, int steps);
  // The one that an XQueue of the C API begins with.
  int32_t default_priority(const XQueue& queue) const;

  // What the environment hints for each XQueue.
  static Hints default_hints();
  // What the scheduler sees of a hint for a process, whatever the XQueue.
  void set_process_share(int16_t percent);
  // Of the local scheduler, also before the session is made. False while xschedd
  // schedules this process: its administrator chooses them.
  static bool set_timeslice(uint64_t ns);
  static bool set_concurrency(uint32_t xqueues);

  void scheduler_inputs_changed();
  // SharedSignals knows another one, or one less.
  void shared_signals_changed();
  // Process exit: everything runs.
  void release_all() noexcept;
  // HSA shuts down and takes every queue with it: like release_all(), and
  // nothing touches a queue any more. If HSA starts again, get() makes a new
  // session.
  static void end() noexcept;

  struct Impl;

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  template <typename Change>
  static bool change_parameters(Change change);
  std::unique_ptr<Impl> impl_;
};

}  // namespace xsched
