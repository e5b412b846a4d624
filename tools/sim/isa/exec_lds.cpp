// SPDX-License-Identifier: Apache-2.0
//
// LDS reads and writes, and the lane exchanges that use the LDS crossbar
// (swizzle, permute). As on hardware, reads outside of the workgroup's LDS
// give 0 and writes there are dropped.

#include "families.h"
#include "load_store.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

u32 lds_address(const Wave& wave, const Inst& inst, int operand, int lane) {
  return wave.v[inst.op[operand].index][lane] + static_cast<u32>(inst.offset);
}

void read_lds(const Wave& wave, u32 address, void* out, u32 bytes) {
  const std::vector<u8>& lds = wave.group->lds;
  if (static_cast<u64>(address) + bytes <= lds.size()) {
    std::memcpy(out, lds.data() + address, bytes);
  } else {
    std::memset(out, 0, bytes);
  }
}

void write_lds(Wave& wave, u32 address, const void* from, u32 bytes) {
  std::vector<u8>& lds = wave.group->lds;
  if (static_cast<u64>(address) + bytes <= lds.size()) {
    std::memcpy(lds.data() + address, from, bytes);
  }
}

template <class F>
void for_lanes(u64 mask, F body) {
  for (; mask != 0; mask &= mask - 1) body(__builtin_ctzll(mask));
}

// The destination may be the address register: results go to `value` first.
template <int Bytes, Extend E>
void ds_read(Wave& wave, const Inst& inst) {
  const int first = inst.op[0].index;
  for_lanes(wave.exec(), [&](int l) {
    u32 value[(Bytes + 3) / 4] = {};
    read_lds(wave, lds_address(wave, inst, 1, l), value, Bytes);
    if constexpr (Bytes < 4) {
      wave.v[first][l] = extend<Bytes, E>(value[0], wave.v[first][l]);
    } else {
      for (int i = 0; i < Bytes / 4; ++i) wave.v[first + i][l] = value[i];
    }
  });
}

template <int Bytes, bool High>
void ds_write(Wave& wave, const Inst& inst) {
  const int first = inst.op[1].index;
  for_lanes(wave.exec(), [&](int l) {
    u32 value[(Bytes + 3) / 4];
    for (int i = 0; i < (Bytes + 3) / 4; ++i) value[i] = wave.v[first + i][l];
    if (High) value[0] >>= 16;
    write_lds(wave, lds_address(wave, inst, 0, l), value, Bytes);
  });
}

// Two values of N dwords; the offsets count elements (or 64 of them).
template <int N, int Scale>
void ds_read2(Wave& wave, const Inst& inst) {
  const int first = inst.op[0].index;
  const u32* address = wave.v[inst.op[1].index];
  for_lanes(wave.exec(), [&](int l) {
    u32 value[2][N];
    read_lds(wave, address[l] + static_cast<u32>(inst.offset) * 4 * N * Scale, value[0], 4 * N);
    read_lds(wave, address[l] + static_cast<u32>(inst.offset1) * 4 * N * Scale, value[1], 4 * N);
    for (int i = 0; i < N; ++i) {
      wave.v[first + i][l] = value[0][i];
      wave.v[first + N + i][l] = value[1][i];
    }
  });
}

template <int N, int Scale>
void ds_write2(Wave& wave, const Inst& inst) {
  const u32* address = wave.v[inst.op[0].index];
  const auto write = [&](int l, int operand, i32 offset) {
    u32 value[N];
    for (int i = 0; i < N; ++i) value[i] = wave.v[inst.op[operand].index + i][l];
    write_lds(wave, address[l] + static_cast<u32>(offset) * 4 * N * Scale, value, 4 * N);
  };
  for_lanes(wave.exec(), [&](int l) {
    write(l, 1, inst.offset);
    write(l, 2, inst.offset1);
  });
}

// M0's base + offset + 4 * lane.
void ds_read_addtid(Wave& wave, const Inst& inst) {
  for_lanes(wave.exec(), [&](int l) {
    const u32 address = wave.s[kM0] + static_cast<u32>(inst.offset) + 4 * static_cast<u32>(l);
    read_lds(wave, address, &wave.v[inst.op[0].index][l], 4);
  });
}
void ds_write_addtid(Wave& wave, const Inst& inst) {
  for_lanes(wave.exec(), [&](int l) {
    const u32 address = wave.s[kM0] + static_cast<u32>(inst.offset) + 4 * static_cast<u32>(l);
    write_lds(wave, address, &wave.v[inst.op[0].index][l], 4);
  });
}

void store_row(Wave& wave, int row, const u32* value) {
  for_lanes(wave.exec(), [&](int l) { wave.v[row][l] = value[l]; });
}

