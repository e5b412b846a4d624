// SPDX-License-Identifier: Apache-2.0
//
// CFS, completely fair: on each GPU the ready XQueue runs that has the least
// virtual time, which is GPU time used x 1024 / weight. A step of priority is
// a factor of 1.2 in weight.
//
// Definition: XpuOS/xsched, sched/README.md ("Linux-like CFS using vruntime
// and weights"), sched/src/policy/cfs.cpp: base weight 1024, factor 1.2,
// slices of 1 ms, a new XQueue starts at the least virtual time. From Linux
// (Documentation/scheduler/sched-design-CFS.rst, kernel/sched/fair.c): one that
// wakes is moved up to that time as well, less one slice, so that sleeping
// saves up nothing. Ours: weights stop at 24 steps, where their ratio (6,300)
// is about that of Linux's nice values, so that nobody starves.
#include <algorithm>
#include <bit>

#include "builtin.h"
#include "by_gpu.h"
#include "prepare.h"

namespace xsched {
namespace {

constexpr int64_t kSlice = 1'000'000;
constexpr int32_t kMaxSteps = 24;

// Virtual nanoseconds of a nanosecond, in 1/1024: 1024 * 1.2^-steps.
constexpr auto kRates = [] {
  std::array<int64_t, 2 * kMaxSteps + 1> rates{};
  double rate = 1024;
  for (int i = 0; i < kMaxSteps; ++i) rate *= 1.2;
  for (int64_t& r : rates) {
    r = static_cast<int64_t>(rate + 0.5);
    rate /= 1.2;
  }
  return rates;
}();

struct Memory {
  int64_t virtual_ns;
  int64_t remainder;   // of virtual_ns, in 1/1024 ns
  int64_t run_seen;    // run_ns that virtual_ns includes
  int64_t gpu_ns;      // the least virtual time on its GPU, never falls
  int64_t turn_start;  // run_ns when its turn began
  int64_t flags;
};
constexpr int64_t kKnown = 1;
constexpr int64_t kReady = 2;
constexpr int64_t kOwner = 4;

class Cfs final : public Policy {
 public:
  std::string_view name() const override { return "CFS"; }

  uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) override {
    by_gpu_.group(in);
    memory_.resize(in.size());
    uint64_t next = kNever;
    for (size_t gpu = 0; gpu < by_gpu_.gpus(); ++gpu) {
      next = std::min(next, decide_gpu(context, by_gpu_.members(gpu), in, out));
    }
    return next;
  }

 private:
  static int64_t rate(int32_t priority) {
    return kRates[static_cast<size_t>(std::clamp(priority, -kMaxSteps, kMaxSteps) + kMaxSteps)];
  }

  static bool turn_lasts(const Memory& m, int64_t slice) {
    return m.run_seen - m.turn_start < slice - kGrain;
  }

  uint64_t decide_gpu(const PolicyContext& context, std::span<const uint32_t> members,
                      std::span<const PolicyInput> in, std::span<PolicyDecision> out) {
    const int64_t slice =
        context.timeslice_ns != 0 ? static_cast<int64_t>(context.timeslice_ns) : kSlice;
    charge(members, in);
    place(slice, members, in);
    const uint32_t chosen = choose(slice, members, in);
    const bool competition = members.size() > 1;
    size_t waiting = 0;
    for (const uint32_t i : members) {
      Memory& m = memory_[i];
      const bool run = chosen == kNobody || chosen == i || context.now_ns == 0;
      waiting += in[i].ready && i != chosen;
      if (i == chosen && ((m.flags & kOwner) == 0 || !turn_lasts(m, slice))) {
        m.turn_start = m.run_seen;
      }
      m.flags = kKnown | (in[i].ready ? kReady : 0) | (i == chosen ? kOwner : 0);
      out[i] = prepared(in[i], run, competition, competition);
      out[i].memory.word = std::bit_cast<decltype(PolicyMemory::word)>(m);
    }
    if (waiting == 0 || context.now_ns == 0) return kNever;
    const Memory& m = memory_[chosen];
    return context.now_ns +
           static_cast<uint64_t>(std::max(kGrain, slice - (m.run_seen - m.turn_start)));
  }

  void charge(std::span<const uint32_t> members, std::span<const PolicyInput> in) {
    gpu_ns_ = 0;
    for (const uint32_t i : members) {
      Memory& m = memory_[i] = std::bit_cast<Memory>(in[i].memory.word);
      const int64_t run = static_cast<int64_t>(in[i].run_ns);
      if ((m.flags & kKnown) == 0) m.run_seen = run;
      const int64_t used = std::clamp<int64_t>(run - m.run_seen, 0, kLongest);
      const int64_t charged = used * rate(in[i].priority) + m.remainder;
      m.virtual_ns += charged / 1024;
      m.remainder = charged % 1024;
      m.run_seen = run;
      gpu_ns_ = std::max(gpu_ns_, m.gpu_ns);
    }
  }

  // New ones and those that wake start no further back than the GPU is.
  void place(int64_t slice, std::span<const uint32_t> members, std::span<const PolicyInput> in) {
    int64_t least = INT64_MAX;
    for (const uint32_t i : members) {
      if (in[i].ready && (memory_[i].flags & kReady) != 0) {
        least = std::min(least, memory_[i].virtual_ns);
      }
    }
    if (least != INT64_MAX) gpu_ns_ = std::max(gpu_ns_, least);
    for (const uint32_t i : members) {
      Memory& m = memory_[i];
      if ((m.flags & kKnown) == 0) {
        m.virtual_ns = gpu_ns_;
      } else if (in[i].ready && (m.flags & kReady) == 0) {
        m.virtual_ns = std::max(m.virtual_ns, gpu_ns_ - slice);
      }
      m.gpu_ns = gpu_ns_;
    }
  }

  uint32_t choose(int64_t slice, std::span<const uint32_t> members,
                  std::span<const PolicyInput> in) const {
    uint32_t least = kNobody, owner = kNobody;
    for (const uint32_t i : members) {
      if (!in[i].ready) continue;
      if (least == kNobody || memory_[i].virtual_ns < memory_[least].virtual_ns) least = i;
      if ((memory_[i].flags & kOwner) != 0) owner = i;
    }
    if (owner == kNobody) return least;
    // A switch costs, so the slice is played out unless the owner is ahead by
    // more than that.
    const Memory& m = memory_[owner];
    return turn_lasts(m, slice) && m.virtual_ns - memory_[least].virtual_ns <= slice ? owner
                                                                                     : least;
  }

  static constexpr uint32_t kNobody = ~0u;
  static constexpr int64_t kGrain = 10'000;              // no timer closer than that
  static constexpr int64_t kLongest = int64_t{1} << 45;  // 9 h between two decisions: no overflow
  ByGpu by_gpu_;
  std::vector<Memory> memory_;
  int64_t gpu_ns_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_cfs() {
  return std::make_unique<Cfs>();
}

}  // namespace xsched
