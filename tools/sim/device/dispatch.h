// SPDX-License-Identifier: Apache-2.0
//
// One kernel dispatch from the first workgroup to the last: getting compute
// units, interpreting, standing on the units for the modelled time, being
// preempted and going on.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "queue.h"

namespace xsim::dev {

class Dispatch {
 public:
  // `modelled_ns`: how long a workgroup stands on its units (running time),
  // counted from when it got them; 0 = only as long as its instructions take.
  Dispatch(Queue& queue, std::shared_ptr<const isa::Kernel> kernel, uint64_t modelled_ns);
  ~Dispatch();
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;

  enum class End { kDone, kFault, kGone };
  // On the command processor's thread. Returns when the kernel has ended; a
  // preemption on the way happens inside.
  End run();
  const isa::Fault& fault() const { return fault_; }

  // --- for the worker pool ---
  bool runnable() const { return runnable_.load(std::memory_order_seq_cst) > 0; }
  // Interprets one workgroup for a while. False if there was nothing to do.
  bool slice();

  // Units of a workgroup with this footprint, 1 .. kUnitsPerCu.
  static uint32_t unit_cost(const isa::Footprint& f);

 private:
  // A workgroup that has begun.
  struct Begun {
    std::unique_ptr<isa::Workgroup> group;
    uint64_t units_since_ns = 0;  // when it got its units, less what it was preempted
    uint32_t naps = 0;            // times in a row that it did nothing but sleep
  };
  struct Asleep {
    uint64_t due_ns;
    Begun begun;
  };
  struct Fresh {  // units without a workgroup yet
    uint64_t since_ns;
    uint64_t count;
  };
  struct Standing {  // interpreted, modelled time not over
    uint64_t due_ns;
    uint32_t count;
  };
  // What was on the compute units when the queue was unmapped; times are
  // relative. Each needs its units back before it goes on.
  struct Saved {
    std::vector<Standing> standing;  // due_ns: what is left
    std::vector<Asleep> asleep;      // due_ns: what is left
    std::vector<Begun> begun;        // units_since_ns: what has passed
    uint64_t count = 0;              // workgroups in all of them
  };

  void take_units(uint32_t granted, uint64_t now);
  void wake_due(uint64_t now);
  uint64_t next_due() const;
  void count_runnable();
  void stand_or_leave(uint64_t units_since_ns, uint64_t now);
  bool preempt();
  void save(uint64_t now);
  bool drain_workers();

  Queue& queue_;
  const std::shared_ptr<const isa::Kernel> kernel_;
  const uint64_t modelled_ns_;
  const uint64_t total_;
  const bool gang_;  // its workgroups wait for each other: all on the GPU at once
  const uint32_t cost_;

  UrgentMutex mutex_;      // guards what follows
  uint64_t next_ = 0;      // first workgroup that has not begun
  uint64_t finished_ = 0;  // through, modelled time included
  uint64_t resident_ = 0;  // workgroups whose units we hold
  uint32_t release_ = 0;   // of those, to be given back
  std::deque<Fresh> fresh_;
  std::deque<Begun> ready_;
  std::vector<Asleep> asleep_;
  std::vector<Standing> standing_;
  Saved saved_;
  uint32_t inside_ = 0;  // threads interpreting
  isa::Fault fault_;
  // Workgroups that a thread could take up now.
  std::atomic<uint64_t> runnable_{0};
  bool pooled_ = false;  // the pool helps; the command processor only directs
};

}  // namespace xsim::dev
