// SPDX-License-Identifier: Apache-2.0
//
// A policy decides which XQueues run. It is a pure function of a snapshot: no
// I/O, no clock, no state of its own, so that a table can test it. The local
// scheduler and xschedd apply the same policies.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xsched {

struct PolicyInput {     // one XQueue
  uint32_t gpu_id = 0;   // XQueues of different GPUs do not compete
  int32_t priority = 0;  // higher is more urgent
  bool ready = false;    // has uncompleted packets
  uint32_t level = 1;    // actual level, 1..3
  uint32_t window = 0;   // its window under competition, packets
};

struct PolicyDecision {  // for the XQueue at the same index
  bool run = true;
  uint32_t window = 0;  // 0 = open
  uint32_t guard = 0;   // 0 = no gate barriers
  uint32_t notify = 0;  // kNotify* bits (xqueue/slot.h)
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  // out.size() == in.size(). Must not allocate when called again with the
  // same or a smaller size (scratch may be kept in `this`).
  virtual void decide(std::span<const PolicyInput> in, std::span<PolicyDecision> out) = 0;
};

// Null and `error` (names the value and the valid ones) if there is none.
std::unique_ptr<Policy> make_policy(std::string_view name, std::string& error);

}  // namespace xsched
