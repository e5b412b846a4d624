// SPDX-License-Identifier: Apache-2.0
//
// KEDF, k earliest deadlines first: on each GPU the k ready XQueues with the
// earliest deadlines run; with k = 1 it is EDF. A deadline counts from when
// the XQueue became ready, so an XQueue that never gets idle has only one.
//
// Definition: XpuOS/xsched, sched/README.md, sched/src/policy/kedf.cpp, where
// the k are taken over all devices; here GPUs are scheduled independently.
// There an XQueue without a deadline ranks with the idle ones; here any ready
// one comes first, and equal deadlines go by priority.
#include <algorithm>

#include "builtin.h"
#include "by_gpu.h"
#include "prepare.h"

namespace xsched {
namespace {

class Kedf final : public Policy {
 public:
  std::string_view name() const override { return "KEDF"; }

  bool goes_before(const PolicyInput& y, const PolicyInput& x) const override {
    return y.deadline_ns >= 0 && (x.deadline_ns < 0 || y.deadline_ns < x.deadline_ns);
  }

  uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) override {
    by_gpu_.group(in);
    ready_.reserve(in.size());
    for (size_t gpu = 0; gpu < by_gpu_.gpus(); ++gpu) {
      decide_gpu(std::max(context.concurrency, 1u), by_gpu_.members(gpu), in, out);
    }
    return kNever;  // the order changes only at edges
  }

 private:
  static uint64_t deadline(const PolicyInput& x) {
    if (x.deadline_ns < 0) return kNever;
    const uint64_t after = static_cast<uint64_t>(x.deadline_ns);
    return after < kNever - x.ready_since_ns ? x.ready_since_ns + after : kNever;
  }

  static bool earlier(std::span<const PolicyInput> in, uint32_t a, uint32_t b) {
    const uint64_t deadline_a = deadline(in[a]), deadline_b = deadline(in[b]);
    if (deadline_a != deadline_b) return deadline_a < deadline_b;
    if (in[a].priority != in[b].priority) return in[a].priority > in[b].priority;
    if (in[a].ready_since_ns != in[b].ready_since_ns) {
      return in[a].ready_since_ns < in[b].ready_since_ns;
    }
    return a < b;
  }

  void decide_gpu(uint32_t k, std::span<const uint32_t> members, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) {
    ready_.clear();
    for (const uint32_t i : members) {
      if (in[i].ready) ready_.push_back(i);
    }
    const bool crowded = members.size() > k;
    // While a place is free, an idle XQueue is left open: it may take it. With
    // all taken it is closed, so that nothing slips in beside the k.
    const bool idle_run = ready_.size() < k;
    for (const uint32_t i : members) out[i] = prepared(in[i], idle_run, crowded, crowded);
    if (idle_run) return;  // then every ready one runs too
    std::nth_element(ready_.begin(), ready_.begin() + (k - 1), ready_.end(),
                     [&](uint32_t a, uint32_t b) { return earlier(in, a, b); });
    for (uint32_t n = 0; n < k; ++n) out[ready_[n]].run = true;
  }

  ByGpu by_gpu_;
  std::vector<uint32_t> ready_;
};

}  // namespace

std::unique_ptr<Policy> make_kedf() {
  return std::make_unique<Kedf>();
}

}  // namespace xsched
