// SPDX-License-Identifier: Apache-2.0
//
// Engines: the ways to take a hardware queue off the GPU and put it back.
// Level 1 needs none (the gate itself), level 2 needs only signals (the gate's
// guard barriers); level 3 needs one of these.
#pragma once

#include <cstdint>
#include <string>

#include "../base/config.h"
#include "../hsa/kfd_queues.h"
#include "../xqueue/slot.h"

namespace xsched {

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineKind kind() const noexcept = 0;
  // The highest level this engine reaches for `queue`; `why` says, in one
  // line, what stands against the next one.
  virtual uint32_t reaches(const KfdQueue* queue, std::string& why) const = 0;
  // Takes the hardware queue off the GPU, running waves saved; returns when it
  // holds. 0 or an errno value. Thread-safe.
  virtual int suspend(KfdQueue& queue) noexcept = 0;
  virtual int resume(KfdQueue& queue) noexcept = 0;
};

// What an XQueue was asked for, and what it got.
struct EngineDecision {
  Engine* engine = nullptr;  // never null
  uint32_t level = 1;        // actual
  std::string why;           // why not more; empty if level == wanted
};

// Picks for one hardware queue. `queue` is null where no KFD queue was seen.
EngineDecision choose_engine(EngineChoice choice, uint32_t wanted_level, const KfdQueue* queue);

const char* to_string(EngineKind kind) noexcept;

}  // namespace xsched
