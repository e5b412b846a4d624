// SPDX-License-Identifier: Apache-2.0
//
// Addresses of buffer instructions (MUBUF).
#pragma once

#include "access.h"

namespace xsim::isa {

// Operands: data, address register or "off", resource, scalar offset. Lanes
// that the resource's bounds exclude are not active in `out`: their loads give
// 0, their stores do nothing.
void buffer_addresses(const Wave& wave, const Inst& inst, u32 bytes, LaneAddresses& out);

}  // namespace xsim::isa
