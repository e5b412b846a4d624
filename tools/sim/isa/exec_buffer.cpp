// SPDX-License-Identifier: Apache-2.0
//
// Buffer loads and stores (MUBUF). gfx90a code reaches private memory through
// them, rocBLAS its matrices. Typed buffers and format conversion belong to
// graphics and are refused.

#include "buffer_address.h"
#include "families.h"
#include "load_store.h"
#include "table.h"

namespace xsim::isa {

namespace {

// Operand form of the text without a data register: address, resource,
// offset. The address code expects the resource at position 2.
void insert_data_operand(const Inst& inst, Inst& out) {
  out = inst;
  for (int k = 3; k > 0; --k) out.op[k] = inst.op[k - 1];
}

// Lanes outside of the buffer read 0.
template <int Bytes, Extend E>
void clear_outside(Wave& wave, const LaneAddresses& lanes, int first) {
  const u64 outside = wave.exec() & ~lanes.active;
  for (u64 left = outside; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    for (int i = 0; i < (Bytes + 3) / 4; ++i) {
      wave.v[first + i][l] = extend<Bytes, E>(0, wave.v[first + i][l]);
    }
  }
}

template <int Bytes, Extend E>
void buffer_load(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  if (inst.lds) {
    Inst moved;
    insert_data_operand(inst, moved);
    buffer_addresses(wave, moved, Bytes, lanes);
    load_to_lds<Bytes, E>(wave, inst, lanes);
    return;
  }
  buffer_addresses(wave, inst, Bytes, lanes);
  const int first = inst.op[0].index;
  load_registers<Bytes, E>(wave, inst, lanes, first);
  if (wave.state != WaveState::kFaulted) clear_outside<Bytes, E>(wave, lanes, first);
}

template <int Bytes, bool High>
void buffer_store(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  buffer_addresses(wave, inst, Bytes, lanes);
  store_registers<Bytes, High>(wave, inst, lanes, inst.op[0].index);
}

}  // namespace

void register_buffer(Table& table) {
  const auto add = [&](const std::string& name, Handler handler, int registers) {
    table.add("buffer_" + name, handler, "V" + std::to_string(registers) + "WS4C");
    if (registers == 1) table.add_lds("buffer_" + name, "WS4C");
  };
  add("load_ubyte", buffer_load<1, Extend::kZero>, 1);
  add("load_sbyte", buffer_load<1, Extend::kSign>, 1);
  add("load_ushort", buffer_load<2, Extend::kZero>, 1);
  add("load_sshort", buffer_load<2, Extend::kSign>, 1);
  add("load_dword", buffer_load<4, Extend::kZero>, 1);
  add("load_dwordx2", buffer_load<8, Extend::kZero>, 2);
  add("load_dwordx3", buffer_load<12, Extend::kZero>, 3);
  add("load_dwordx4", buffer_load<16, Extend::kZero>, 4);
  add("load_ubyte_d16", buffer_load<1, Extend::kZeroLow>, 1);
  add("load_sbyte_d16", buffer_load<1, Extend::kSignLow>, 1);
  add("load_short_d16", buffer_load<2, Extend::kZeroLow>, 1);
  add("load_ubyte_d16_hi", buffer_load<1, Extend::kZeroHigh>, 1);
  add("load_sbyte_d16_hi", buffer_load<1, Extend::kSignHigh>, 1);
  add("load_short_d16_hi", buffer_load<2, Extend::kZeroHigh>, 1);
  add("store_byte", buffer_store<1, false>, 1);
  add("store_short", buffer_store<2, false>, 1);
  add("store_dword", buffer_store<4, false>, 1);
  add("store_dwordx2", buffer_store<8, false>, 2);
  add("store_dwordx3", buffer_store<12, false>, 3);
  add("store_dwordx4", buffer_store<16, false>, 4);
  add("store_byte_d16_hi", buffer_store<1, true>, 1);
  add("store_short_d16_hi", buffer_store<2, true>, 1);
}

}  // namespace xsim::isa
