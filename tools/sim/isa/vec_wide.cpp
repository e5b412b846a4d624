// SPDX-License-Identifier: Apache-2.0
//
// 64-bit vector instructions: doubles, shifts, moves, and the packed
// single-precision pairs that live in 64-bit registers. Compiled twice.

#include "families.h"
#include "lanes.h"
#include "scalar.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

template <auto F>
void unary_f64(Wave& wave, const Inst& inst) {
  unary64<[](u64 a) { return as_bits(F(as_double(a))); }>(wave, inst);
}
template <auto F>
void binary_f64(Wave& wave, const Inst& inst) {
  binary64<[](u64 a, u64 b) { return as_bits(F(as_double(a), as_double(b))); }>(wave, inst);
}
template <auto F>
void ternary_f64(Wave& wave, const Inst& inst) {
  ternary64<[](u64 a, u64 b, u64 c) {
    return as_bits(F(as_double(a), as_double(b), as_double(c)));
  }>(wave, inst);
}

// Sources of different widths: 32-bit first (shifts), or 64-bit first (ldexp).
template <auto F, int Narrow, int Wide>
void mixed(Wave& wave, const Inst& inst) {
  Row ta;
  Row64 b;
  const u32* a = source(wave, inst, Narrow, ta);
  source64(wave, inst, Wide, b);
  XSIM_LANES b.x[l] = F(a[l], b.x[l]);
  write64(wave, inst, b);
}

void v_lshl_add_u64(Wave& wave, const Inst& inst) {
  Row tb;
  Row64 a, c;
  source64(wave, inst, 1, a);
  const u32* b = source(wave, inst, 2, tb);
  source64(wave, inst, 3, c);
  XSIM_LANES a.x[l] = (a.x[l] << (b[l] & 7)) + c.x[l];
  write64(wave, inst, a);
}

void v_fmac_f64(Wave& wave, const Inst& inst) {
  Row64 a, b;
  source64(wave, inst, 1, a);
  source64(wave, inst, 2, b);
  const u32* low = wave.v[inst.op[0].index];
  const u32* high = wave.v[inst.op[0].index + 1];
  XSIM_LANES {
    const double c = as_double(pair(low[l], high[l]));
    a.x[l] = as_bits(fused(as_double(a.x[l]), as_double(b.x[l]), c));
  }
  write64(wave, inst, a);
}

double fraction(double a) {
  const double r = a - __builtin_floor(a);
  return r >= 1.0 ? as_double(0x3fefffffffffffffull) : r;
}

int clamp_scale(u32 scale) {
  const i32 value = static_cast<i32>(scale);
  return value > 5000 ? 5000 : value < -5000 ? -5000 : value;
}

u64 frexp_mantissa(u64 bits) {
  if ((bits & 0x7fffffffffffffffull) >= 0x7ff0000000000000ull) return bits;
  int exponent = 0;
  return as_bits(__builtin_frexp(as_double(bits), &exponent));
}

void v_frexp_exp_i32_f64(Wave& wave, const Inst& inst) {
  Row64 a;
  Row result;
  source64(wave, inst, 1, a);
  for (int l = 0; l < kLanes; ++l) {
    int exponent = 0;
    const double value = as_double(a.x[l]);
    if (__builtin_isfinite(value)) __builtin_frexp(value, &exponent);
    result.x[l] = static_cast<u32>(exponent);
  }
  finish(wave, inst, result.x, result);
}

// 2/pi in 1200 bits, most significant first: what v_trig_preop looks into.
constexpr u32 kTwoOverPi[] = {
    0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
    0xdebbc561u, 0xb7246e3au, 0x424dd2e0u, 0x06492eeau, 0x09d1921cu, 0xfe1deb1cu, 0xb129a73eu,
    0xe88235f5u, 0x2ebb4484u, 0xe99c7026u, 0xb45f7e41u, 0x3991d639u, 0x835339f4u, 0x9c845f8bu,
    0xbdf9283bu, 0x1ff897ffu, 0xde05980fu, 0xef2f118bu, 0x5a0a6d1fu, 0x6d367ecfu, 0x27cb09b7u,
    0x4f463f66u, 0x9e5fea2du, 0x7527bac7u, 0xebe5f17bu, 0x3d0739f7u, 0x8a5292eau, 0x6bfb5fb1u,
    0x1f8d5d08u, 0x56033046u, 0xfc7b6babu, 0xf0cfbc20u};

