// SPDX-License-Identifier: Apache-2.0
//
// See load_check.h.
#include "load_check.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "runtime/policy/policy.h"
#include "runtime/sched/decision_trace.h"

namespace xsched::load {
namespace {

// The XQueues as the trace tells, in order of their numbers.
class Replay {
 public:
  Replay() : policy_(make_policy("HPF", error_)) {}

  void take(const TraceRecord& r) {
    if (r.kind == TraceRecord::kGone) {
      all_.erase(r.xqueue);
    } else if (r.kind == TraceRecord::kInput) {
      PolicyInput& in = all_[r.xqueue].in;
      in.gpu_id = r.gpu_id;
      in.priority = r.priority;
      in.level = r.level;
      in.window = r.window;
      in.ready = r.ready != 0;
    } else if (r.kind == TraceRecord::kOutput) {
      all_[r.xqueue].said = r;
    }
  }

  // The number of the first XQueue whose decision is not the policy's answer; 0: none.
  uint32_t first_wrong() {
    inputs_.clear();
    for (const auto& [number, x] : all_) inputs_.push_back(x.in);
    answers_.resize(inputs_.size());
    policy_->decide(inputs_, answers_);
    size_t i = 0;
    for (const auto& [number, x] : all_) {
      const PolicyDecision& a = answers_[i++];
      const TraceRecord& s = x.said;
      if (s.kind != TraceRecord::kOutput || a.run != (s.run != 0) || a.window != s.window ||
          a.guard != s.guard || a.notify != s.notify) {
        return number;
      }
    }
    return 0;
  }

 private:
  struct XQueue {
    PolicyInput in;
    TraceRecord said{};
  };
  std::string error_;
  std::unique_ptr<Policy> policy_;
  std::map<uint32_t, XQueue> all_;
  std::vector<PolicyInput> inputs_;
  std::vector<PolicyDecision> answers_;
};

double at(const std::vector<uint64_t>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto i = static_cast<size_t>(part * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[i]) / 1e3;
}

}  // namespace

Verdict check_trace(const std::string& file) {
  Verdict v;
  const std::unique_ptr<FILE, int (*)(FILE*)> in(fopen(file.c_str(), "r"), fclose);
  if (in == nullptr) {
    v.error = file + ": cannot be opened";
    return v;
  }
  Replay replay;
  std::vector<uint64_t> edges, latencies;
  uint64_t began = 0, stored_sum = 0;
  std::vector<TraceRecord> chunk(4096);
  for (size_t n; (n = fread(chunk.data(), sizeof(TraceRecord), chunk.size(), in.get())) != 0;) {
    for (size_t i = 0; i < n; ++i) {
      const TraceRecord& r = chunk[i];
      switch (r.kind) {
        case TraceRecord::kDecision:
          began = r.ns;
          ++v.decisions;
          if (const uint32_t number = replay.first_wrong(); number != 0) {
            if (v.wrong++ == 0) {
              v.error = "decision " + std::to_string(v.decisions) + ", XQueue " +
                        std::to_string(number) + ": not the policy's answer";
            }
          }
          break;
        case TraceRecord::kPublished:
          stored_sum += r.ns - began;
          for (const uint64_t edge : edges) {
            if (edge < r.ns) latencies.push_back(r.ns - edge);
          }
          edges.clear();
          break;
        default:
          if (r.kind == TraceRecord::kInput && r.ns != 0) edges.push_back(r.ns);
          replay.take(r);
      }
    }
  }
  std::sort(latencies.begin(), latencies.end());
  v.latencies = latencies.size();
  v.p50_us = at(latencies, 0.5);
  v.p99_us = at(latencies, 0.99);
  v.max_us = at(latencies, 1.0);
  if (v.decisions != 0) {
    v.decide_us = static_cast<double>(stored_sum) / static_cast<double>(v.decisions) / 1e3;
  }
  return v;
}

bool published_is_the_answer(const std::vector<SlotTable*>& tables, uint32_t xqueues) {
  std::string error;
  const std::unique_ptr<Policy> policy = make_policy("HPF", error);
  std::vector<PolicyInput> inputs;
  for (const SlotTable* table : tables) {
    for (uint32_t i = 0; i < xqueues; ++i) {
      PolicyInput in;
      in.gpu_id = table->slot[i].identity.gpu_id.load();
      in.priority = table->slot[i].identity.priority.load();
      in.level = table->slot[i].identity.level_actual.load();
      in.window = table->slot[i].identity.window_wanted.load();
      in.ready = table->slot[i].state.ready.load() != 0;
      inputs.push_back(in);
    }
  }
  std::vector<PolicyDecision> answers(inputs.size());
  policy->decide(inputs, answers);
  size_t n = 0;
  for (const SlotTable* table : tables) {
    for (uint32_t i = 0; i < xqueues; ++i) {
      const ControlLine& control = table->slot[i].control;
      const PolicyDecision& a = answers[n++];
      // suspended: the agent was woken, and has carried it out.
      if ((control.run.load() != 0) != a.run || control.window.load() != a.window ||
          control.guard.load() != a.guard || control.notify.load() != a.notify ||
          (table->slot[i].state.suspended.load() == 0) != a.run) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace xsched::load
