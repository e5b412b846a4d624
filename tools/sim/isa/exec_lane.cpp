// SPDX-License-Identifier: Apache-2.0
//
// Vector instructions that look across lanes or between the two register
// files: readlane, mbcnt, accumulation register moves.

#include "families.h"
#include "scalar.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

void v_readfirstlane(Wave& wave, const Inst& inst) {
  const u64 exec = wave.exec();
  const int lane = exec != 0 ? __builtin_ctzll(exec) : 0;
  write32(wave, inst.op[0], read_lane(wave, inst.op[1], lane));
}

void v_readlane(Wave& wave, const Inst& inst) {
  const int lane = static_cast<int>(read32(wave, inst.op[2]) % kLanes);
  write32(wave, inst.op[0], read_lane(wave, inst.op[1], lane));
}

void v_writelane(Wave& wave, const Inst& inst) {
  const u32 lane = read32(wave, inst.op[2]) % kLanes;
  wave.v[inst.op[0].index][lane] = read32(wave, inst.op[1]);
}

// Counts the mask's bits below the lane, in the lower or the upper 32 lanes.
template <bool High>
void v_mbcnt(Wave& wave, const Inst& inst) {
  u32* result = wave.v[inst.op[0].index];
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    const u64 below = (1ull << l) - 1;
    const u32 mask = High ? high32(below) : low32(below);
    const u32 bits = read_lane(wave, inst.op[1], l) & mask;
    result[l] = static_cast<u32>(__builtin_popcount(bits)) + read_lane(wave, inst.op[2], l);
  }
}

void swap_rows(Wave& wave, const Inst& inst) {
  u32* a = wave.v[inst.op[0].index];
  u32* b = wave.v[inst.op[1].index];
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    const u32 keep = a[l];
    a[l] = b[l];
    b[l] = keep;
  }
}

void move_row(Wave& wave, const Inst& inst) {
  u32* to = wave.v[inst.op[0].index];
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    to[l] = read_lane(wave, inst.op[1], l);
  }
}

}  // namespace

void register_lane(Table& table) {
  table.add("v_readfirstlane_b32", v_readfirstlane, "SX");
  table.add("v_readlane_b32", v_readlane, "SXC");
  table.add("v_writelane_b32", v_writelane, "VCC");
  table.add("v_mbcnt_lo_u32_b32", v_mbcnt<false>, "VXX");
  table.add("v_mbcnt_hi_u32_b32", v_mbcnt<true>, "VXX");
  table.add("v_swap_b32", swap_rows, "VV");
  table.add("v_accvgpr_read_b32", move_row, "VX");
  table.add("v_accvgpr_write_b32", move_row, "VX");
  table.add("v_accvgpr_mov_b32", move_row, "VX");
  table.add("v_accvgpr_read", move_row, "VX");
  table.add("v_accvgpr_write", move_row, "VX");
}

}  // namespace xsim::isa
