// SPDX-License-Identifier: Apache-2.0
//
// A modelled machine for properties of policies: discrete events in modelled
// time, seeded, no thread and no clock. XQueues get kernels, the policy is asked
// at the edges that it asked for and when it said, and what it decides takes
// effect late and by level: a window runs out (1), a kernel ends (2), or a save
// takes its time (3). Every cost is a parameter of the model, none a
// measurement.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/policy/budget.h"
#include "runtime/policy/gpu_time.h"
#include "runtime/policy/policy.h"
#include "runtime/xqueue/work_time.h"

namespace xsched::test {

constexpr uint64_t kUs = 1'000, kMs = 1'000'000, kSecond = 1'000'000'000;

struct Load {
  // What stays the same: GPU, priority, level, window, process, share, ...
  PolicyInput input{};
  uint64_t kernel_ns = 200 * kUs;
  bool vary = true;  // kernels take 50 % to 150 % of kernel_ns
  // 0: never idle. Else a request of `kernels` every period_ns, with
  // `random_arrivals` on average (exponential gaps).
  uint64_t period_ns = 0;
  uint32_t kernels = 1;
  bool random_arrivals = false;
  uint64_t born_ns = 0;
  // From then on (the model begins at kSecond) kernels take `grow` times as long.
  uint64_t grow_at_ns = kNever;
  double grow = 1;
};

struct Costs {
  uint64_t decision_ns = 20 * kUs;  // edge to effect
  uint64_t save_ns = 100 * kUs;     // level 3: the GPU does nothing else meanwhile
  uint64_t restore_ns = 50 * kUs;
};

struct Outcome {
  double work_ns = 0;  // kernel time done
  uint64_t requests = 0;
  uint64_t finished = 0;
  uint64_t longest_latency_ns = 0;
  uint64_t longest_wait_ns = 0;       // ready, and nothing of it ran
  uint64_t longest_inversion_ns = 0;  // it ran at a stretch while a superior was ready
  uint64_t suspends = 0;
  uint64_t saves = 0;    // of them, at level 3
  uint64_t overdue = 0;  // of the saves: the gate alone was tried first
  uint32_t window = 0;   // as decided last
};

class ModelGpu {
 public:
  ModelGpu(const std::string& policy, std::vector<Load> loads, uint32_t seed, Costs costs = {});
  ModelGpu(ModelGpu&&) = delete;

  PolicyContext context;  // timeslice, concurrency; the model sets the time
  // superior(a, b, now): a must not wait for b. Fills longest_inversion_ns.
  std::function<bool(const PolicyInput& a, const PolicyInput& b, uint64_t now)> superior;

  void run(uint64_t duration_ns);

  const Outcome& outcome(size_t i) const { return x_[i].outcome; }
  // Of the work done on that XQueue's GPU.
  double share(size_t i) const;
  double work_ns(uint32_t gpu_id) const;
  // Time in which something was ready on the GPU.
  double wanted_ns(uint32_t gpu_id) const;
  uint64_t decisions() const { return decisions_; }
  uint64_t now() const { return now_; }
  // Decisions for which the same snapshot gave another answer when asked again.
  uint64_t impure() const { return impure_; }

 private:
  enum class Phase { kOff, kOn, kSaving, kRestoring };
  struct XQueue {
    Load load;
    PolicyInput input;
    PolicyDecision decision;
    Phase phase = Phase::kOn;
    uint64_t phase_end = 0;
    bool saved = false;  // off with a kernel half done
    bool alive = false;
    std::deque<double> kernels;         // uncompleted; the first may be half done
    std::deque<uint64_t> request_ends;  // per kernel: when its request came, if it is the last
    size_t in_hardware = 0;
    size_t unguarded = 0;  // of those, without a barrier behind them
    uint64_t next_arrival = 0;
    uint64_t last_progress = 0;
    uint64_t inverted_since = 0;
    uint64_t patience_end = kNever;  // suspended by the gate alone until then
    WorkTime work;
    uint64_t retired = 0, mark = 0;
    GpuTime::Account time;
    Outcome outcome;
  };

  void arrive(XQueue& x);
  void add_kernel(XQueue& x, bool last);
  void refill(XQueue& x);
  void edge(XQueue& x, uint32_t bit);
  void decide();
  void ask_again(std::span<const PolicyInput> in, std::span<const PolicyDecision> out,
                 uint64_t next);
  void apply(XQueue& x, const PolicyDecision& d);
  void save(XQueue& x);
  void measure(XQueue& x);
  bool progresses(const XQueue& x) const;
  bool drains(const XQueue& x) const;
  uint64_t next_event() const;
  void advance(uint64_t to);
  void settle(XQueue& x);
  GpuTime& meter_now(uint32_t gpu_id);
  void meter(XQueue& x);
  void watch_inversions();
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  std::string policy_name_;
  std::unique_ptr<Policy> policy_;
  Budgets budgets_;
  Costs costs_;
  std::mt19937 random_;
  std::vector<XQueue> x_;
  std::map<uint32_t, GpuTime> meters_;
  std::map<uint32_t, uint32_t> running_;  // XQueues that progress, by GPU
  std::map<uint32_t, uint32_t> saving_;
  std::map<uint32_t, double> work_ns_;
  std::map<uint32_t, double> wanted_ns_;
  uint64_t now_ = kSecond;
  uint64_t decide_at_ = kNever;
  uint64_t timer_ = kNever;
  uint64_t decisions_ = 0;
  uint64_t impure_ = 0;
};

}  // namespace xsched::test
