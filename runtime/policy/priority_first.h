// SPDX-License-Identifier: Apache-2.0
//
// The common part of HPF, HHPF, CHPF, AWF and LAX: of those that compete, only
// the XQueues run whose priority is at least the highest among the ready ones.
//
// A Rule says what a priority is and who competes:
//   name                      the policy's
//   competition(x)            XQueues of the same value compete
//   priority(context, x)      at this moment
//   highest(x), lowest(x)     that it can ever be while x is what it is
//   by_gpu_alone              is there if decides_by_gpu_alone() holds
//   cpu                       is there if by_cpu_priority() holds
//   until(context, x)         when priority() changes by itself, or kNever
#pragma once

#include <algorithm>
#include <vector>

#include "prepare.h"

namespace xsched {

template <typename Rule>
class PriorityFirst final : public Policy {
 public:
  std::string_view name() const override { return Rule::name; }
  bool decides_by_gpu_alone() const override {
    return requires {
      Rule::by_gpu_alone;
    };
  }

  bool by_cpu_priority() const override {
    return requires {
      Rule::cpu;
    };
  }

  bool goes_before(const PolicyInput& y, const PolicyInput& x) const override {
    return Rule::competition(y) == Rule::competition(x) && Rule::highest(y) > Rule::lowest(x);
  }

  uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) override {
    groups_.clear();
    groups_.reserve(in.size());  // so that they stay where they are
    group_of_.resize(in.size());
    uint64_t next = kNever;
    Group* last = nullptr;  // neighbours mostly share a GPU
    for (size_t i = 0; i < in.size(); ++i) {
      const PolicyInput& x = in[i];
      if (last == nullptr || last->competition != Rule::competition(x)) last = &find(x);
      Group& group = *(group_of_[i] = last);
      ++group.members;
      group.highest = std::max(group.highest, Rule::highest(x));
      group.lowest = std::min(group.lowest, Rule::lowest(x));
      if (x.ready) {
        const int32_t priority = Rule::priority(context, x);
        group.highest_ready = group.any_ready ? std::max(group.highest_ready, priority) : priority;
        group.any_ready = true;
        next = std::min(next, Rule::until(context, x));
      }
    }
    for (size_t i = 0; i < in.size(); ++i) {
      const PolicyInput& x = in[i];
      const Group& group = *group_of_[i];
      // Not only the ready ones: an idle XQueue left open could slip packets in
      // between the urgent one's next packet and the edge that reports it.
      const bool run = !group.any_ready || Rule::priority(context, x) >= group.highest_ready;
      const bool alone = group.members == 1;
      out[i] = prepared(x, run, !alone && group.highest > Rule::lowest(x),
                        !alone && group.lowest < Rule::highest(x));
    }
    return next;
  }

 private:
  struct Group {
    uint32_t competition;
    int32_t highest;  // over all XQueues
    int32_t lowest;   // over all XQueues
    uint32_t members = 0;
    bool any_ready = false;
    int32_t highest_ready = 0;  // over the ready ones, if any
  };

  // Machines have a handful of GPUs: a linear search beats a map, and never allocates.
  Group& find(const PolicyInput& x) {
    const uint32_t competition = Rule::competition(x);
    for (Group& group : groups_) {
      if (group.competition == competition) return group;
    }
    return groups_.emplace_back(Group{competition, Rule::highest(x), Rule::lowest(x)});
  }

  std::vector<Group> groups_;
  std::vector<Group*> group_of_;  // of each XQueue: found once a decision
};

// For rules whose priorities do not change by themselves.
template <typename Rule>
struct ConstantPriority {
  static int32_t highest(const PolicyInput& x) { return Rule::priority({}, x); }
  static int32_t lowest(const PolicyInput& x) { return Rule::priority({}, x); }
  static uint64_t until(const PolicyContext&, const PolicyInput&) { return kNever; }
};

}  // namespace xsched
