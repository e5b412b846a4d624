// SPDX-License-Identifier: Apache-2.0
//
// The common part of UP, PUP and SPUP: on each GPU one entity has the turn; its
// XQueues run and the others' wait. The derived class says whose turn it is.
#pragma once

#include "by_gpu.h"
#include "entities.h"
#include "prepare.h"

namespace xsched {

class Turns : public Policy {
 public:
  uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) final;
  bool shares_by_process() const final { return by_process_; }

 protected:
  static constexpr int64_t kTimeslice = 5'000'000;  // TIMESLICE_DEFAULT of XpuOS/xsched
  static constexpr int64_t kShortest = 100'000;     // TIMESLICE_MIN of it
  // What is left of a turn when it counts as over: no timer is closer.
  static constexpr int64_t kGrain = 10'000;
  static constexpr size_t kNobody = ~size_t{0};

  explicit Turns(bool by_process) : by_process_(by_process) {}

  struct Choice {
    size_t owner = kNobody;  // index of an entity
    uint64_t next = kNever;  // when to decide again
    bool limited = false;    // somebody may have to wait though it is alone
  };
  // Charges what was used, and gives the turn. Called with now_ns != 0 only.
  virtual Choice choose(int64_t now, int64_t timeslice, std::span<Entity> entities) = 0;

  // A slice for each entity: its part of `round`, which is stretched until the
  // smallest share gets the shortest slice. `whole` is what all shares are
  // measured against.
  static void cut(int64_t round, int64_t whole, std::span<Entity> entities);
  static int64_t last_turn(std::span<const Entity> entities);

 private:
  const bool by_process_;
  ByGpu by_gpu_;
  Entities entities_;
};

}  // namespace xsched
