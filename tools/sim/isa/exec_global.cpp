// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of global_*, flat_* and scratch_* instructions. They differ
// in how addresses are formed (access.cpp) and share the rest.

#include "access.h"
#include "families.h"
#include "load_store.h"
#include "table.h"

namespace xsim::isa {

namespace {

enum class Form { kGlobal, kFlat, kScratch };

template <Form F>
void form_addresses(const Wave& wave, const Inst& inst, int address, int base,
                    LaneAddresses& out) {
  if constexpr (F == Form::kGlobal) {
    global_addresses(wave, inst, address, base, out);
  } else if constexpr (F == Form::kFlat) {
    flat_addresses(wave, inst, address, out);
  } else {
    scratch_addresses(wave, inst, address, base, out);
  }
}

template <Form F, int Bytes, Extend E>
void load(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  form_addresses<F>(wave, inst, 1, 2, lanes);
  load_registers<Bytes, E>(wave, inst, lanes, inst.op[0].index);
}

template <Form F, int Bytes, bool High>
void store(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  form_addresses<F>(wave, inst, 0, 2, lanes);
  store_registers<Bytes, High>(wave, inst, lanes, inst.op[1].index);
}

// Memory to LDS: lane i writes to M0's base + the offset + 4 * i.
template <int Bytes, Extend E>
void load_lds(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  global_addresses(wave, inst, 0, 1, lanes);
  load_to_lds<Bytes, E>(wave, inst, lanes);
}

template <Form F>
void register_form(Table& table, const std::string& prefix, const char* address) {
  const std::string base = F == Form::kFlat ? "" : F == Form::kGlobal ? "?O2" : "?O";
  const auto add_load = [&](const char* name, Handler handler, int registers) {
    const std::string signature = "V" + std::to_string(registers) + address + base;
    table.add(prefix + "load_" + name, handler, signature);
  };
  const auto add_store = [&](const char* name, Handler handler, int registers) {
    const std::string signature = std::string(address) + "V" + std::to_string(registers) + base;
    table.add(prefix + "store_" + name, handler, signature);
  };
  add_load("ubyte", load<F, 1, Extend::kZero>, 1);
  add_load("sbyte", load<F, 1, Extend::kSign>, 1);
  add_load("ushort", load<F, 2, Extend::kZero>, 1);
  add_load("sshort", load<F, 2, Extend::kSign>, 1);
  add_load("dword", load<F, 4, Extend::kZero>, 1);
  add_load("dwordx2", load<F, 8, Extend::kZero>, 2);
  add_load("dwordx3", load<F, 12, Extend::kZero>, 3);
  add_load("dwordx4", load<F, 16, Extend::kZero>, 4);
  add_load("ubyte_d16", load<F, 1, Extend::kZeroLow>, 1);
  add_load("sbyte_d16", load<F, 1, Extend::kSignLow>, 1);
  add_load("short_d16", load<F, 2, Extend::kZeroLow>, 1);
  add_load("ubyte_d16_hi", load<F, 1, Extend::kZeroHigh>, 1);
  add_load("sbyte_d16_hi", load<F, 1, Extend::kSignHigh>, 1);
  add_load("short_d16_hi", load<F, 2, Extend::kZeroHigh>, 1);
  add_store("byte", store<F, 1, false>, 1);
  add_store("short", store<F, 2, false>, 1);
  add_store("dword", store<F, 4, false>, 1);
  add_store("dwordx2", store<F, 8, false>, 2);
  add_store("dwordx3", store<F, 12, false>, 3);
  add_store("dwordx4", store<F, 16, false>, 4);
  add_store("byte_d16_hi", store<F, 1, true>, 1);
  add_store("short_d16_hi", store<F, 2, true>, 1);
}

}  // namespace

void register_global(Table& table) {
  register_form<Form::kGlobal>(table, "global_", "V");
  register_form<Form::kFlat>(table, "flat_", "V2");
  register_form<Form::kScratch>(table, "scratch_", "W");
  table.add("global_load_lds_dword", load_lds<4, Extend::kZero>, "VO2");
  table.add("global_load_lds_ubyte", load_lds<1, Extend::kZero>, "VO2");
  table.add("global_load_lds_sbyte", load_lds<1, Extend::kSign>, "VO2");
  table.add("global_load_lds_ushort", load_lds<2, Extend::kZero>, "VO2");
  table.add("global_load_lds_sshort", load_lds<2, Extend::kSign>, "VO2");
}

}  // namespace xsim::isa
