// SPDX-License-Identifier: Apache-2.0
//
// UP, utilisation partition: the XQueues of a GPU take turns; each turn is the
// XQueue's share of one timeslice (5 ms unless the operator says otherwise).
// What is left of a turn when it gets idle is lost.
//
// Definition: XpuOS/xsched, sched/README.md ("time slices with weights to each
// xqueue"), sched/src/policy/up.cpp. There an XQueue without a hint never
// runs beside one that has one; here it has the default share, 100.
#include "builtin.h"
#include "partition.h"

namespace xsched {
namespace {

class Up final : public Partition {
 public:
  Up() : Partition(false, false) {}
  std::string_view name() const override { return "UP"; }

 private:
  int64_t round(int64_t timeslice, size_t) const override { return timeslice; }
};

}  // namespace

std::unique_ptr<Policy> make_up() {
  return std::make_unique<Up>();
}

}  // namespace xsched
