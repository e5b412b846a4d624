// SPDX-License-Identifier: Apache-2.0
//
// 32-bit float vector instructions. Compiled twice (lanes.h).
//
// Approximate instructions (rcp, rsq, exp, log, sin, cos) are computed to full
// float precision: the hardware promises 1 ulp or so, not which one.

#include "families.h"
#include "lanes.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

float legacy_multiply(float a, float b) { return a == 0.0f || b == 0.0f ? 0.0f : a * b; }

constexpr double kTurn = 6.283185307179586476925;

// Argument in revolutions. The hardware's range is 256 of them; reduction in
// double keeps ours right for all.
float sine(float a) {
  if (!__builtin_isfinite(a)) return as_float(0x7fc00000u);
  return static_cast<float>(__builtin_sin(kTurn * (a - __builtin_floor(double(a)))));
}
float cosine(float a) {
  if (!__builtin_isfinite(a)) return as_float(0x7fc00000u);
  return static_cast<float>(__builtin_cos(kTurn * (a - __builtin_floor(double(a)))));
}

// The fraction stays below 1 even when the subtraction rounds up.
float fraction(float a) {
  const float r = a - __builtin_floorf(a);
  return r >= 1.0f ? as_float(0x3f7fffffu) : r;
}

u32 frexp_exponent(u32 bits) {
  const u32 magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u || magnitude == 0) return 0;
  int exponent = 0;
  __builtin_frexpf(as_float(bits), &exponent);
  return static_cast<u32>(exponent);
}
u32 frexp_mantissa(u32 bits) {
  if ((bits & 0x7fffffffu) >= 0x7f800000u) return bits;
  int exponent = 0;
  return as_bits(__builtin_frexpf(as_float(bits), &exponent));
}

int clamp_scale(u32 scale) {
  const i32 value = static_cast<i32>(scale);
  return value > 1000 ? 1000 : value < -1000 ? -1000 : value;
}

// v_fmamk: a * constant + b; v_fmaak: a * b + constant. Both come with three
// sources in the order of the multiply-add.
void register_arithmetic(Table& t) {
  t.add("v_add_f32", binary_f32<[](float a, float b) { return a + b; }>, "VXX");
  t.add("v_sub_f32", binary_f32<[](float a, float b) { return a - b; }>, "VXX");
  t.add("v_subrev_f32", binary_f32<[](float a, float b) { return b - a; }>, "VXX");
  t.add("v_mul_f32", binary_f32<[](float a, float b) { return a * b; }>, "VXX");
  t.add("v_mul_legacy_f32", binary_f32<[](float a, float b) { return legacy_multiply(a, b); }>,
        "VXX");
  constexpr auto fma = [](float a, float b, float c) { return fused(a, b, c); };
  constexpr auto mad = [](float a, float b, float c) { return a * b + c; };
  t.add("v_fma_f32", ternary_f32<fma>, "VXXX");
  t.add("v_fmamk_f32", ternary_f32<fma>, "VXXX");
  t.add("v_fmaak_f32", ternary_f32<fma>, "VXXX");
  t.add("v_mad_f32", ternary_f32<mad>, "VXXX");
  t.add("v_madmk_f32", ternary_f32<mad>, "VXXX");
  t.add("v_madak_f32", ternary_f32<mad>, "VXXX");
  t.add("v_mad_legacy_f32", ternary_f32<[](float a, float b, float c) {
          return legacy_multiply(a, b) + c;
        }>, "VXXX");
  t.add("v_fmac_f32", accumulate<[](u32 a, u32 b, u32 c) {
          return as_bits(fused(as_float(a), as_float(b), as_float(c)));
        }>, "VXX");
  t.add("v_mac_f32", accumulate<[](u32 a, u32 b, u32 c) {
          return as_bits(as_float(a) * as_float(b) + as_float(c));
        }>, "VXX");
  t.add("v_ldexp_f32", binary<[](u32 a, u32 b) {
          return as_bits(__builtin_ldexpf(as_float(a), clamp_scale(b)));
        }>, "VXX");
}

void register_order(Table& t) {
  t.add("v_min_f32", binary<[](u32 a, u32 b) { return min_float(a, b); }>, "VXX");
  t.add("v_max_f32", binary<[](u32 a, u32 b) { return max_float(a, b); }>, "VXX");
  t.add("v_min3_f32", ternary<[](u32 a, u32 b, u32 c) {
          return min_float(min_float(a, b), c);
        }>, "VXXX");
  t.add("v_max3_f32", ternary<[](u32 a, u32 b, u32 c) {
          return max_float(max_float(a, b), c);
        }>, "VXXX");
  t.add("v_med3_f32", ternary<[](u32 a, u32 b, u32 c) { return med3_float(a, b, c); }>, "VXXX");
}

void register_functions(Table& t) {
  t.add("v_rcp_f32", unary_f32<[](float a) { return 1.0f / a; }>, "VX");
  t.add("v_rcp_iflag_f32", unary_f32<[](float a) { return 1.0f / a; }>, "VX");
  t.add("v_rsq_f32", unary_f32<[](float a) { return 1.0f / __builtin_sqrtf(a); }>, "VX");
  t.add("v_sqrt_f32", unary_f32<[](float a) { return __builtin_sqrtf(a); }>, "VX");
  t.add("v_exp_f32", unary_f32<[](float a) { return __builtin_exp2f(a); }>, "VX");
  t.add("v_log_f32", unary_f32<[](float a) { return __builtin_log2f(a); }>, "VX");
  t.add("v_exp_legacy_f32", unary_f32<[](float a) { return __builtin_exp2f(a); }>, "VX");
  t.add("v_log_legacy_f32", unary_f32<[](float a) { return __builtin_log2f(a); }>, "VX");
  t.add("v_sin_f32", unary_f32<[](float a) { return sine(a); }>, "VX");
  t.add("v_cos_f32", unary_f32<[](float a) { return cosine(a); }>, "VX");
  t.add("v_trunc_f32", unary_f32<[](float a) { return __builtin_truncf(a); }>, "VX");
  t.add("v_ceil_f32", unary_f32<[](float a) { return __builtin_ceilf(a); }>, "VX");
  t.add("v_floor_f32", unary_f32<[](float a) { return __builtin_floorf(a); }>, "VX");
  t.add("v_rndne_f32", unary_f32<[](float a) { return __builtin_rintf(a); }>, "VX");
  t.add("v_fract_f32", unary_f32<[](float a) { return fraction(a); }>, "VX");
  t.add("v_frexp_mant_f32", unary<[](u32 a) { return frexp_mantissa(a); }>, "VX");
  t.add("v_frexp_exp_i32_f32", unary<[](u32 a) { return frexp_exponent(a); }>, "VX");
}

// Cube map coordinates exist on CDNA too, but nothing that runs here asks for
// them: unimplemented on purpose.

}  // namespace

void register_float32(Table& table) {
  register_arithmetic(table);
  register_order(table);
  register_functions(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
