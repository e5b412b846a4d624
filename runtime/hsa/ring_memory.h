// SPDX-License-Identifier: Apache-2.0
//
// Memory for proxy rings. Only the gate reads it, never a GPU, so it is the
// process's own and takes pages as it is written: most streams of a program
// that makes many never fill a ring of 1 MiB.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../gate/packet.h"

namespace xsched {

class RingMemory {
 public:
  RingMemory() = default;
  ~RingMemory() { reset(); }
  RingMemory(RingMemory&& other) noexcept { *this = static_cast<RingMemory&&>(other); }
  RingMemory& operator=(RingMemory&& other) noexcept;

  // Every packet is INVALID, as HSA has it for a new queue. Empty if there is
  // no memory.
  static RingMemory allocate(uint64_t packets) noexcept;

  Packet* get() const noexcept { return base_; }
  explicit operator bool() const noexcept { return base_ != nullptr; }
  void reset() noexcept;

 private:
  Packet* base_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace xsched
