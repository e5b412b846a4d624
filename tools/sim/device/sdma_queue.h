// SPDX-License-Identifier: Apache-2.0
//
// An SDMA queue: copies, fills and the little synchronisation that ROCr puts
// around them (amd_blit_sdma.cpp; packet formats in its sdma_registers.h).
//
// Ring, read pointer and doorbell count bytes and only grow. Packets are not
// timed: a copy takes what memcpy takes. An SDMA queue can be preempted
// between packets and between pieces of a large copy.
#pragma once

#include "queue.h"

namespace xsim::dev {

class SdmaQueue final : public Queue {
 public:
  SdmaQueue(Process& process, const QueueParams& params, const SlotRef& slot);

 private:
  bool pending() const override;
  void drain() override;
  uint32_t store_error(ErrorCode) override { return 0; }  // an SDMA queue has no error signal

  uint32_t dword(uint32_t i) const {
    return __atomic_load_n(reinterpret_cast<const uint32_t*>(
                               params().ring + ((read_ + i * 4ull) & (params().ring_bytes - 1))),
                           __ATOMIC_RELAXED);
  }
  uint64_t qword(uint32_t i) const { return dword(i) | static_cast<uint64_t>(dword(i + 1)) << 32; }

  // One packet; its dwords, 0 if the queue is gone.
  uint32_t execute();
  bool copy_linear();
  bool copy_rect();
  bool fence();
  bool trap();
  bool poll();
  bool atomic();
  bool fill();
  bool write();
  bool timestamp();
  // Copies in pieces. False if the queue is gone.
  bool move(uint64_t to, uint64_t from, uint64_t bytes);
  bool check(uint64_t address, uint64_t bytes, bool write, const char* role,
             uint64_t alignment = 1);
  bool illegal(const std::string& what, isa::FaultKind kind, uint64_t address);

  std::atomic<uint64_t> read_{0};  // bytes; written by the queue's thread only
};

}  // namespace xsim::dev
