// SPDX-License-Identifier: Apache-2.0
//
// HPF, highest priority first: on each GPU only the XQueues run whose
// priority is at least the highest among the ready ones.
#include <algorithm>

#include "../xqueue/slot.h"
#include "builtin.h"

namespace xsched {
namespace {

// What HPF needs to know of one GPU.
struct Gpu {
  uint32_t id;
  int32_t highest;  // over all XQueues
  int32_t lowest;   // over all XQueues
  bool any_ready;
  int32_t highest_ready;  // over the ready ones, if any
};

class Hpf final : public Policy {
 public:
  std::string_view name() const override { return "HPF"; }

  void decide(std::span<const PolicyInput> in, std::span<PolicyDecision> out) override {
    gpus_.clear();  // keeps its capacity
    for (const PolicyInput& x : in) {
      Gpu& gpu = find(x);
      gpu.highest = std::max(gpu.highest, x.priority);
      gpu.lowest = std::min(gpu.lowest, x.priority);
      if (x.ready) {
        gpu.highest_ready = gpu.any_ready ? std::max(gpu.highest_ready, x.priority) : x.priority;
        gpu.any_ready = true;
      }
    }
    for (size_t i = 0; i < in.size(); ++i) out[i] = decide_one(in[i], find(in[i]));
  }

 private:
  static PolicyDecision decide_one(const PolicyInput& x, const Gpu& gpu) {
    PolicyDecision d;
    // Not only the ready ones: an idle XQueue left open could slip packets in
    // between the urgent one's next packet and the edge that reports it.
    d.run = !gpu.any_ready || x.priority >= gpu.highest_ready;
    const bool has_superior = gpu.highest > x.priority;
    // Level 3 can take running work off the GPU, so it needs no bound. The
    // weaker levels prepare for the suspend while they run: level 1 keeps few
    // packets in the hardware queue, level 2 a gate barrier behind each.
    if (has_superior && x.level == 1) d.window = x.window;
    if (has_superior && x.level == 2) d.guard = 1;
    // Edges cost; only an XQueue that somebody must yield to reports them.
    d.notify = gpu.lowest < x.priority ? kNotifyReady | kNotifyIdle : 0;
    return d;
  }

  // Machines have a handful of GPUs and neighbours mostly share one, so a
  // linear search that starts at the last hit beats a map, and never allocates.
  Gpu& find(const PolicyInput& x) {
    if (last_ < gpus_.size() && gpus_[last_].id == x.gpu_id) return gpus_[last_];
    for (last_ = 0; last_ < gpus_.size(); ++last_) {
      if (gpus_[last_].id == x.gpu_id) return gpus_[last_];
    }
    return gpus_.emplace_back(Gpu{x.gpu_id, x.priority, x.priority, false, 0});
  }

  std::vector<Gpu> gpus_;
  size_t last_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_hpf() {
  return std::make_unique<Hpf>();
}

}  // namespace xsched
