// SPDX-License-Identifier: Apache-2.0
//
// LDS atomics. One thread runs a workgroup, so plain reads and writes do.

#include "atomic_ops.h"
#include "families.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

template <class T>
T data_of(const Wave& wave, int row, int lane) {
  if constexpr (sizeof(T) == 8) {
    return pair(wave.v[row][lane], wave.v[row + 1][lane]);
  } else {
    return wave.v[row][lane];
  }
}

template <class T>
void set_result(Wave& wave, int row, int lane, T value) {
  wave.v[row][lane] = static_cast<u32>(value);
  if constexpr (sizeof(T) == 8) wave.v[row + 1][lane] = high32(value);
}

// Address, data registers; with Rtn a destination in front of them.
// new_value(old, lane, first data operand) -> stored value.
template <class T, bool Rtn, class NewValue>
void for_each_lane(Wave& wave, const Inst& inst, NewValue new_value) {
  constexpr int kAddress = Rtn ? 1 : 0;
  std::vector<u8>& lds = wave.group->lds;
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    const u32 address = wave.v[inst.op[kAddress].index][l] + static_cast<u32>(inst.offset);
    T old = 0;
    const bool inside = static_cast<u64>(address) + sizeof(T) <= lds.size();
    if (inside) std::memcpy(&old, &lds[address], sizeof old);
    const T value = new_value(old, l, kAddress + 1);
    if (inside) std::memcpy(&lds[address], &value, sizeof value);
    if (Rtn) set_result<T>(wave, inst.op[0].index, l, old);
  }
}

template <class T, bool Rtn, T (*Op)(T, T)>
void ds_atomic(Wave& wave, const Inst& inst) {
  for_each_lane<T, Rtn>(wave, inst, [&](T old, int l, int k) {
    return Op(old, data_of<T>(wave, inst.op[k].index, l));
  });
}

// First data register: value to compare with, second: new value.
template <class T, bool Rtn>
void ds_compare_store(Wave& wave, const Inst& inst) {
  for_each_lane<T, Rtn>(wave, inst, [&](T old, int l, int k) {
    const T expected = data_of<T>(wave, inst.op[k].index, l);
    return old == expected ? data_of<T>(wave, inst.op[k + 1].index, l) : old;
  });
}

template <class T, bool Rtn>
void ds_compare_store_float(Wave& wave, const Inst& inst) {
  for_each_lane<T, Rtn>(wave, inst, [&](T old, int l, int k) {
    const T expected = data_of<T>(wave, inst.op[k].index, l);
    bool equal;
    if constexpr (sizeof(T) == 8) {
      equal = as_double(old) == as_double(expected);
    } else {
      equal = as_float(old) == as_float(expected);
    }
    return equal ? data_of<T>(wave, inst.op[k + 1].index, l) : old;
  });
}

// old & ~mask | value
template <class T, bool Rtn>
void ds_mask_or(Wave& wave, const Inst& inst) {
  for_each_lane<T, Rtn>(wave, inst, [&](T old, int l, int k) {
    const T mask = data_of<T>(wave, inst.op[k].index, l);
    return (old & ~mask) | data_of<T>(wave, inst.op[k + 1].index, l);
  });
}

// Exchange of two values at once, addressed as ds_write2 does.
template <class T, int Scale>
void ds_exchange2(Wave& wave, const Inst& inst) {
  std::vector<u8>& lds = wave.group->lds;
  constexpr int kRegisters = sizeof(T) / 4;
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    const u32 base = wave.v[inst.op[1].index][l];
    const i32 offset[2] = {inst.offset, inst.offset1};
    T value[2], old[2] = {};
    for (int i = 0; i < 2; ++i) value[i] = data_of<T>(wave, inst.op[2 + i].index, l);
    for (int i = 0; i < 2; ++i) {
      const u64 at = base + static_cast<u64>(offset[i]) * sizeof(T) * Scale;
      if (at + sizeof(T) > lds.size()) continue;
      std::memcpy(&old[i], &lds[at], sizeof(T));
      std::memcpy(&lds[at], &value[i], sizeof(T));
    }
    for (int i = 0; i < 2; ++i) {
      set_result<T>(wave, inst.op[0].index + i * kRegisters, l, old[i]);
    }
  }
}

