// SPDX-License-Identifier: Apache-2.0
//
// HHPF, heterogeneous highest priority first: HPF over the whole machine. A
// ready XQueue suspends those of lower priority on every GPU, for work whose
// stages go from device to device.
//
// Definition: XpuOS/xsched, sched/README.md, sched/src/policy/hhpf.cpp (the
// highest ready priority is taken over all devices, not for each).
#include "builtin.h"
#include "priority_first.h"

namespace xsched {
namespace {

struct Hhpf : ConstantPriority<Hhpf> {
  static constexpr std::string_view name = "HHPF";
  static uint32_t competition(const PolicyInput&) { return 0; }
  static int32_t priority(const PolicyContext&, const PolicyInput& x) { return x.priority; }
};

}  // namespace

std::unique_ptr<Policy> make_hhpf() {
  return std::make_unique<PriorityFirst<Hhpf>>();
}

}  // namespace xsched
