// SPDX-License-Identifier: Apache-2.0
//
// Vector memory accesses, after their addresses are known: global, LDS and
// private memory behind one interface.
#pragma once

#include "wave.h"

namespace xsim::isa {

struct LaneAddresses {
  alignas(64) u64 at[kLanes];
  u64 active = 0;   // lanes that access memory
  u64 local = 0;    // of those, the lanes whose address is in the LDS or private aperture
  u32 stride = 4;   // bytes between the dwords of one lane (256 in swizzled buffers)
};

// Address lanes of global_* and flat_* instructions: the address register is
// operand `address`; a scalar base, if the form has one, is operand `base`.
void global_addresses(const Wave& wave, const Inst& inst, int address, int base,
                      LaneAddresses& out);
void flat_addresses(const Wave& wave, const Inst& inst, int address, LaneAddresses& out);
// scratch_*: offsets into private memory, as addresses in the private aperture.
void scratch_addresses(const Wave& wave, const Inst& inst, int address, int base,
                       LaneAddresses& out);

// Reads `Bytes` a lane into ceil(Bytes / 4) rows (1 and 2 bytes zero-extended).
// Lanes that are not active keep what `rows` holds. False: faulted.
template <int Bytes>
bool read_lanes(Wave& wave, const Inst& inst, const LaneAddresses& lanes,
                u32 (*rows)[kLanes]);

// Writes `Bytes` a lane from rows.
template <int Bytes>
bool write_lanes(Wave& wave, const Inst& inst, const LaneAddresses& lanes,
                 const u32 (*rows)[kLanes]);

// Host memory for an atomic of one lane (4 or 8 bytes, checked and aligned), or
// null after a fault.
u8* atomic_pointer(Wave& wave, const Inst& inst, const LaneAddresses& lanes, int lane, u32 bytes);

// Private memory is interleaved by dwords over the lanes, as the hardware's is.
static inline u64 private_offset(int lane, u32 offset) {
  return static_cast<u64>(offset >> 2) * (4 * kLanes) + 4 * static_cast<u64>(lane) + (offset & 3);
}

}  // namespace xsim::isa
