// SPDX-License-Identifier: Apache-2.0
//
// What a policy was asked and what it said, decision by decision, so that a
// checker can ask again. Of an XQueue only what has changed since the last
// decision is recorded.
#pragma once

#include <cstdint>

namespace xsched {

struct TraceRecord {
  enum Kind : uint8_t {
    kInput = 1,  // ns: when the edge was reported that `ready` came with, as the process says
    kGone = 2,   // the XQueue is no more
    kOutput = 3,
    kDecision = 4,   // ends the inputs, gone and outputs of one decision; ns: its time
    kPublished = 5,  // ns: when all of it could be seen
  };
  Kind kind;
  uint8_t ready;
  uint8_t level;
  uint8_t run;
  uint8_t notify;
  uint8_t guard;
  uint8_t reserved[2];
  uint32_t xqueue;  // a number of the arbiter's, never reused
  uint32_t gpu_id;
  int32_t priority;
  uint32_t window;
  uint64_t ns;
};
static_assert(sizeof(TraceRecord) == 32);

class DecisionTrace {
 public:
  virtual ~DecisionTrace() = default;
  virtual void put(const TraceRecord& record) = 0;
};

}  // namespace xsched
