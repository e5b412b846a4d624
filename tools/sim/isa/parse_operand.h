// SPDX-License-Identifier: Apache-2.0
//
// One operand's text -> Operand.
#pragma once

#include <string_view>

#include "inst.h"

namespace xsim::isa {

// `format` says how floating constants are encoded. False if `text` is not an
// operand (it may be a modifier then).
bool parse_operand(std::string_view text, Format format, Operand& out);

}  // namespace xsim::isa
