// SPDX-License-Identifier: Apache-2.0
//
// Scalar operand access.
#pragma once

#include "wave.h"

namespace xsim::isa {

static inline u32 read32(const Wave& wave, const Operand& op) {
  switch (op.kind) {
    case Kind::kScalar:
      return wave.s[op.index];
    case Kind::kScc:
      return wave.scc;
    case Kind::kVccz:
      return wave.vcc() == 0;
    case Kind::kExecz:
      return wave.exec() == 0;
    default:
      return op.value;
  }
}

static inline u64 read64(const Wave& wave, const Operand& op) {
  if (op.kind == Kind::kScalar) return wave.scalar64(op.index);
  if (op.kind == Kind::kConstant) return op.value64;
  return read32(wave, op);
}

static inline void write32(Wave& wave, const Operand& op, u32 value) { wave.s[op.index] = value; }

static inline void write64(Wave& wave, const Operand& op, u64 value) {
  wave.set_scalar64(op.index, value);
}

// A scalar source of a vector instruction that may also sit in a vector
// register: its value in `lane`.
static inline u32 read_lane(const Wave& wave, const Operand& op, int lane) {
  return op.kind == Kind::kVector ? wave.v[op.index][lane] : read32(wave, op);
}

}  // namespace xsim::isa
