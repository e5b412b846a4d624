// SPDX-License-Identifier: Apache-2.0
//
// What takes turns on a GPU: an XQueue (UP) or a process (PUP, SPUP). A
// process's memory is kept in each of its XQueues; the newest copy counts.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "policy.h"

namespace xsched {

// How the words of PolicyMemory are used by what takes turns.
struct TurnMemory {
  int64_t credit_ns;  // GPU time it may still use; negative: used too much
  int64_t run_seen;   // of this XQueue: run_ns that credit_ns accounts for
  int64_t stamp;      // when it was decided last; 0: never seen
  int64_t turn;       // the lowest has waited longest
  int64_t left_ns;    // SPUP: of the turn that it has
  int64_t flags;
};
inline constexpr int64_t kOwnsTurn = 1;
inline constexpr int64_t kAlone = 2;  // and nobody waited for its turn to end

struct Entity {
  uint64_t key = 0;
  int64_t share = 0;
  int64_t slice_ns = 0;
  int64_t used_ns = 0;  // since the last decision
  bool ready = false;
  bool known = false;
  TurnMemory memory{};
};

// The entities of one GPU, in the order of their first XQueue.
class Entities {
 public:
  // by_process: else each XQueue is one.
  void collect(bool by_process, std::span<const uint32_t> members,
               std::span<const PolicyInput> in) {
    entities_.clear();
    entity_of_.resize(members.size());
    // At most half full, so that a probe ends soon.
    if (by_process) slots_.assign(std::bit_ceil(2 * members.size() + 1), kFree);
    for (size_t n = 0; n < members.size(); ++n) {
      const PolicyInput& x = in[members[n]];
      const uint32_t e = by_process ? find(x.process) : append(n);
      entity_of_[n] = e;
      add(entities_[e], x);
    }
  }

  // For snapshots of up to n XQueues, however they spread over GPUs.
  void reserve(size_t n) {
    entities_.reserve(n);
    entity_of_.reserve(n);
    slots_.reserve(std::bit_ceil(2 * n + 1));
  }

  std::span<Entity> all() { return entities_; }
  // Of the n-th member.
  size_t index(size_t n) const { return entity_of_[n]; }

 private:
  static constexpr uint32_t kFree = ~0u;

  uint32_t append(uint64_t key) {
    entities_.push_back({});
    entities_.back().key = key;
    return static_cast<uint32_t>(entities_.size() - 1);
  }

  uint32_t find(uint64_t process) {
    const size_t mask = slots_.size() - 1;
    // Pids are dense: a multiplication spreads them (Knuth's constant, 64 bits).
    for (size_t s = (process * 0x9e3779b97f4a7c15u) >> 32 & mask;; s = (s + 1) & mask) {
      if (slots_[s] == kFree) return slots_[s] = append(process);
      if (entities_[slots_[s]].key == process) return slots_[s];
    }
  }

  static void add(Entity& e, const PolicyInput& x) {
    const TurnMemory m = std::bit_cast<TurnMemory>(x.memory.word);
    e.ready |= x.ready;
    e.share = std::max<int64_t>(e.share, std::clamp<int64_t>(x.share, 0, 100));
    if (m.stamp <= 0) return;
    e.used_ns += std::max<int64_t>(0, static_cast<int64_t>(x.run_ns) - m.run_seen);
    if (!e.known || m.stamp > e.memory.stamp) e.memory = m;
    e.known = true;
  }

  std::vector<Entity> entities_;
  std::vector<uint32_t> entity_of_;
  std::vector<uint32_t> slots_;
};

}  // namespace xsched