// ds_append / ds_consume: a wave-wide counter at M0's base.
template <bool Append>
void ds_count(Wave& wave, const Inst& inst) {
  std::vector<u8>& lds = wave.group->lds;
  const u64 at = (wave.s[kM0] & 0xffff) + static_cast<u64>(static_cast<u32>(inst.offset));
  u32 old = 0;
  if (at + 4 <= lds.size()) {
    std::memcpy(&old, &lds[at], 4);
    const u32 count = static_cast<u32>(__builtin_popcountll(wave.exec()));
    const u32 now = Append ? old + count : old - count;
    std::memcpy(&lds[at], &now, 4);
  }
  for (u64 left = wave.exec(); left != 0; left &= left - 1) {
    wave.v[inst.op[0].index][__builtin_ctzll(left)] = old;
  }
}

template <class T, T (*Op)(T, T)>
void add_pair(Table& table, const std::string& name, const std::string& type) {
  const std::string value = sizeof(T) == 8 ? "V2" : "V";
  table.add("ds_" + name + "_" + type, ds_atomic<T, false, Op>, "V" + value);
  table.add("ds_" + name + "_rtn_" + type, ds_atomic<T, true, Op>, value + "V" + value);
}

template <class T, class Ops>
void register_integers(Table& table, const std::string& bits) {
  const std::string b = "b" + bits, u = "u" + bits, i = "i" + bits;
  const std::string value = sizeof(T) == 8 ? "V2" : "V";
  add_pair<T, Ops::add>(table, "add", u);
  add_pair<T, Ops::sub>(table, "sub", u);
  add_pair<T, Ops::rsub>(table, "rsub", u);
  add_pair<T, Ops::inc>(table, "inc", u);
  add_pair<T, Ops::dec>(table, "dec", u);
  add_pair<T, Ops::smin>(table, "min", i);
  add_pair<T, Ops::smax>(table, "max", i);
  add_pair<T, Ops::umin>(table, "min", u);
  add_pair<T, Ops::umax>(table, "max", u);
  add_pair<T, Ops::bit_and>(table, "and", b);
  add_pair<T, Ops::bit_or>(table, "or", b);
  add_pair<T, Ops::bit_xor>(table, "xor", b);
  table.add("ds_wrxchg_rtn_" + b, ds_atomic<T, true, Ops::swap>, value + "V" + value);
  table.add("ds_wrxchg2_rtn_" + b, ds_exchange2<T, 1>,
            "V" + std::to_string(sizeof(T) / 2) + "V" + value + value);
  table.add("ds_wrxchg2st64_rtn_" + b, ds_exchange2<T, 64>,
            "V" + std::to_string(sizeof(T) / 2) + "V" + value + value);
  table.add("ds_cmpst_" + b, ds_compare_store<T, false>, "V" + value + value);
  table.add("ds_cmpst_rtn_" + b, ds_compare_store<T, true>, value + "V" + value + value);
  table.add("ds_cmpst_f" + bits, ds_compare_store_float<T, false>, "V" + value + value);
  table.add("ds_cmpst_rtn_f" + bits, ds_compare_store_float<T, true>, value + "V" + value + value);
  table.add("ds_mskor_" + b, ds_mask_or<T, false>, "V" + value + value);
  table.add("ds_mskor_rtn_" + b, ds_mask_or<T, true>, value + "V" + value + value);
}

}  // namespace

void register_lds_atomics(Table& table) {
  register_integers<u32, Ops32>(table, "32");
  register_integers<u64, Ops64>(table, "64");
  add_pair<u32, atomic_add_f32>(table, "add", "f32");
  add_pair<u32, atomic_min_f32>(table, "min", "f32");
  add_pair<u32, atomic_max_f32>(table, "max", "f32");
  add_pair<u64, atomic_add_f64>(table, "add", "f64");
  add_pair<u64, atomic_min_f64>(table, "min", "f64");
  add_pair<u64, atomic_max_f64>(table, "max", "f64");
  add_pair<u32, atomic_pk_add_f16>(table, "pk_add", "f16");
  add_pair<u32, atomic_pk_add_bf16>(table, "pk_add", "bf16");
  table.add("ds_append", ds_count<true>, "V");
  table.add("ds_consume", ds_count<false>, "V");
}

}  // namespace xsim::isa
