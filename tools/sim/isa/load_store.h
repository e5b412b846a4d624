// SPDX-License-Identifier: Apache-2.0
//
// From checked lane accesses to registers: sign extension, halves, LDS.
// Shared by global, flat, scratch and buffer instructions.
#pragma once

#include "access.h"

namespace xsim::isa {

// Where a sub-dword value goes: the whole register, or one half of it (d16)
// with the other half kept.
enum class Extend { kZero, kSign, kZeroLow, kSignLow, kZeroHigh, kSignHigh };

template <int Bytes, Extend E>
u32 extend(u32 value, u32 old) {
  constexpr bool is_signed =
      E == Extend::kSign || E == Extend::kSignLow || E == Extend::kSignHigh;
  if constexpr (is_signed && Bytes < 4) value = static_cast<u32>(sign_extend(value, Bytes * 8));
  if constexpr (E == Extend::kZeroLow || E == Extend::kSignLow) {
    return (old & 0xffff0000u) | (value & 0xffffu);
  }
  if constexpr (E == Extend::kZeroHigh || E == Extend::kSignHigh) {
    return (old & 0xffffu) | value << 16;
  }
  return value;
}

template <int Bytes, Extend E>
void load_registers(Wave& wave, const Inst& inst, const LaneAddresses& lanes, int first) {
  if constexpr (E == Extend::kZero) {
    // Rows hold exactly what is read, and lanes that are off keep theirs.
    read_lanes<Bytes>(wave, inst, lanes, &wave.v[first]);
  } else {
    alignas(64) u32 loaded[1][kLanes];
    if (!read_lanes<Bytes>(wave, inst, lanes, loaded)) return;
    u32* row = wave.v[first];
    for (u64 left = lanes.active; left != 0; left &= left - 1) {
      const int l = __builtin_ctzll(left);
      row[l] = extend<Bytes, E>(loaded[0][l], row[l]);
    }
  }
}

template <int Bytes, bool High>
void store_registers(Wave& wave, const Inst& inst, const LaneAddresses& lanes, int first) {
  if constexpr (High) {
    alignas(64) u32 upper[1][kLanes];
    for (int l = 0; l < kLanes; ++l) upper[0][l] = wave.v[first][l] >> 16;
    write_lanes<Bytes>(wave, inst, lanes, upper);
  } else {
    write_lanes<Bytes>(wave, inst, lanes, &wave.v[first]);
  }
}

// The LDS address is M0[15:0] + the instruction's offset + 4 * lane; inactive
// lanes leave their slot alone.
template <int Bytes, Extend E>
void load_to_lds(Wave& wave, const Inst& inst, const LaneAddresses& lanes) {
  alignas(64) u32 loaded[1][kLanes];
  if (!read_lanes<Bytes>(wave, inst, lanes, loaded)) return;
  std::vector<u8>& lds = wave.group->lds;
  const u64 base = (wave.s[kM0] & 0xffff) + static_cast<u64>(static_cast<u32>(inst.offset));
  for (u64 left = lanes.active; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    const u32 value = extend<Bytes, E>(loaded[0][l], 0);
    const u64 at = base + 4 * static_cast<u64>(l);
    if (at + 4 <= lds.size()) std::memcpy(&lds[at], &value, 4);
  }
}

}  // namespace xsim::isa
