// SPDX-License-Identifier: Apache-2.0
//
// CHPF, CPU highest priority first: HPF with the priority that the process has
// on the CPU (nice value or real-time priority), so that `nice` and `chrt` are
// all an operator needs. XSched's own priorities are not looked at.
//
// Definition: XpuOS/xsched, sched/README.md, sched/src/policy/chpf.cpp, which
// reads /proc/PID/sched in the policy; here the caller reads, a policy does no
// I/O. There a real-time process's number is taken as it stands in that file,
// where lower is more urgent; here higher is more urgent throughout.
#include "builtin.h"
#include "priority_first.h"

namespace xsched {
namespace {

struct Chpf : ConstantPriority<Chpf> {
  static constexpr std::string_view name = "CHPF";
  static constexpr bool by_gpu_alone = true;
  static constexpr bool cpu = true;
  static uint32_t competition(const PolicyInput& x) { return x.gpu_id; }
  static int32_t priority(const PolicyContext&, const PolicyInput& x) { return x.cpu_priority; }
};

}  // namespace

std::unique_ptr<Policy> make_chpf() {
  return std::make_unique<PriorityFirst<Chpf>>();
}

}  // namespace xsched
