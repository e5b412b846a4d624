// SPDX-License-Identifier: Apache-2.0
//
// What every policy does the same way once it knows who runs.
#pragma once

#include "../xqueue/slot.h"
#include "policy.h"

namespace xsched {

// `can_be_suspended`: somebody may make it yield. Level 3 can take running work
// off the GPU, so it needs no bound. The weaker levels prepare for the suspend
// while they run: level 1 keeps few packets in the hardware queue, level 2 a
// gate barrier behind each.
// `somebody_waits`: its edges change what others may do. Edges cost; only such
// an XQueue reports them.
inline PolicyDecision prepared(const PolicyInput& x, bool run, bool can_be_suspended,
                               bool somebody_waits) {
  PolicyDecision d;
  d.run = run;
  if (can_be_suspended && x.level == 1) d.window = x.window;
  if (can_be_suspended && x.level == 2) d.guard = 1;
  d.notify = somebody_waits ? kNotifyReady | kNotifyIdle : 0;
  return d;
}

}  // namespace xsched
