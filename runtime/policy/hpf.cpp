// SPDX-License-Identifier: Apache-2.0
//
// HPF, highest priority first: on each GPU only the XQueues run whose
// priority is at least the highest among the ready ones.
//
// Definition: XSched (Shen et al., OSDI '25) and its repository XpuOS/xsched,
// sched/README.md, sched/src/policy/hpf.cpp.
#include "builtin.h"
#include "priority_first.h"

namespace xsched {
namespace {

struct Hpf : ConstantPriority<Hpf> {
  static constexpr std::string_view name = "HPF";
  static constexpr bool by_gpu_alone = true;
  static uint32_t competition(const PolicyInput& x) { return x.gpu_id; }
  static int32_t priority(const PolicyContext&, const PolicyInput& x) { return x.priority; }
};

}  // namespace

std::unique_ptr<Policy> make_hpf() {
  return std::make_unique<PriorityFirst<Hpf>>();
}

}  // namespace xsched
