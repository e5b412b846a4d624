// SPDX-License-Identifier: Apache-2.0
//
// Engines: the ways to take a hardware queue off the GPU and put it back.
// Level 1 needs none (the gate itself), level 2 needs only signals (the gate's
// guard barriers); level 3 needs `kmod` (the module) or `kfd` (UPDATE_QUEUE by
// the process itself).
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
  // The highest level this engine reaches for `queue`, made ready for it;
  // `why` says, in one line, what stands against the next one.
  virtual uint32_t reaches(KfdQueue* queue, std::string& why) = 0;
  // Takes the hardware queue off the GPU, running waves saved; returns when it
  // holds. 0 or an errno value; EAGAIN: not now, again after retry_ns().
  // Thread-safe.
  virtual int suspend(KfdQueue& queue) noexcept = 0;
  virtual int resume(KfdQueue& queue) noexcept = 0;
  virtual uint64_t retry_ns() const noexcept { return 0; }

  // What a scheduler of another process may suspend the queue by; 0: nothing.
  virtual uint64_t handle(KfdQueue&) const noexcept { return 0; }
  // Takes that back: whoever suspended the queue through this engine, it runs.
  virtual void withdraw(KfdQueue&) noexcept {}
};

// What an XQueue was asked for, and what it got.
struct EngineDecision {
  Engine* engine = nullptr;  // never null
  uint32_t level = 1;        // actual
  std::string why;           // why not more, or not the engine named; else empty
  std::string kmod_why;      // why not engine kmod; empty if it is, or need not be
};

// Picks for one hardware queue, the best first: kmod, kfd, gate; levels 1 and 2
// are the gate's own. `queue` is null where no KFD queue was seen. `failed` is
// passed over, and what is better than it too.
EngineDecision choose_engine(EngineChoice choice, uint32_t wanted_level, KfdQueue* queue,
                             EngineKind failed = EngineKind::kNone);

}  // namespace xsched
