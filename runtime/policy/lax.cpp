// SPDX-License-Identifier: Apache-2.0
//
// LAX, laxity-based: an XQueue can wait for its laxity after it became ready,
// and has its lax priority meanwhile; from then on it has its critical one. By
// these priorities it is HPF. Without a laxity the priority counts.
//
// Definition: XpuOS/xsched, sched/README.md, sched/src/policy/lax.cpp (an idle
// XQueue has its lax priority).
#include "builtin.h"
#include "priority_first.h"

namespace xsched {
namespace {

struct Lax {
  static constexpr std::string_view name = "LAX";
  static uint32_t competition(const PolicyInput& x) { return x.gpu_id; }

  static int32_t priority(const PolicyContext& context, const PolicyInput& x) {
    if (x.laxity_ns < 0) return x.priority;
    return x.ready && context.now_ns >= due(x) ? x.critical_priority : x.lax_priority;
  }
  static int32_t highest(const PolicyInput& x) {
    return x.laxity_ns < 0 ? x.priority : std::max(x.lax_priority, x.critical_priority);
  }
  static int32_t lowest(const PolicyInput& x) {
    return x.laxity_ns < 0 ? x.priority : std::min(x.lax_priority, x.critical_priority);
  }
  static uint64_t until(const PolicyContext& context, const PolicyInput& x) {
    return x.laxity_ns >= 0 && context.now_ns < due(x) ? due(x) : kNever;
  }

 private:
  static uint64_t due(const PolicyInput& x) {
    const uint64_t laxity = static_cast<uint64_t>(x.laxity_ns);
    return laxity < kNever - x.ready_since_ns ? x.ready_since_ns + laxity : kNever;
  }
};

}  // namespace

std::unique_ptr<Policy> make_lax() {
  return std::make_unique<PriorityFirst<Lax>>();
}

}  // namespace xsched
