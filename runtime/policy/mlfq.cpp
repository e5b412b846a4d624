// SPDX-License-Identifier: Apache-2.0
//
// MLFQ, multi-level feedback queue: four levels; on each GPU a ready XQueue of
// the highest level runs, in turn within the level. New ones start at the top.
// One that has used up its level's allotment (10, 20, 40, 80 ms) goes down a
// level, however many turns it took; one that rests or waits goes up again.
//
// Definition: XpuOS/xsched, sched/README.md ("soft priority recovery for
// interactive tasks"), sched/src/policy/mlfq.cpp: levels, allotments, and the
// recovery: one level up when 100 ms have passed since the last change, where
// waiting counts for (1 - R), R = 0.9 / N, with N ready in the level. There R is 1 for
// N = 1 and one that waits alone in its level never rises; here R < 1 / N holds for
// every N. The rest as in Arpaci-Dusseau, Operating Systems: Three Easy
// Pieces, chapter 8.
#include <algorithm>
#include <bit>

#include "builtin.h"
#include "by_gpu.h"
#include "prepare.h"

namespace xsched {
namespace {

constexpr int64_t kLevels = 4;  // 0 is the highest
constexpr int64_t kRecovery = 100'000'000;
constexpr int64_t kGrain = 100'000;  // no timer closer than that

constexpr int64_t allotment(int64_t level) {
  return int64_t{10'000'000} << level;
}

struct Memory {
  int64_t level;
  int64_t used_ns;   // of the allotment
  int64_t rest_ns;   // towards recovery
  int64_t run_seen;  // run_ns that used_ns accounts for
  int64_t stamp;     // when it was decided last; 0: never seen
  int64_t place;     // in its level's line, the lowest first; the two lowest bits are flags
};
constexpr int64_t kReady = 1;
constexpr int64_t kOwner = 2;

int64_t line_end(int64_t now) {
  return now << 2;
}

class Mlfq final : public Policy {
 public:
  std::string_view name() const override { return "MLFQ"; }

  uint64_t decide(const PolicyContext& context, std::span<const PolicyInput> in,
                  std::span<PolicyDecision> out) override {
    by_gpu_.group(in);
    memory_.resize(in.size());
    const int64_t now = static_cast<int64_t>(context.now_ns);
    uint64_t next = kNever;
    for (size_t gpu = 0; gpu < by_gpu_.gpus(); ++gpu) {
      next = std::min(next, decide_gpu(now, by_gpu_.members(gpu), in, out));
    }
    return now == 0 ? kNever : next;
  }

 private:
  static constexpr uint32_t kNobody = ~0u;

  uint64_t decide_gpu(int64_t now, std::span<const uint32_t> members,
                      std::span<const PolicyInput> in, std::span<PolicyDecision> out) {
    update(now, members, in);
    const uint32_t owner = now == 0 ? kNobody : choose(members, in);
    const bool competition = members.size() > 1;
    bool somebody_waits = false;
    int64_t next = INT64_MAX;
    for (const uint32_t i : members) {
      Memory& m = memory_[i];
      out[i] = prepared(in[i], owner == kNobody || owner == i, competition, competition);
      m.place &= ~(kReady | kOwner);
      if (in[i].ready) m.place |= kReady;
      if (i == owner) m.place |= kOwner;
      m.stamp = now;
      out[i].memory.word = std::bit_cast<decltype(PolicyMemory::word)>(m);
      if (!in[i].ready || owner == kNobody) continue;
      if (i == owner) {
        next = std::min(next, allotment(m.level) - m.used_ns);
      } else {
        somebody_waits = true;
        if (m.level > 0) {
          next = std::min(next, (kRecovery - m.rest_ns) / waiting(1000, ready_[m.level]) * 1000);
        }
      }
    }
    if (!somebody_waits) return kNever;
    return static_cast<uint64_t>(now + std::max(kGrain, next));
  }

  // What `passed` counts for one of n that wait in a level.
  static int64_t waiting(int64_t passed, int64_t n) { return passed * (10 * n - 9) / (10 * n); }

  void update(int64_t now, std::span<const uint32_t> members, std::span<const PolicyInput> in) {
    ready_ = {};
    for (const uint32_t i : members) {
      Memory& m = memory_[i] = std::bit_cast<Memory>(in[i].memory.word);
      m.level = std::clamp<int64_t>(m.level, 0, kLevels - 1);
      if (in[i].ready) ++ready_[m.level];
    }
    for (const uint32_t i : members) {
      Memory& m = memory_[i];
      const int64_t run = static_cast<int64_t>(in[i].run_ns);
      if (m.stamp == 0) {
        m = {0, 0, 0, run, now, line_end(now)};
        continue;
      }
      const bool waited = (m.place & (kReady | kOwner)) == kReady;
      const int64_t passed = std::clamp<int64_t>(now - m.stamp, 0, 10 * kLevels * kRecovery);
      m.rest_ns += waited ? waiting(passed, std::max<int64_t>(ready_[m.level], 1)) : passed;
      m.used_ns += std::max<int64_t>(0, run - m.run_seen);
      m.run_seen = run;
      if (in[i].ready && (m.place & kReady) == 0) m.place = line_end(now);
      move(now, m);
    }
  }

  static void move(int64_t now, Memory& m) {
    if (m.used_ns >= allotment(m.level)) {
      while (m.level < kLevels - 1 && m.used_ns >= allotment(m.level)) {
        m.used_ns -= allotment(m.level);
        ++m.level;
      }
      m.used_ns = m.rest_ns = 0;
      m.place = line_end(now);  // also at the lowest level: its turn is over
    } else if (m.rest_ns >= kRecovery) {
      m.level = std::max<int64_t>(0, m.level - m.rest_ns / kRecovery);
      m.used_ns = m.rest_ns = 0;
    }
  }

  uint32_t choose(std::span<const uint32_t> members, std::span<const PolicyInput> in) {
    uint32_t best = kNobody;
    ready_ = {};
    for (const uint32_t i : members) {
      if (!in[i].ready) continue;
      ++ready_[memory_[i].level];
      if (best == kNobody || ahead(memory_[i], memory_[best])) best = i;
    }
    return best;
  }

  // line_end() clears the owner's flag, so it stands for a turn that lasts.
  static bool ahead(const Memory& a, const Memory& b) {
    if (a.level != b.level) return a.level < b.level;
    if ((a.place & kOwner) != (b.place & kOwner)) return (a.place & kOwner) != 0;
    return a.place < b.place;
  }

  ByGpu by_gpu_;
  std::vector<Memory> memory_;
  std::array<int64_t, kLevels> ready_{};  // how many in each level
};

}  // namespace

std::unique_ptr<Policy> make_mlfq() {
  return std::make_unique<Mlfq>();
}

}  // namespace xsched
