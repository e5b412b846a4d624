// SPDX-License-Identifier: Apache-2.0
//
// The structures that a compute queue's command processor reads and writes, as
// the HSA runtime specification and ROCm's hsa.h, hsa_ext_amd.h, amd_hsa_queue.h
// and amd_hsa_signal.h lay them out. Own definitions, so that the device builds
// without ROCm; tests/unit/device compares them with ROCm's headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xsim::dev {

inline constexpr uint64_t kPacketBytes = 64;

enum PacketType : uint8_t {
  kPacketVendor = 0,
  kPacketInvalid = 1,
  kPacketDispatch = 2,
  kPacketBarrierAnd = 3,
  kPacketAgentDispatch = 4,  // not for a GPU
  kPacketBarrierOr = 5,
};

// hsa_amd_packet_type_t, the third byte of a vendor packet.
enum VendorFormat : uint8_t { kVendorPm4 = 1, kVendorBarrierValue = 2 };

struct DispatchPacket {
  uint16_t header, setup;
  uint16_t workgroup_x, workgroup_y, workgroup_z, reserved0;
  uint32_t grid_x, grid_y, grid_z;
  uint32_t private_bytes, group_bytes;
  uint64_t kernel_object, kernarg, reserved2, completion;
};

struct BarrierPacket {
  uint16_t header, reserved0;
  uint32_t reserved1;
  uint64_t dependency[5];
  uint64_t reserved2, completion;
};

struct BarrierValuePacket {
  uint16_t header;
  uint8_t format, reserved;
  uint32_t reserved0;
  uint64_t signal;
  int64_t value, mask;
  uint32_t condition;  // hsa_signal_condition32_t: eq, ne, lt, gte
  uint32_t reserved1;
  uint64_t reserved2, reserved3, completion;
};

// ROCr's AqlQueue::ExecutePM4.
struct Pm4Packet {
  uint16_t header, format;
  uint32_t jump[4];  // INDIRECT_BUFFER: header, address low, high, dwords
  uint32_t dwords_remaining;
  uint32_t reserved[8];
  uint64_t completion;
};

// amd_signal_t
struct Signal {
  int64_t kind;
  int64_t value;
  uint64_t mailbox;
  uint32_t event_id, reserved1;
  uint64_t start_ts, end_ts, queue;
  uint32_t reserved3[2];
};

static_assert(sizeof(DispatchPacket) == kPacketBytes && sizeof(BarrierPacket) == kPacketBytes);
static_assert(sizeof(BarrierValuePacket) == kPacketBytes && sizeof(Pm4Packet) == kPacketBytes);
static_assert(offsetof(DispatchPacket, completion) == 56 && sizeof(Signal) == 64);

// amd_queue_v2_t: KFD's write pointer is its write_dispatch_id.
inline constexpr size_t kAmdQueueWriteIndex = 56;
inline constexpr size_t kAmdQueueInactiveSignal = 192;
inline constexpr size_t kAmdQueueBytes = 256;

}  // namespace xsim::dev
