// SPDX-License-Identifier: Apache-2.0
//
// PUP, process utilisation partition: the processes on a GPU take turns, all
// XQueues of one together; turns are one timeslice on average (5 ms unless the
// operator says otherwise), in proportion to the shares. What is left of a
// turn when a process gets idle, and the turns that it misses, are saved up,
// with decay.
//
// Definition: XpuOS/xsched, sched/README.md ("time slices with weights to each
// process"), sched/src/policy/pup.cpp (budgets, decay 0.9). There one process
// runs on all devices at a time; here GPUs are scheduled independently.
#include "builtin.h"
#include "partition.h"

namespace xsched {
namespace {

class Pup final : public Partition {
 public:
  Pup() : Partition(true, true) {}
  std::string_view name() const override { return "PUP"; }

 private:
  int64_t round(int64_t timeslice, size_t processes) const override {
    return timeslice * static_cast<int64_t>(processes);
  }
};

}  // namespace

std::unique_ptr<Policy> make_pup() {
  return std::make_unique<Pup>();
}

}  // namespace xsched
