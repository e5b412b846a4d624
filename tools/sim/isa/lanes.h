// SPDX-License-Identifier: Apache-2.0
//
// How vector handlers reach their operands, and the loops over 64 lanes.
//
// The vector files are compiled twice: for plain x86-64 and for AVX2 + FMA +
// F16C (CMakeLists.txt), each time in a namespace of its own; table.cpp takes
// the one that the CPU supports. So nothing here or in those files may use an
// inline function of another header that is not `static inline` (the linker
// would merge the two bodies).
#pragma once

#include <immintrin.h>

#include "inst.h"
#include "table.h"
#include "wave.h"

#ifndef XSIM_LEVEL
#define XSIM_LEVEL baseline
#endif

// Lane loops write a row that may be one of the source rows, but always the
// same lane of it: no dependency between iterations.
#define XSIM_LANES _Pragma("GCC ivdep") for (int l = 0; l < kLanes; ++l)

namespace xsim::isa::XSIM_LEVEL {

struct alignas(64) Row {
  u32 x[kLanes];
};
struct alignas(64) Row64 {
  u64 x[kLanes];
};

// operand.cpp: everything but a plain vector register.
const u32* source_slow(Wave& wave, const Inst& inst, int k, Row& out);
void source64(Wave& wave, const Inst& inst, int k, Row64& out);
void finish_modified(Wave& wave, const Inst& inst, Row& result);
void finish64_modified(Wave& wave, const Inst& inst, Row64& result);
void write_masked(u32* row, const u32* result, u64 mask);
// Lanes that the instruction writes: EXEC, less what DPP switches off.
u64 write_mask_dpp(const Wave& wave, const Inst& inst);
u64 pack_mask(const Row& truth);  // bit l = sign of lane l

static inline u64 write_mask(const Wave& wave, const Inst& inst) {
  return __builtin_expect(inst.dpp, 0) ? write_mask_dpp(wave, inst) : wave.exec();
}

// Source k as 64 lanes; `out` is used if they must be computed.
static inline const u32* source(Wave& wave, const Inst& inst, int k, Row& out) {
  const Operand& op = inst.op[k];
  if (__builtin_expect(op.plain, 1)) return wave.v[op.index];
  return source_slow(wave, inst, k, out);
}

// Where a 32-bit result goes: the register itself if nothing masks or changes
// the result, else `scratch`; finish() does the rest.
static inline u32* result_row(Wave& wave, const Inst& inst, Row& scratch) {
  if (inst.direct && wave.exec() == ~0ull) return wave.v[inst.op[0].index];
  return scratch.x;
}

static inline void finish(Wave& wave, const Inst& inst, const u32* row, Row& scratch) {
  if (row != scratch.x) return;
  if (__builtin_expect(inst.direct, 1)) {
    write_masked(wave.v[inst.op[0].index], scratch.x, wave.exec());
  } else {
    finish_modified(wave, inst, scratch);
  }
}

static inline void write64(Wave& wave, const Inst& inst, Row64& result) {
  if (__builtin_expect(!inst.direct, 0)) {
    finish64_modified(wave, inst, result);
    return;
  }
  const u64 mask = wave.exec();
  u32* low = wave.v[inst.op[0].index];
  u32* high = wave.v[inst.op[0].index + 1];
  if (mask == ~0ull) {
    XSIM_LANES {
      low[l] = low32(result.x[l]);
      high[l] = high32(result.x[l]);
    }
    return;
  }
  Row half;
  XSIM_LANES half.x[l] = low32(result.x[l]);
  write_masked(low, half.x, mask);
  XSIM_LANES half.x[l] = high32(result.x[l]);
  write_masked(high, half.x, mask);
}

// Scalar mask results (compares, carries): lanes that EXEC switches off give 0.
static inline void write_lane_mask(Wave& wave, const Operand& op, u64 mask) {
  wave.set_scalar64(op.index, mask);
}

// ---- handler templates: F is a captureless lambda over one lane ----
// (GCC 12 ends a template argument list at a bare `>` inside the lambda: write
// comparisons and right shifts in parentheses.)

template <auto F>
void unary(Wave& wave, const Inst& inst) {
  Row ta, tr;
  const u32* a = source(wave, inst, 1, ta);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = F(a[l]);
  finish(wave, inst, r, tr);
}

template <auto F>
void binary(Wave& wave, const Inst& inst) {
  Row ta, tb, tr;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = F(a[l], b[l]);
  finish(wave, inst, r, tr);
}

template <auto F>
void ternary(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, tr;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* c = source(wave, inst, 3, tc);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = F(a[l], b[l], c[l]);
  finish(wave, inst, r, tr);
}

// The destination is the third source (v_fmac, v_dot2c).
template <auto F>
void accumulate(Wave& wave, const Inst& inst) {
  Row ta, tb, tr;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* d = wave.v[inst.op[0].index];
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = F(a[l], b[l], d[l]);
  finish(wave, inst, r, tr);
}

template <auto F>
void unary_f32(Wave& wave, const Inst& inst) {
  unary<[](u32 a) { return as_bits(F(as_float(a))); }>(wave, inst);
}

template <auto F>
void binary_f32(Wave& wave, const Inst& inst) {
  binary<[](u32 a, u32 b) { return as_bits(F(as_float(a), as_float(b))); }>(wave, inst);
}

template <auto F>
void ternary_f32(Wave& wave, const Inst& inst) {
  ternary<[](u32 a, u32 b, u32 c) { return as_bits(F(as_float(a), as_float(b), as_float(c))); }>(
      wave, inst);
}

template <auto F>
void unary64(Wave& wave, const Inst& inst) {
  Row64 a;
  source64(wave, inst, 1, a);
  XSIM_LANES a.x[l] = F(a.x[l]);
  write64(wave, inst, a);
}

template <auto F>
void binary64(Wave& wave, const Inst& inst) {
  Row64 a, b;
  source64(wave, inst, 1, a);
  source64(wave, inst, 2, b);
  XSIM_LANES a.x[l] = F(a.x[l], b.x[l]);
  write64(wave, inst, a);
}

template <auto F>
void ternary64(Wave& wave, const Inst& inst) {
  Row64 a, b, c;
  source64(wave, inst, 1, a);
  source64(wave, inst, 2, b);
  source64(wave, inst, 3, c);
  XSIM_LANES a.x[l] = F(a.x[l], b.x[l], c.x[l]);
  write64(wave, inst, a);
}

}  // namespace xsim::isa::XSIM_LEVEL
