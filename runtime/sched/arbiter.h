// SPDX-License-Identifier: Apache-2.0
//
// What the local scheduler and xschedd have in common: reading slot tables
// into a policy's input and turning its decisions into ControlLines.
//
// A cycle is scan() of the tables that reported an edge, Arbiter::decide()
// over all tables, publish() of the tables with changes. It allocates only
// when the number of XQueues grows.
//
// An XQueue that has just become idle counts as ready for a little longer: a
// host thread that is interrupted between two launches of one request would
// otherwise let the others in, and wait for them again.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "../policy/budget.h"
#include "../policy/policy.h"
#include "../xqueue/hints.h"
#include "decision_trace.h"
#include "policy_books.h"

namespace xsched {

// How long idle counts as ready: next to nothing where all that waits can be
// taken off the GPU again at once (level 3), and a small part of a long kernel
// where letting one start too early means waiting for its end (levels 1, 2).
inline constexpr uint64_t kLingerNs = 1'000'000;
inline constexpr uint64_t kLingerLevel3Ns = 200'000;

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
    uint64_t taken_ns = 0;
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
};

// What a scheduler knows of one slot table. Reads are copies, checked and
// clamped: the other side may be hostile.
class TableView {
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
  // Stores the decisions. kNoSuspends leaves out those that suspend.
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

  // inheritance.cpp: the process's inter-process signals.
  bool read_signals();
  bool knows_one_of(std::span<const uint64_t> keys) const;
  std::optional<int32_t> priority_of_stalled() const;
  void touch_all();

  SlotTable& table_;
  ProcessTerms terms_;
  ProcessFacts facts_;
  int16_t process_share_ = kWholeShare;  // for policies that share between processes
  uint32_t own_budget_us_ = 0;           // what the process asks for
  std::vector<XQueueEntry> entries_;
  size_t suspended_ = 0;
  static constexpr size_t kFewGpus = 16;
  void touch(uint32_t gpu_id);

  std::vector<uint32_t> gone_;  // trace numbers
  // GPUs of its XQueues; those with a change since the last decision.
  std::vector<uint32_t> gpus_;
  std::vector<uint32_t> touched_;
  uint32_t awaiting_ = 0;        // of awaited_ in use; looked at with the above
  std::vector<uint64_t> known_;  // keys, ascending
  uint32_t known_changes_ = 0;   // SignalLines::changes of these
  std::array<uint64_t, SignalLines::kMostAwaited> awaited_{};
  // From those that wait for a signal of this process.
  std::optional<int32_t> inherited_;
  std::optional<int32_t> inherits_next_;
  std::optional<int32_t> lowest_, highest_;  // priorities of its XQueues
  bool reports_waits_ = false;               // is asked to (kNotifyWaits)

  bool removed_ = false;  // a slot was freed since the last publish()
  bool changed_ = false;
  bool suspends_ = false;
};

class Arbiter {
 public:
  explicit Arbiter(std::unique_ptr<Policy> policy) : policy_(std::move(policy)) {
    touched_.reserve(kMostGpus);
    due_.reserve(kMostGpus);
  }

  void add(TableView& view) { views_.push_back(&view); }
  void remove(TableView& view);

  // Applies the policy to all tables as last scanned. kTouched: nothing but scans
  // and time can have changed anything; then GPUs without a change keep their
  // decisions if the policy allows it.
  enum class Scope { kAll, kTouched };
  void decide(uint64_t now_ns, Scope scope = Scope::kAll);
  // When to decide again though no edge came; 0: not at all.
  uint64_t decide_again_ns() const { return again_ns_; }

  Policy& policy() const { return *policy_; }
  // From the next decide() on. What the old one remembered is forgotten.
  void set_policy(std::unique_ptr<Policy> policy);
  // For the policies that use them; 0: a policy's own timeslice.
  void set_parameters(uint64_t timeslice_ns, uint32_t concurrency) {
    timeslice_ns_ = timeslice_ns;
    concurrency_ = concurrency;
  }
  size_t xqueues() const { return xqueues_; }  // in the last decide() of all

  // From the next decide() on; before the first one. Null: none.
  void set_trace(DecisionTrace* trace) {
    trace_ = trace;
    traced_.resize(1);  // nobody's number
  }

 private:
  // An XQueue that this decision is about.
  struct Chosen {
    TableView* view;
    XQueueEntry* entry;
  };
  // One is that had just become idle, and its GPU is to be decided for again.
  struct Due {
    uint32_t gpu_id;
    uint64_t ns;
  };
  // So many GPUs are told apart; with more, all are decided for each time.
  static constexpr size_t kMostGpus = 64;

  void inherit();  // inheritance.cpp
  void ask_for_waits(bool any_known);
  void choose(uint64_t now_ns, Scope scope);
  void look_again(uint32_t gpu_id, uint64_t at_ns);
  void mark_changes();
  uint64_t linger_ns() const;
  void measure(uint64_t now_ns);
  void fit_to_budgets(uint64_t now_ns);
  void fill_in_flight(XQueueEntry& entry, PolicyInput& input, uint64_t now_ns, const Slot& slot);
  void fill(const TableView& view, XQueueEntry& entry, PolicyInput& input, uint64_t now_ns);
  void keep_books(uint64_t now_ns);
  void record(uint64_t now_ns);

  std::unique_ptr<Policy> policy_;
  DecisionTrace* trace_ = nullptr;
  // What the trace has of an XQueue, by its number. Only if there is a trace.
  struct Traced {
    TraceRecord input;
    TraceRecord output;
  };
  std::vector<Traced> traced_;
  std::vector<TableView*> views_;
  std::vector<uint32_t> touched_;  // GPUs of this decision, unless all_
  bool all_ = true;
  bool inheriting_ = false;  // somebody does, as of the last decision
  bool asking_ = false;      // for waits
  std::vector<Due> due_;
  bool crowded_ = false;  // due_ is not complete
  size_t xqueues_ = 0;
  std::vector<Chosen> chosen_;
  std::vector<PolicyInput> inputs_;
  std::vector<PolicyDecision> decisions_;
  GpuTimes gpu_times_;
  Budgets budgets_;
  uint64_t timeslice_ns_ = 0;
  uint32_t concurrency_ = 1;
  uint64_t again_ns_ = 0;
};

}  // namespace xsched
