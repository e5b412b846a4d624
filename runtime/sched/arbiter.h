// SPDX-License-Identifier: Apache-2.0
//
// What the local scheduler and xschedd have in common: reading slot tables
// into a policy's input (table_view.h) and turning its decisions into ControlLines.
//
// A cycle is scan() of the tables that reported an edge, Arbiter::decide()
// over all tables, publish() of the tables with changes. It allocates only
// when the number of XQueues grows.
//
// Where the policy decides each GPU by itself, a decision is about the GPUs with a
// change, and of their XQueues those of processes without one are not looked at: what
// the policy is asked about them is what it was asked before (contest.h).
//
// An XQueue that has just become idle counts as ready for a little longer: a
// host thread that is interrupted between two launches of one request would
// otherwise let the others in, and wait for them again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "../policy/budget.h"
#include "../policy/policy.h"
#include "contest.h"
#include "decision_trace.h"
#include "policy_books.h"
#include "table_view.h"

namespace xsched {

// How long idle counts as ready: next to nothing where all that waits can be
// taken off the GPU again at once (level 3), and a small part of a long kernel
// where letting one start too early means waiting for its end (levels 1, 2).
inline constexpr uint64_t kLingerNs = 1'000'000;
inline constexpr uint64_t kLingerLevel3Ns = 200'000;

class Arbiter {
 public:
  explicit Arbiter(std::unique_ptr<Policy> policy) : policy_(std::move(policy)) {
    contests_.reserve(kMostGpus);
  }

  void add(TableView& view) {
    views_.push_back(&view);
    gather_ = true;
  }
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
  size_t xqueues() const { return xqueues_; }  // as of the last decide()

  // From the next decide() on; before the first one. Null: none.
  void set_trace(DecisionTrace* trace) {
    trace_ = trace;
    traced_.resize(1);  // nobody's number
  }

 private:
  // So many GPUs are told apart; those past it are decided together with the last.
  static constexpr size_t kMostGpus = 64;

  void inherit();  // inheritance.cpp
  void ask_for_waits(bool any_known);
  void choose(uint64_t now_ns, Scope scope);
  void gather();
  std::span<Contest> contests() { return std::span(contests_).first(gathered_); }
  Contest* find(uint32_t gpu_id);
  void decide_contest(Contest& contest, uint64_t now_ns);
  void read(Contest& contest, uint64_t now_ns);
  void find_changes(Contest& contest);
  void mark_changes(Contest& contest);
  uint64_t linger_ns(const Contest& contest) const;
  void measure(uint64_t now_ns);
  void fit_to_budgets(Contest& contest, uint64_t now_ns);
  void fill_in_flight(Contest& contest, size_t i, uint64_t now_ns);
  void fill(const TableView& view, XQueueEntry& entry, PolicyInput& input, uint64_t now_ns);
  void keep_books(Contest& contest, uint64_t now_ns);
  void record(const Contest& contest);
  void record_gone(TableView& view);

  std::unique_ptr<Policy> policy_;
  DecisionTrace* trace_ = nullptr;
  // What the trace has of an XQueue, by its number. Only if there is a trace.
  struct Traced {
    TraceRecord input;
    TraceRecord output;
  };
  std::vector<Traced> traced_;
  std::vector<TableView*> views_;
  bool inheriting_ = false;  // somebody does, as of the last decision
  bool asking_ = false;      // for waits
  // The first gathered_ of these are in use; of the rest the memory is.
  std::vector<Contest> contests_;
  size_t gathered_ = 0;
  bool gather_ = true;   // XQueues came, went or moved: contests_ are no more right
  uint64_t number_ = 0;  // of this decision
  std::vector<PolicyDecision> decisions_;  // of the contest at hand
  std::vector<uint32_t> changes_;          // of that contest: entrants to look at
  size_t xqueues_ = 0;
  GpuTimes gpu_times_;
  Budgets budgets_;
  uint64_t timeslice_ns_ = 0;
  uint32_t concurrency_ = 1;
  uint64_t again_ns_ = 0;
};

}  // namespace xsched
