// SPDX-License-Identifier: Apache-2.0
//
// AWF, active window first: while a process that somebody looks at is ready,
// only such processes run, on every GPU; else all run.
//
// Definition: XpuOS/xsched, sched/README.md, sched/src/policy/awf.cpp. Which
// process is active (one a display there) is the caller's to know.
#include "builtin.h"
#include "priority_first.h"

namespace xsched {
namespace {

struct Awf : ConstantPriority<Awf> {
  static constexpr std::string_view name = "AWF";
  static uint32_t competition(const PolicyInput&) { return 0; }
  static int32_t priority(const PolicyContext&, const PolicyInput& x) { return x.active ? 1 : 0; }
};

}  // namespace

std::unique_ptr<Policy> make_awf() {
  return std::make_unique<PriorityFirst<Awf>>();
}

}  // namespace xsched
