// SPDX-License-Identifier: Apache-2.0
//
// The XQueues that a policy is asked about together: those of one GPU, or all. What
// it was asked and what it said is kept from one decision to the next, since most of
// it stays: with many processes the time of a decision is that of touching memory.
#pragma once

#include <cstdint>
#include <vector>

#include "../policy/policy.h"
#include "table_view.h"

namespace xsched {

struct Contest {
  struct Entrant {
    TableView* view;
    XQueueEntry* entry;
  };
  // Those of one table: neighbours.
  struct Part {
    TableView* view;
    size_t begin, end;
    bool lingers;  // one of them counts as ready although it is idle
    bool anew;     // read again for this decision
  };

  uint32_t gpu_id = 0;
  bool due = true;             // to be decided
  bool anew = true;            // with everything read again
  bool budgets = false;        // somebody has one
  uint64_t again_ns = kNever;  // when to decide though no edge came
  std::vector<Part> parts;
  // Side by side.
  std::vector<Entrant> entrants;
  std::vector<PolicyInput> inputs;
  std::vector<XQueueEntry::Words> said;  // the last time, before budgets

  // Keeps the memory.
  void clear() {
    due = anew = true;
    budgets = false;
    again_ns = kNever;
    parts.clear();
    entrants.clear();
  }
  void add(TableView& view, XQueueEntry& entry) {
    if (parts.empty() || parts.back().view != &view) {
      parts.push_back({&view, entrants.size(), entrants.size(), false, true});
    }
    entrants.push_back({&view, &entry});
    ++parts.back().end;
  }
  // After the last add().
  void complete() {
    inputs.resize(entrants.size());
    said.resize(entrants.size());
  }
};

}  // namespace xsched