u64 two_over_pi_bit(int position) {
  if (position < 0 || position >= static_cast<int>(sizeof kTwoOverPi * 8)) return 0;
  return kTwoOverPi[position / 32] >> (31 - position % 32) & 1;
}

// 53 bits of 2/pi from where the argument's exponent and the segment number
// (src1) say, as a double of the right magnitude.
u64 trig_preop(u64 argument, u32 segment) {
  const int exponent = static_cast<int>(argument >> 52 & 0x7ff);
  int shift = static_cast<int>(segment & 31) * 53;
  if (exponent > 1077) shift += exponent - 1077;
  u64 mantissa = 0;
  for (int i = 0; i < 53; ++i) mantissa = mantissa << 1 | two_over_pi_bit(shift + i);
  int scale = -53 - shift;
  if (exponent >= 1968) scale += 128;
  return as_bits(__builtin_ldexp(static_cast<double>(mantissa), scale));
}

void v_trig_preop(Wave& wave, const Inst& inst) {
  Row tb;
  Row64 a;
  source64(wave, inst, 1, a);
  const u32* b = source(wave, inst, 2, tb);
  for (int l = 0; l < kLanes; ++l) a.x[l] = trig_preop(a.x[l], b[l]);
  write64(wave, inst, a);
}

void register_double(Table& t) {
  t.add("v_add_f64", binary_f64<[](double a, double b) { return a + b; }>, "V2X2X2");
  t.add("v_mul_f64", binary_f64<[](double a, double b) { return a * b; }>, "V2X2X2");
  t.add("v_fma_f64", ternary_f64<[](double a, double b, double c) { return fused(a, b, c); }>,
        "V2X2X2X2");
  t.add("v_fmac_f64", v_fmac_f64, "V2X2X2");
  t.add("v_min_f64", binary64<[](u64 a, u64 b) { return min_double(a, b); }>, "V2X2X2");
  t.add("v_max_f64", binary64<[](u64 a, u64 b) { return max_double(a, b); }>, "V2X2X2");
  t.add("v_rcp_f64", unary_f64<[](double a) { return 1.0 / a; }>, "V2X2");
  t.add("v_rsq_f64", unary_f64<[](double a) { return 1.0 / __builtin_sqrt(a); }>, "V2X2");
  t.add("v_sqrt_f64", unary_f64<[](double a) { return __builtin_sqrt(a); }>, "V2X2");
  t.add("v_trunc_f64", unary_f64<[](double a) { return __builtin_trunc(a); }>, "V2X2");
  t.add("v_ceil_f64", unary_f64<[](double a) { return __builtin_ceil(a); }>, "V2X2");
  t.add("v_floor_f64", unary_f64<[](double a) { return __builtin_floor(a); }>, "V2X2");
  t.add("v_rndne_f64", unary_f64<[](double a) { return __builtin_rint(a); }>, "V2X2");
  t.add("v_fract_f64", unary_f64<[](double a) { return fraction(a); }>, "V2X2");
  t.add("v_frexp_mant_f64", unary64<[](u64 a) { return frexp_mantissa(a); }>, "V2X2");
  t.add("v_frexp_exp_i32_f64", v_frexp_exp_i32_f64, "VX2");
  t.add("v_ldexp_f64", mixed<[](u32 scale, u64 a) {
          return as_bits(__builtin_ldexp(as_double(a), clamp_scale(scale)));
        }, 2, 1>, "V2X2X");
  t.add("v_trig_preop_f64", v_trig_preop, "V2X2X");
}

