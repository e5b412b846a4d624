// SPDX-License-Identifier: Apache-2.0
//
// The one-line texts of faults. Only the first fault of a workgroup is kept.

#include <cstdio>

#include "decode.h"
#include "disassembler.h"
#include "parse.h"
#include "wave.h"

namespace xsim::isa {

namespace {

bool begin_fault(Wave& wave, const Inst& inst, FaultKind kind) {
  wave.state = WaveState::kFaulted;
  wave.yield = true;
  Fault& fault = wave.group->fault;
  if (fault.kind != FaultKind::kNone) return false;
  fault.kind = kind;
  fault.pc = wave.pc - inst.size;
  return true;
}

std::string quoted_instruction(const Wave& wave, u64 pc) {
  char at[32];
  snprintf(at, sizeof at, " at pc 0x%llx", static_cast<unsigned long long>(pc));
  return "'" + disassemble(wave.group->host->target, *wave.memory, pc) + "'" + at;
}

}  // namespace

void fault_illegal(Wave& wave, const Inst& inst, const char* why) {
  if (!begin_fault(wave, inst, FaultKind::kIllegalInstruction)) return;
  Fault& fault = wave.group->fault;
  fault.text = std::string(why) + " " + quoted_instruction(wave, fault.pc);
  // What the decoder could not take is worth saying; it is not kept in the
  // cache, so ask it again.
  std::string text;
  if (disassemble_one(wave.group->host->target, *wave.memory, fault.pc, text) == 0) {
    if (text != "undecodable") fault.text += ": " + text;
    return;
  }
  Inst again;
  std::string detail;
  if (!parse_instruction(text, 0, again, detail) && detail != "unimplemented") {
    fault.text += ": " + detail;
  }
}

void fault_memory(Wave& wave, const Inst& inst, u64 address, u32 bytes, bool write,
                  const char* why) {
  if (!begin_fault(wave, inst, FaultKind::kMemory)) return;
  Fault& fault = wave.group->fault;
  fault.address = address;
  char text[128];
  snprintf(text, sizeof text, "%s: %s of %u byte%s at 0x%llx by ", why, write ? "write" : "read",
           bytes, bytes == 1 ? "" : "s", static_cast<unsigned long long>(address));
  fault.text = text + quoted_instruction(wave, fault.pc);
}

}  // namespace xsim::isa
