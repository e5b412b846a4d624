// SPDX-License-Identifier: Apache-2.0
//
// amd_comgr's disassembler, loaded at first use.
#pragma once

#include <string>

#include "isa.h"
#include "memory.h"

namespace xsim::isa {

// Disassembles the instruction at `pc` into `text` (no blanks around, no
// comment). Returns its size in bytes, or 0 with the reason in `text`. Any
// thread; comgr itself is entered by one at a time.
u32 disassemble_one(Target target, const Memory& memory, u64 pc, std::string& text);

}  // namespace xsim::isa
