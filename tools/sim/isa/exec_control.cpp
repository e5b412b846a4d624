// SPDX-License-Identifier: Apache-2.0
//
// Scalar instructions that steer the wave: branches, barriers, sleeping,
// messages, traps, hardware registers and clocks.

#include <ctime>

#include "families.h"
#include "scalar.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

void no_operation(Wave&, const Inst&) {}

i64 branch_distance(const Inst& inst) { return static_cast<i64>(static_cast<i16>(inst.immediate)) * 4; }

void branch_if(Wave& wave, const Inst& inst, bool taken) {
  if (taken) wave.pc += static_cast<u64>(branch_distance(inst));
}

void s_branch(Wave& wave, const Inst& inst) { branch_if(wave, inst, true); }
void s_cbranch_scc0(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.scc == 0); }
void s_cbranch_scc1(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.scc != 0); }
void s_cbranch_vccz(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.vcc() == 0); }
void s_cbranch_vccnz(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.vcc() != 0); }
void s_cbranch_execz(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.exec() == 0); }
void s_cbranch_execnz(Wave& wave, const Inst& inst) { branch_if(wave, inst, wave.exec() != 0); }

void s_getpc_b64(Wave& wave, const Inst& inst) { write64(wave, inst.op[0], wave.pc); }
void s_setpc_b64(Wave& wave, const Inst& inst) { wave.pc = read64(wave, inst.op[0]); }
void s_swappc_b64(Wave& wave, const Inst& inst) {
  const u64 target = read64(wave, inst.op[1]);
  write64(wave, inst.op[0], wave.pc);
  wave.pc = target;
}
void s_call_b64(Wave& wave, const Inst& inst) {
  write64(wave, inst.op[0], wave.pc);
  wave.pc += static_cast<u64>(branch_distance(inst));
}

void leave(Wave& wave, WaveState state) {
  wave.state = state;
  wave.yield = true;
}

void s_endpgm(Wave& wave, const Inst&) { leave(wave, WaveState::kEnded); }
void s_barrier(Wave& wave, const Inst&) { leave(wave, WaveState::kBarrier); }

void s_sleep(Wave& wave, const Inst& inst) {
  const u64 cycles = 64ull * (inst.immediate & 0x7f);
  if (cycles == 0) return;
  wave.sleep_cycles = cycles;
  leave(wave, WaveState::kSleeping);
}

// llvm.trap, assert() and abort() end here; the text shows the trap's number.
void s_trap(Wave& wave, const Inst& inst) { fault_illegal(wave, inst, "trap"); }

void s_sendmsg(Wave& wave, const Inst& inst) {
  constexpr u32 kInterrupt = 1;
  if ((inst.immediate & 15) != kInterrupt) {
    fault_illegal(wave, inst, "unimplemented message");
    return;
  }
  // The event id is in M0 (ROCr's device library: the hostcall doorbell).
  const Host& host = *wave.group->host;
  if (host.raise_event != nullptr) host.raise_event(host.context, wave.s[kM0] & 0xffffff);
}

// ---- hardware registers ----

enum : u32 {
  kHwMode = 1,
  kHwStatus = 2,
  kHwTrapStatus = 3,
  kHwId = 4,
  kHwGprAlloc = 5,
  kHwLdsAlloc = 6,
  kHwIbStatus = 7,
  kHwMemBases = 15,
  kHwXccId = 20,
};

bool read_hardware(const Wave& wave, u32 id, u32& out) {
  switch (id) {
    case kHwMode:
      out = wave.mode;
      return true;
    case kHwStatus:
      out = wave.scc | (wave.exec() == 0 ? 1u << 9 : 0) | (wave.vcc() == 0 ? 1u << 10 : 0);
      return true;
    case kHwId:
      out = wave.hw_id;
      return true;
    case kHwLdsAlloc:
      out = static_cast<u32>(wave.group->lds.size() / 512) << 12;
      return true;
    case kHwMemBases:
      out = static_cast<u32>(kPrivateAperture >> 48) | static_cast<u32>(kSharedAperture >> 48) << 16;
      return true;
    case kHwTrapStatus:
    case kHwGprAlloc:
    case kHwIbStatus:
    case kHwXccId:
      out = 0;
      return true;
    default:
      return false;
  }
}

struct Field {
  u32 id, shift, mask;
};
Field hardware_field(const Inst& inst) {
  const u32 bits = (inst.immediate >> 11) + 1;
  return {inst.immediate & 63u, inst.immediate >> 6 & 31u, bits == 32 ? ~0u : (1u << bits) - 1};
}

void s_getreg_b32(Wave& wave, const Inst& inst) {
  const Field field = hardware_field(inst);
  u32 value = 0;
  if (!read_hardware(wave, field.id, value)) {
    fault_illegal(wave, inst, "unimplemented hardware register");
    return;
  }
  write32(wave, inst.op[0], value >> field.shift & field.mask);
}

void set_hardware(Wave& wave, const Inst& inst, u32 value) {
  const Field field = hardware_field(inst);
  if (field.id == kHwTrapStatus) return;  // exception flags: none are raised
  if (field.id != kHwMode) {
    fault_illegal(wave, inst, "unimplemented hardware register");
    return;
  }
  wave.mode = (wave.mode & ~(field.mask << field.shift)) | (value & field.mask) << field.shift;
  wave.update_plain();
  wave.yield = true;  // the run loop picks its variant by `plain`
}

