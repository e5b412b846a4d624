// SPDX-License-Identifier: Apache-2.0
//
// What follows from xschedd's record of an XQueue.
#pragma once

#include "sched/protocol.h"
#include "xqueue/slot.h"

namespace xsched {

inline const char* engine_of(const XQueueRecord& r) {
  return to_string(static_cast<EngineKind>(r.engine));
}

// Counters of different ages: a stage may be read after the one before it.
inline uint64_t depth_of(const XQueueRecord& r) {
  return r.submitted > r.moved ? r.submitted - r.moved : 0;
}
inline uint64_t in_flight_of(const XQueueRecord& r) {
  return r.moved > r.retired ? r.moved - r.retired : 0;
}

}  // namespace xsched
