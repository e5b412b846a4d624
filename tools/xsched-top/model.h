// SPDX-License-Identifier: Apache-2.0
//
// From snapshots to what a screen shows: rates from two snapshots, P99 from
// the samples seen so far, and the order, filter and grouping of rows. No
// I/O, no clock, no terminal.
#pragma once

#include <compare>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "snapshot.h"

namespace xsched::top {

// Names a row over snapshots.
struct Key {
  int32_t pid = 0;
  bool is_xq = false;  // `id` is an XQueue's, else KFD's queue id
  uint32_t id = 0;
  auto operator<=>(const Key&) const = default;
};

struct KeyHash {
  size_t operator()(const Key& k) const {
    return (static_cast<size_t>(static_cast<uint32_t>(k.pid)) << 32 | k.id) * 0x9e3779b97f4a7c15u +
           (k.is_xq ? 1 : 0);
  }
};

struct Row : Queue {
  Key key;
  std::optional<uint32_t> gpu_index;
  // Over the time between the last two snapshots.
  std::optional<double> suspends_per_s;
  std::optional<double> waiting;  // share of it spent suspended, 0..1
  std::optional<double> busy;     // share of it with a kernel on compute units, 0..1
  // Of the last kSamples suspends that a snapshot caught.
  std::optional<uint64_t> preempt_p99_ns;
};

// Nearest rank; `samples` is not empty.
uint64_t p99(std::vector<uint64_t> samples);

class Model {
 public:
  static constexpr size_t kSamples = 512;    // a row
  static constexpr size_t kLatencies = 256;  // snapshots

  void update(Snapshot&& snapshot);

  const std::vector<Row>& rows() const { return rows_; }
  const std::vector<Gpu>& gpus() const { return gpus_; }  // by index, then id
  const std::vector<SourceStatus>& sources() const { return sources_; }
  const std::string& policy() const { return policy_; }
  // Seconds between the last two snapshots; empty after the first.
  std::optional<double> interval() const { return interval_; }
  // The longest suspend that each snapshot caught, oldest first; empty where
  // it caught none.
  const std::deque<std::optional<uint64_t>>& latencies() const { return latencies_; }
  // Passes a second over a GPU's run list.
  std::optional<double> passes_per_s(uint32_t gpu_id) const;

 private:
  struct History {
    std::optional<uint64_t> suspends, suspended_ns, busy_ns;
    uint64_t seen_ns = 0;
    std::vector<uint64_t> samples;  // a ring
    size_t next_sample = 0;
    std::optional<uint64_t> p99_ns;
  };
  void derive(Row& row, History& history, uint64_t now, double seconds);

  std::vector<Row> rows_;
  std::vector<Gpu> gpus_;
  std::vector<SourceStatus> sources_;
  std::string policy_;
  std::unordered_map<Key, History, KeyHash> history_;
  std::unordered_map<uint32_t, std::pair<uint64_t, std::optional<double>>> passes_;
  std::optional<double> interval_;
  uint64_t last_ns_ = 0;
  std::deque<std::optional<uint64_t>> latencies_;
  std::optional<uint64_t> caught_ns_;
};

}  // namespace xsched::top
