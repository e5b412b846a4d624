// SPDX-License-Identifier: Apache-2.0
//
// Disassembler text -> Inst.
#pragma once

#include <string>
#include <string_view>

#include "inst.h"

namespace xsim::isa {

// Parses one line as amd_comgr prints it (comment and blanks already cut).
// `first_word` is the instruction's first dword, from which the SIMM16 field
// is taken. True if a handler was found and every word of the line was
// understood; else `why` says what was not.
bool parse_instruction(std::string_view text, u32 first_word, Inst& inst, std::string& why);

}  // namespace xsim::isa
