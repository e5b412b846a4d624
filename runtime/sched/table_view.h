// SPDX-License-Identifier: Apache-2.0
//
// What a scheduler knows of one process: its slot table as last seen, what was
// decided for its XQueues, and what of that is published.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "../policy/policy.h"
#include "../xqueue/slot.h"
#include "policy_books.h"

namespace xsched {

// So long after the module's rate limit refused a suspend, latency budgets are
// not left to level 3.
inline constexpr uint64_t kSaveRefusedNs = 1'000'000'000;

// What an administrator grants a process (xschedd's rules). It goes before
// what the process says of itself, and behind what an operator sets.
struct ProcessTerms {
  std::optional<int32_t> priority;
  std::optional<int16_t> share;  // percent
  uint32_t level_cap = 0;        // 1..3, 0: none
  int64_t deadline_ns = -1;      // latency budget, after it became ready; negative: none
  bool operator==(const ProcessTerms&) const = default;
};

// What a scheduler knows of a process from elsewhere than its table.
struct ProcessFacts {
  int16_t cpu_priority = 0;  // policy/builtin.h
  bool active = false;       // an operator says that somebody waits for what it does
  bool operator==(const ProcessFacts&) const = default;
};

// One slot as last seen, and what was decided for it. What each decision looks at
// of every XQueue comes first, in as few cache lines as it takes: between two
// decisions other processes fill the cache.
struct alignas(64) XQueueEntry {
  bool used = false;
  bool fresh = false;        // `now` is not what its ControlLine holds: publish in any case
  bool held = false;         // an operator suspends it, whatever the policy says
  bool held_itself = false;  // its own process does
  bool stalled = false;      // its next packet waits for one of TableView::awaited_
  bool contended = false;    // treat as if a more urgent XQueue existed (window, guard)
  uint32_t id = 0;
  uint32_t level_cap = 0;      // published
  uint32_t trace_number = 0;   // 0: not in the trace yet
  uint64_t idle_since_ns = 0;  // when it was first seen idle after work; 0: ready, or long ago

  struct Words {  // of its ControlLine
    bool run = true;
    uint8_t notify = 0;
    uint16_t guard = 0;
    uint32_t window = 0;
    uint32_t patience_us = 0;
    bool operator==(const Words&) const = default;
  };
  Words now;   // published
  Words next;  // decided

  // Beside the decision: who suspends the hardware queue (slot.h). Set by the
  // scheduler before decide(), stored by publish().
  struct Carry {
    bool scheduler = false;  // ControlLine::carrier
    bool taken = false;
    uint64_t taken_ns = 0;  // comes with `taken`
    bool operator==(const Carry& other) const {
      return scheduler == other.scheduler && taken == other.taken;
    }
  };
  Carry carry_now;
  Carry carry_next;
  PolicyInput input;  // as read from the slot

  std::optional<int32_t> priority_set;  // by an operator, instead of the process's own
  uint64_t suspended_since_ns = 0;      // 0: runs
  uint64_t suspended_ns = 0;            // before that
  uint64_t module_handle = 0;           // as published by the process: to be verified
  PolicyBooks books;
  uint32_t refused = 0;  // StateLine::refused as last seen
  // Until then, suspends at level 3 are not relied on; 0: they are.
  uint64_t save_refused_until_ns = 0;

  // xschedd's notes on the handle that the process published.
  struct Module {
    enum State : uint8_t { kNew, kAsked, kOwn, kRefused };
    uint64_t handle = 0;
    State state = kNew;
    bool wanted = false;        // in the set that the module is to suspend
    uint64_t wanted_since = 0;  // number of that set
    uint64_t decided_ns = 0;
  };
  Module module;

  // Its ControlLine does not hold what was decided, or not the level cap.
  bool differs(uint32_t cap) const {
    return fresh || next != now || !(carry_next == carry_now) || level_cap != cap;
  }
};

// What a scheduler knows of one slot table. Reads are copies, checked and
// clamped: the other side may be hostile.
class alignas(64) TableView {
 public:
  explicit TableView(SlotTable& table) : table_(table) {
    gpus_.reserve(kFewGpus);
    touched_.reserve(kFewGpus);
  }

  // Reads every slot, at the time `now`. True if anything changed that a
  // policy looks at.
  bool scan(uint64_t now_ns);

  // From the next scan() on, which then sees a change.
  void set_terms(const ProcessTerms& terms);
  const ProcessTerms& terms() const { return terms_; }
  void set_facts(const ProcessFacts& facts);
  const ProcessFacts& facts() const { return facts_; }
  // As of the last decision: what others gave it, because they wait for it.
  std::optional<int32_t> inherited() const { return inherited_; }
  // Of one of its XQueues, under `policy`, as of the last scan().
  int16_t share_of(const XQueueEntry& entry, const Policy& policy) const {
    return policy.shares_by_process() ? process_share_ : entry.input.share;
  }

  // The next decide() publishes everything again, for when somebody else may
  // have written the ControlLines.
  void forget();

  // After decide(): is there anything to publish, and does it suspend an
  // XQueue that runs now?
  bool changed() const { return changed_; }
  bool suspends() const { return suspends_; }

  enum class Publish { kAll, kNoSuspends };
  // Stores the decisions. kNoSuspends leaves out those that suspend: changed()
  // stays true for them.
  void publish(Publish what = Publish::kAll);

  // Keeps the books of suspended time; call after publish().
  void account(uint64_t now_ns);

  size_t suspended() const { return suspended_; }  // as published
  SlotTable& table() const { return table_; }
  // By slot number; entries past the last used slot may be missing.
  std::span<XQueueEntry> entries() { return entries_; }

 private:
  friend class Arbiter;
  bool read_slot(const Slot& slot, XQueueEntry& entry, uint64_t now_ns);
  void mark_change(const XQueueEntry& entry);

  // inheritance.cpp: the process's inter-process signals.
  bool read_signals();
  bool knows_one_of(std::span<const uint64_t> keys) const;
  std::optional<int32_t> priority_of_stalled() const;
  void touch_all();

  static constexpr size_t kFewGpus = 16;
  void touch(uint32_t gpu_id);

  // What each decision looks at of every table, in one cache line.
  std::vector<uint32_t> touched_;  // GPUs with a change since the last decision
  uint64_t touched_for_ = 0;       // Arbiter::number_ of the last decision with such a change
  uint32_t suspended_ = 0;
  uint32_t awaiting_ = 0;  // of awaited_ in use; looked at with the slots
  bool knows_signals_ = false;
  bool reports_waits_ = false;  // is asked to (kNotifyWaits)
  bool moved_ = false;          // since the last decision an XQueue came, went or changed its GPU
  bool removed_ = false;        // a slot was freed since the last publish()
  bool changed_ = false;
  bool suspends_ = false;

  SlotTable& table_;
  ProcessTerms terms_;
  ProcessFacts facts_;
  int16_t process_share_ = kWholeShare;  // for policies that share between processes
  uint32_t own_budget_us_ = 0;           // what the process asks for
  std::vector<XQueueEntry> entries_;
  std::vector<uint32_t> gone_;   // trace numbers
  std::vector<uint32_t> gpus_;   // of its XQueues
  std::vector<uint64_t> known_;  // keys, ascending
  uint32_t known_changes_ = 0;   // SignalLines::changes of these
  std::array<uint64_t, SignalLines::kMostAwaited> awaited_{};
  // From those that wait for a signal of this process.
  std::optional<int32_t> inherited_;
  std::optional<int32_t> inherits_next_;
  std::optional<int32_t> lowest_, highest_;  // priorities of its XQueues
};

}  // namespace xsched
