// SPDX-License-Identifier: Apache-2.0
//
// A policy decides which XQueues run. It is a pure function of a snapshot: no
// I/O, no clock, no state of its own, so that a table can test it and a checker
// can ask again. The local scheduler and xschedd apply the same policies.
//
// What a policy must remember from one decision to the next (a virtual time,
// whose turn it is) travels through the caller as PolicyMemory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xsched {

inline constexpr uint64_t kNever = ~uint64_t{0};
inline constexpr int16_t kWholeShare = 100;  // percent

// Opaque to the caller: store what a decision carries and hand it back with
// the same XQueue's next input. Zero for an XQueue that the policy has not seen
// yet; zero all of them when the policy is changed.
struct PolicyMemory {
  std::array<int64_t, 6> word{};
  bool operator==(const PolicyMemory&) const = default;
};

// All that is not of one XQueue.
struct PolicyContext {
  uint64_t now_ns = 0;  // CLOCK_MONOTONIC. 0: the caller keeps no time, then nobody takes turns
  uint64_t timeslice_ns = 0;  // UP, PUP, SPUP, CFS; 0: the policy's published default
  uint32_t concurrency = 1;   // KEDF: how many run at once on a GPU
};

// One XQueue. The caller fills in what the policy's row in README.md names;
// the rest may stay at its default.
struct PolicyInput {
  uint32_t gpu_id = 0;   // XQueues of different GPUs do not compete (except HHPF, AWF)
  int32_t priority = 0;  // higher is more urgent
  // Has uncompleted packets. False for one that an operator holds: nobody
  // should wait for what cannot run.
  bool ready = false;
  uint32_t level = 1;   // actual level, 1..3
  uint32_t window = 0;  // its window under competition, packets

  bool active = false;            // AWF: somebody looks at what its process does
  int16_t share = kWholeShare;    // UP, PUP, SPUP: percent, 0..100
  int16_t cpu_priority = 0;       // CHPF: see cpu_priority() in builtin.h
  int16_t lax_priority = 0;       // LAX: while its laxity lasts,
  int16_t critical_priority = 0;  // and after
  uint64_t process = 0;           // PUP, SPUP: one value a process (its pid)
  uint64_t ready_since_ns = 0;    // KEDF, LAX: when `ready` last became true; same clock as now_ns
  // UP, PUP, SPUP, CFS, MLFQ: GPU time used since it was created. Measured by
  // the caller with gpu_time.h: ready and decided to run, and for as long as a
  // suspend came late. Never decreases.
  uint64_t run_ns = 0;
  int64_t deadline_ns = -1;  // KEDF: after ready_since_ns; negative: none
  int64_t laxity_ns = -1;    // LAX: how long after ready_since_ns it can wait; negative: none
  PolicyMemory memory{};     // of its last decision

  // For budget.h alone; policies do not look at them.
  uint64_t budget_ns = 0;  // what others may have in flight when it becomes ready; 0: no matter
  uint64_t work_ns = 0;    // how long a packet of its work takes, typically; 0: not known
  uint64_t work_spread_ns = 0;  // and how far that strays on average
  uint32_t inside = ~0u;        // at most so much work in the hardware queue; ~0: unknown
  uint32_t ring_packets = 0;    // its hardware queue's size; 0: unknown
  bool save_refused = false;    // level 3 was refused lately (the module limits the rate)
  bool taken_off = false;       // it is suspended, and not by its gate alone
  bool operator==(const PolicyInput&) const = default;
};

struct PolicyDecision {  // for the XQueue at the same index
  bool run = true;
  uint32_t window = 0;  // 0 = open
  uint32_t guard = 0;   // 0 = no gate barriers
  uint32_t notify = 0;  // kNotify* bits (xqueue/slot.h): decide again at these edges
  // With run = false: the gate alone suspends for so long; 0: the best level at once.
  uint32_t patience_us = 0;
  PolicyMemory memory{};  // for its next input; no reason to publish by itself
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  // True if an XQueue's decision depends on nothing but the XQueues of its GPU at
  // this moment: no time, no memory, no GPU time used. A caller may then leave
  // other GPUs out of the snapshot.
  virtual bool decides_by_gpu_alone() const { return false; }
  // True if `share` is a process's: all its XQueues are to say the same.
  virtual bool shares_by_process() const { return false; }
  // True if `cpu_priority` counts, which costs the caller system calls.
  virtual bool by_cpu_priority() const { return false; }
  // May it suspend `x` for `y`, of the same GPU, so that y's latency budget
  // bounds what x has in flight? Where everybody gives way to everybody in turn,
  // whoever has the shorter budget goes before.
  virtual bool goes_before(const PolicyInput& y, const PolicyInput& x) const {
    return x.budget_ns == 0 || y.budget_ns < x.budget_ns;
  }
  // out.size() == in.size(). Must not allocate when called again with the
  // same or a smaller size (scratch may be kept in `this`).
  // Returns when to decide again though no edge has come, or kNever. Deciding
  // earlier, or more often, is allowed and changes no promise.
  virtual uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                          std::span<PolicyDecision> out) = 0;
  // For a caller without a clock.
  void decide(std::span<const PolicyInput> in, std::span<PolicyDecision> out) {
    decide(PolicyContext{}, in, out);
  }
};

// Null and `error` (names the value and the valid ones) if there is none.
std::unique_ptr<Policy> make_policy(std::string_view name, std::string& error);
std::string policy_names();  // "HPF, HHPF, ..."

}  // namespace xsched
