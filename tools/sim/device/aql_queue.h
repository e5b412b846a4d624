// SPDX-License-Identifier: Apache-2.0
//
// A compute queue: the command processor that reads AQL packets.
//
// Packets are executed one after the other, each complete (completion signal
// and all) before the next begins, whatever its barrier bit says. The HSA
// specification allows that; hardware overlaps packets without the bit.
#pragma once

#include "aql_packets.h"
#include "queue.h"

namespace xsim::dev {

class AqlQueue final : public Queue {
 public:
  AqlQueue(Process& process, const QueueParams& params, const SlotRef& slot);

 private:
  bool pending() const override;
  void drain() override;
  uint32_t store_error(ErrorCode code) override;

  uint8_t* packet(uint64_t index) const {
    return params().ring + (index * kPacketBytes & (params().ring_bytes - 1));
  }
  // One packet. False if the queue is gone.
  bool execute(uint64_t index, uint16_t header);
  bool barrier(const BarrierPacket& p, bool all);
  bool barrier_value(const BarrierValuePacket& p);
  bool pm4(const Pm4Packet& p);
  bool dispatch(const DispatchPacket& p, uint64_t index);
  bool check_signal(uint64_t handle, const char* role);
  void complete(uint64_t handle, uint64_t begin_ticks);
  // fail() with a line that names the packet; returns false.
  bool illegal(ErrorCode code, const std::string& what,
               isa::FaultKind kind = isa::FaultKind::kBadDispatch);

  uint64_t read_ = 0;  // next packet
  // The doorbell value last acted on. A doorbell that has changed since means
  // work: producers may ring out of order, so its size says little.
  std::atomic<uint64_t> seen_doorbell_{~0ull};
};

}  // namespace xsim::dev