void s_setreg_b32(Wave& wave, const Inst& inst) { set_hardware(wave, inst, read32(wave, inst.op[0])); }
void s_setreg_imm32_b32(Wave& wave, const Inst& inst) {
  set_hardware(wave, inst, read32(wave, inst.op[0]));
}

// ---- register indexing: M0[7:0] is the index, M0[15:12] says which operands
// it is added to (source 0, 1, 2, destination) ----

void set_indexing(Wave& wave, bool on) {
  wave.indexing = on;
  wave.update_plain();
  wave.yield = true;
}

void set_index(Wave& wave, u32 index) { wave.s[kM0] = (wave.s[kM0] & ~0xffu) | (index & 0xff); }
void set_index_operands(Wave& wave, u32 which) {
  wave.s[kM0] = (wave.s[kM0] & ~0xf000u) | (which & 15) << 12;
}

void s_set_gpr_idx_on(Wave& wave, const Inst& inst) {
  set_index(wave, read32(wave, inst.op[0]));
  set_index_operands(wave, inst.immediate >> 8);
  set_indexing(wave, true);
}
void s_set_gpr_idx_off(Wave& wave, const Inst&) { set_indexing(wave, false); }
void s_set_gpr_idx_idx(Wave& wave, const Inst& inst) { set_index(wave, read32(wave, inst.op[0])); }
void s_set_gpr_idx_mode(Wave& wave, const Inst& inst) { set_index_operands(wave, inst.immediate); }

// ---- clocks ----

u64 realtime(const Wave& wave) {
  const Host& host = *wave.group->host;
  if (host.realtime_ticks != nullptr) return host.realtime_ticks(host.context);
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<u64>(now.tv_sec) * 100'000'000 + static_cast<u64>(now.tv_nsec) / 10;
}

void s_memrealtime(Wave& wave, const Inst& inst) { write64(wave, inst.op[0], realtime(wave)); }
void s_memtime(Wave& wave, const Inst& inst) {
  using u128 = unsigned __int128;
  const u128 cycles = static_cast<u128>(realtime(wave)) * wave.group->host->core_hz / 100'000'000;
  write64(wave, inst.op[0], static_cast<u64>(cycles));
}

}  // namespace

void register_scalar_control(Table& table) {
  // Ordering and cache control: every access here is done, in program order,
  // on coherent memory, when the next instruction starts.
  for (const char* name :
       {"s_nop", "s_waitcnt", "s_setprio", "s_dcache_wb", "s_dcache_wb_vol", "s_dcache_inv",
        "s_dcache_inv_vol", "s_icache_inv", "buffer_wbl2", "buffer_inv", "buffer_invl2",
        "buffer_wbinvl1", "buffer_wbinvl1_vol", "s_ttracedata", "s_incperflevel",
        "s_decperflevel", "s_waitcnt_vmcnt", "s_waitcnt_expcnt", "s_waitcnt_lgkmcnt",
        "s_waitcnt_vscnt", "s_wakeup", "v_nop"}) {
    table.add(name, no_operation, "", kTextOnly);
  }
  table.add("s_branch", s_branch, "", kTextOnly);
  table.add("s_cbranch_scc0", s_cbranch_scc0, "", kTextOnly);
  table.add("s_cbranch_scc1", s_cbranch_scc1, "", kTextOnly);
  table.add("s_cbranch_vccz", s_cbranch_vccz, "", kTextOnly);
  table.add("s_cbranch_vccnz", s_cbranch_vccnz, "", kTextOnly);
  table.add("s_cbranch_execz", s_cbranch_execz, "", kTextOnly);
  table.add("s_cbranch_execnz", s_cbranch_execnz, "", kTextOnly);
  table.add("s_getpc_b64", s_getpc_b64, "S2");
  table.add("s_setpc_b64", s_setpc_b64, "C2");
  table.add("s_swappc_b64", s_swappc_b64, "S2C2");
  table.add("s_call_b64", s_call_b64, "S2*");
  table.add("s_endpgm", s_endpgm, "", kTextOnly);
  table.add("s_endpgm_saved", s_endpgm, "", kTextOnly);
  table.add("s_barrier", s_barrier, "", kTextOnly);
  table.add("s_sleep", s_sleep, "", kTextOnly);
  table.add("s_trap", s_trap, "", kTextOnly);
  table.add("s_sendmsg", s_sendmsg, "", kTextOnly);
  table.add("s_getreg_b32", s_getreg_b32, "S");
  table.add("s_setreg_b32", s_setreg_b32, "S");
  table.add("s_setreg_imm32_b32", s_setreg_imm32_b32, "I");
  table.add("s_set_gpr_idx_on", s_set_gpr_idx_on, "C");
  table.add("s_set_gpr_idx_off", s_set_gpr_idx_off, "", kTextOnly);
  table.add("s_set_gpr_idx_idx", s_set_gpr_idx_idx, "C");
  table.add("s_set_gpr_idx_mode", s_set_gpr_idx_mode, "", kTextOnly);
  table.add("s_memtime", s_memtime, "S2");
  table.add("s_memrealtime", s_memrealtime, "S2");
}

}  // namespace xsim::isa