// Pull: lane i gets the value of the lane that its address names; a lane that
// is off gives 0.
void ds_bpermute(Wave& wave, const Inst& inst) {
  const u64 exec = wave.exec();
  const u32* data = wave.v[inst.op[2].index];
  u32 result[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    const u32 from = lds_address(wave, inst, 1, l) / 4 % kLanes;
    result[l] = exec >> from & 1 ? data[from] : 0;
  }
  store_row(wave, inst.op[0].index, result);
}

// Push: lane i's value goes to the lane that its address names; the highest
// lane wins, lanes that nobody names get 0.
void ds_permute(Wave& wave, const Inst& inst) {
  const u32* data = wave.v[inst.op[2].index];
  u32 result[kLanes] = {};
  for_lanes(wave.exec(),
            [&](int l) { result[lds_address(wave, inst, 1, l) / 4 % kLanes] = data[l]; });
  store_row(wave, inst.op[0].index, result);
}

int swizzle_source(u32 control, int lane) {
  if (control & 0x8000) return (lane & ~3) | static_cast<int>(control >> (2 * (lane & 3)) & 3);
  const int and_mask = static_cast<int>(control & 31);
  const int or_mask = static_cast<int>(control >> 5 & 31);
  const int xor_mask = static_cast<int>(control >> 10 & 31);
  return (lane & 32) | ((((lane & 31) & and_mask) | or_mask) ^ xor_mask);
}

void ds_swizzle(Wave& wave, const Inst& inst) {
  const u64 exec = wave.exec();
  const u32* data = wave.v[inst.op[1].index];
  u32 result[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    const int from = swizzle_source(static_cast<u32>(inst.offset), l);
    result[l] = exec >> from & 1 ? data[from] : 0;
  }
  store_row(wave, inst.op[0].index, result);
}

}  // namespace

void register_lds(Table& table) {
  table.add("ds_nop", [](Wave&, const Inst&) {}, "", kTextOnly);
  table.add("ds_read_b32", ds_read<4, Extend::kZero>, "VV");
  table.add("ds_read_b64", ds_read<8, Extend::kZero>, "V2V");
  table.add("ds_read_b96", ds_read<12, Extend::kZero>, "V3V");
  table.add("ds_read_b128", ds_read<16, Extend::kZero>, "V4V");
  table.add("ds_read_u8", ds_read<1, Extend::kZero>, "VV");
  table.add("ds_read_i8", ds_read<1, Extend::kSign>, "VV");
  table.add("ds_read_u16", ds_read<2, Extend::kZero>, "VV");
  table.add("ds_read_i16", ds_read<2, Extend::kSign>, "VV");
  table.add("ds_read_u8_d16", ds_read<1, Extend::kZeroLow>, "VV");
  table.add("ds_read_u8_d16_hi", ds_read<1, Extend::kZeroHigh>, "VV");
  table.add("ds_read_i8_d16", ds_read<1, Extend::kSignLow>, "VV");
  table.add("ds_read_i8_d16_hi", ds_read<1, Extend::kSignHigh>, "VV");
  table.add("ds_read_u16_d16", ds_read<2, Extend::kZeroLow>, "VV");
  table.add("ds_read_u16_d16_hi", ds_read<2, Extend::kZeroHigh>, "VV");
  table.add("ds_write_b8", ds_write<1, false>, "VV");
  table.add("ds_write_b16", ds_write<2, false>, "VV");
  table.add("ds_write_b8_d16_hi", ds_write<1, true>, "VV");
  table.add("ds_write_b16_d16_hi", ds_write<2, true>, "VV");
  table.add("ds_write_b32", ds_write<4, false>, "VV");
  table.add("ds_write_b64", ds_write<8, false>, "VV2");
  table.add("ds_write_b96", ds_write<12, false>, "VV3");
  table.add("ds_write_b128", ds_write<16, false>, "VV4");
  table.add("ds_read2_b32", ds_read2<1, 1>, "V2V");
  table.add("ds_read2_b64", ds_read2<2, 1>, "V4V");
  table.add("ds_read2st64_b32", ds_read2<1, 64>, "V2V");
  table.add("ds_read2st64_b64", ds_read2<2, 64>, "V4V");
  table.add("ds_write2_b32", ds_write2<1, 1>, "VVV");
  table.add("ds_write2_b64", ds_write2<2, 1>, "VV2V2");
  table.add("ds_write2st64_b32", ds_write2<1, 64>, "VVV");
  table.add("ds_write2st64_b64", ds_write2<2, 64>, "VV2V2");
  table.add("ds_read_addtid_b32", ds_read_addtid, "V");
  table.add("ds_write_addtid_b32", ds_write_addtid, "V");
  table.add("ds_bpermute_b32", ds_bpermute, "VVV");
  table.add("ds_permute_b32", ds_permute, "VVV");
  table.add("ds_swizzle_b32", ds_swizzle, "VV");
}

}  // namespace xsim::isa