void register_integer64(Table& t) {
  t.add("v_mov_b64", unary64<[](u64 a) { return a; }>, "V2X2");
  t.add("v_lshlrev_b64", mixed<[](u32 n, u64 a) { return a << (n & 63); }, 1, 2>, "V2XX2");
  t.add("v_lshrrev_b64", mixed<[](u32 n, u64 a) { return (a >> (n & 63)); }, 1, 2>, "V2XX2");
  t.add("v_ashrrev_i64", mixed<[](u32 n, u64 a) {
          return static_cast<u64>(static_cast<i64>(a) >> (n & 63));
        }, 1, 2>, "V2XX2");
  t.add("v_lshl_add_u64", v_lshl_add_u64, "V2X2XX2");
}

// ---- packed single precision ----

// op_sel / op_sel_hi say which of a source's two registers the lower / upper
// result uses.
const u32* packed_source(Wave& wave, const Inst& inst, int k, bool high, Row& out) {
  const Operand& op = inst.op[k];
  const int bit = k - 1;
  const bool second = (high ? inst.op_sel_hi : inst.op_sel) >> bit & 1;
  const bool negate = (high ? inst.neg_hi : inst.neg_lo) >> bit & 1;
  const u32 flip = negate ? 0x80000000u : 0;
  if (op.kind == Kind::kVector) {
    const u32* row = wave.v[op.index + second];
    if (!negate) return row;
    XSIM_LANES out.x[l] = row[l] ^ flip;
    return out.x;
  }
  u32 value = op.kind == Kind::kScalar ? wave.s[op.index + second] : op.value;
  value ^= flip;
  XSIM_LANES out.x[l] = value;
  return out.x;
}

template <auto F, int Sources>
void packed_f32(Wave& wave, const Inst& inst) {
  Row temporary[3];
  Row result[2];
  for (int half = 0; half < 2; ++half) {
    const u32* a = packed_source(wave, inst, 1, half, temporary[0]);
    const u32* b = packed_source(wave, inst, 2, half, temporary[1]);
    const u32* c = Sources > 2 ? packed_source(wave, inst, 3, half, temporary[2]) : a;
    u32* r = result[half].x;
    XSIM_LANES {
      r[l] = as_bits(F(as_float(a[l]), as_float(b[l]), as_float(c[l])));
    }
    if (inst.clamp) {
      XSIM_LANES {
        const float value = as_float(r[l]);
        r[l] = !(value > 0.0f) ? 0 : value > 1.0f ? 0x3f800000u : r[l];
      }
    }
  }
  write_masked(wave.v[inst.op[0].index], result[0].x, wave.exec());
  write_masked(wave.v[inst.op[0].index + 1], result[1].x, wave.exec());
}

// op_sel picks the register of the first source for the lower result and of
// the second source for the upper one.
void v_pk_mov_b32(Wave& wave, const Inst& inst) {
  Row temporary[2];
  Row result[2];
  for (int half = 0; half < 2; ++half) {
    const Operand& op = inst.op[1 + half];
    const bool second = inst.op_sel >> half & 1;
    const u32* from = temporary[half].x;
    if (op.kind == Kind::kVector) {
      from = wave.v[op.index + second];
    } else {
      const u32 value = op.kind == Kind::kScalar ? wave.s[op.index + second] : op.value;
      XSIM_LANES temporary[half].x[l] = value;
    }
    XSIM_LANES result[half].x[l] = from[l];
  }
  write_masked(wave.v[inst.op[0].index], result[0].x, wave.exec());
  write_masked(wave.v[inst.op[0].index + 1], result[1].x, wave.exec());
}

void register_packed_single(Table& t) {
  constexpr u32 kFlags = kOwnOpSel | kOwnModifiers;
  t.add("v_pk_fma_f32", packed_f32<[](float a, float b, float c) { return fused(a, b, c); }, 3>,
        "V2X2X2X2", kFlags);
  t.add("v_pk_mul_f32", packed_f32<[](float a, float b, float) { return a * b; }, 2>, "V2X2X2",
        kFlags);
  t.add("v_pk_add_f32", packed_f32<[](float a, float b, float) { return a + b; }, 2>, "V2X2X2",
        kFlags);
  t.add("v_pk_mov_b32", v_pk_mov_b32, "V2X2X2", kFlags);
}

}  // namespace

void register_wide(Table& table) {
  register_double(table);
  register_integer64(table);
  register_packed_single(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
