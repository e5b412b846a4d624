// SPDX-License-Identifier: Apache-2.0
//
// 16-bit vector instructions on one value a register: half floats and short
// integers. Compiled twice.
//
// Add, subtract, multiply, divide and square root of halves are computed in
// single precision and rounded once more: 24 bits are more than twice 11 plus
// 2, so the result is the correctly rounded one. The fused multiply-add rounds
// to odd first (fused_half).

#include "families.h"
#include "half_math.h"
#include "lanes.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

template <auto F>
void unary_f16(Wave& wave, const Inst& inst) {
  unary<[](u32 a) { return float_to_half(F(half_to_float(a))); }>(wave, inst);
}
template <auto F>
void binary_f16(Wave& wave, const Inst& inst) {
  binary<[](u32 a, u32 b) {
    return float_to_half(F(half_to_float(a), half_to_float(b)));
  }>(wave, inst);
}

i32 s(u32 a) { return static_cast<i16>(a); }
u32 u(u32 a) { return a & 0xffff; }

i32 min_s(i32 a, i32 b) { return a < b ? a : b; }
i32 max_s(i32 a, i32 b) { return a > b ? a : b; }
u32 min_u(u32 a, u32 b) { return a < b ? a : b; }
u32 max_u(u32 a, u32 b) { return a > b ? a : b; }

u32 saturate_signed(i32 v) { return u(static_cast<u32>(min_s(max_s(v, -32768), 32767))); }
u32 saturate_unsigned(i64 v) { return v < 0 ? 0 : v > 0xffff ? 0xffff : static_cast<u32>(v); }

// Integer results that clamp saturates.
template <auto Plain, auto Saturated>
void binary_clamp(Wave& wave, const Inst& inst) {
  if (inst.clamp) {
    binary<Saturated>(wave, inst);
  } else {
    binary<Plain>(wave, inst);
  }
}
template <auto Plain, auto Saturated>
void ternary_clamp(Wave& wave, const Inst& inst) {
  if (inst.clamp) {
    ternary<Saturated>(wave, inst);
  } else {
    ternary<Plain>(wave, inst);
  }
}

float sine(float a) {
  if (!__builtin_isfinite(a)) return as_float(0x7fc00000u);
  return static_cast<float>(__builtin_sin(6.283185307179586476925 * a));
}
float cosine(float a) {
  if (!__builtin_isfinite(a)) return as_float(0x7fc00000u);
  return static_cast<float>(__builtin_cos(6.283185307179586476925 * a));
}

u32 frexp_exponent(u32 half) {
  int exponent = 0;
  const float value = half_to_float(half);
  if (__builtin_isfinite(value)) __builtin_frexpf(value, &exponent);
  return u(static_cast<u32>(exponent));
}
u32 frexp_mantissa(u32 half) {
  int exponent = 0;
  const float value = half_to_float(half);
  return __builtin_isfinite(value) ? float_to_half(__builtin_frexpf(value, &exponent)) : u(half);
}

void register_half_arithmetic(Table& t) {
  constexpr u32 k16 = kOpSel16;
  t.add("v_add_f16", binary_f16<[](float a, float b) { return a + b; }>, "VXX", k16);
  t.add("v_sub_f16", binary_f16<[](float a, float b) { return a - b; }>, "VXX", k16);
  t.add("v_subrev_f16", binary_f16<[](float a, float b) { return b - a; }>, "VXX", k16);
  t.add("v_mul_f16", binary_f16<[](float a, float b) { return a * b; }>, "VXX", k16);
  constexpr auto fma = [](u32 a, u32 b, u32 c) { return fused_half(a, b, c); };
  constexpr auto mad = [](u32 a, u32 b, u32 c) {
    const u32 product = float_to_half(half_to_float(a) * half_to_float(b));
    return float_to_half(half_to_float(product) + half_to_float(c));
  };
  t.add("v_fma_f16", ternary<fma>, "VXXX", k16 | kKeepHigh);
  t.add("v_fma_legacy_f16", ternary<fma>, "VXXX", k16);
  t.add("v_fmac_f16", accumulate<fma>, "VXX", k16 | kKeepHigh);
  t.add("v_mad_f16", ternary<mad>, "VXXX", k16 | kKeepHigh);
  t.add("v_mad_legacy_f16", ternary<mad>, "VXXX", k16);
  t.add("v_madmk_f16", ternary<mad>, "VXXX", k16 | kKeepHigh);
  t.add("v_madak_f16", ternary<mad>, "VXXX", k16 | kKeepHigh);
  t.add("v_mac_f16", accumulate<mad>, "VXX", k16 | kKeepHigh);
  t.add("v_min_f16", binary<[](u32 a, u32 b) { return min_half(a, b); }>, "VXX", k16);
  t.add("v_max_f16", binary<[](u32 a, u32 b) { return max_half(a, b); }>, "VXX", k16);
  t.add("v_min3_f16", ternary<[](u32 a, u32 b, u32 c) {
          return min_half(min_half(a, b), c);
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_max3_f16", ternary<[](u32 a, u32 b, u32 c) {
          return max_half(max_half(a, b), c);
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_med3_f16", ternary<[](u32 a, u32 b, u32 c) {
          return float_to_half(as_float(med3_float(as_bits(half_to_float(a)),
                                                   as_bits(half_to_float(b)),
                                                   as_bits(half_to_float(c)))));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_div_fixup_f16", ternary<[](u32 a, u32 b, u32 c) {
          return div_fixup_half(a, b, c);
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_div_fixup_legacy_f16", ternary<[](u32 a, u32 b, u32 c) {
          return div_fixup_half(a, b, c);
        }>, "VXXX", k16);
  t.add("v_ldexp_f16", binary<[](u32 a, u32 b) {
          return float_to_half(__builtin_ldexpf(half_to_float(a), s(b)));
        }>, "VXX", k16);
}

void register_half_functions(Table& t) {
  constexpr u32 k16 = kOpSel16;
  t.add("v_rcp_f16", unary_f16<[](float a) { return 1.0f / a; }>, "VX", k16);
  t.add("v_rsq_f16", unary_f16<[](float a) { return 1.0f / __builtin_sqrtf(a); }>, "VX", k16);
  t.add("v_sqrt_f16", unary_f16<[](float a) { return __builtin_sqrtf(a); }>, "VX", k16);
  t.add("v_exp_f16", unary_f16<[](float a) { return __builtin_exp2f(a); }>, "VX", k16);
  t.add("v_log_f16", unary_f16<[](float a) { return __builtin_log2f(a); }>, "VX", k16);
  t.add("v_sin_f16", unary_f16<[](float a) { return sine(a); }>, "VX", k16);
  t.add("v_cos_f16", unary_f16<[](float a) { return cosine(a); }>, "VX", k16);
  t.add("v_floor_f16", unary_f16<[](float a) { return __builtin_floorf(a); }>, "VX", k16);
  t.add("v_ceil_f16", unary_f16<[](float a) { return __builtin_ceilf(a); }>, "VX", k16);
  t.add("v_trunc_f16", unary_f16<[](float a) { return __builtin_truncf(a); }>, "VX", k16);
  t.add("v_rndne_f16", unary_f16<[](float a) { return __builtin_rintf(a); }>, "VX", k16);
  t.add("v_fract_f16", unary_f16<[](float a) { return a - __builtin_floorf(a); }>, "VX", k16);
  t.add("v_frexp_exp_i16_f16", unary<[](u32 a) { return frexp_exponent(a); }>, "VX", k16);
  t.add("v_frexp_mant_f16", unary<[](u32 a) { return frexp_mantissa(a); }>, "VX", k16);
}

void register_short(Table& t) {
  constexpr u32 k16 = kOpSel16;
  constexpr u32 kBoth = kOpSel16 | kAllowClamp;
  t.add("v_add_u16", binary_clamp<[](u32 a, u32 b) { return u(a + b); },
                                  [](u32 a, u32 b) { return saturate_unsigned(i64{u(a)} + u(b)); }>,
        "VXX", kBoth);
  t.add("v_sub_u16", binary_clamp<[](u32 a, u32 b) { return u(a - b); },
                                  [](u32 a, u32 b) { return saturate_unsigned(i64{u(a)} - u(b)); }>,
        "VXX", kBoth);
  t.add("v_subrev_u16", binary<[](u32 a, u32 b) { return u(b - a); }>, "VXX", k16);
  t.add("v_add_i16", binary_clamp<[](u32 a, u32 b) { return u(a + b); },
                                  [](u32 a, u32 b) { return saturate_signed(s(a) + s(b)); }>,
        "VXX", kBoth);
  t.add("v_sub_i16", binary_clamp<[](u32 a, u32 b) { return u(a - b); },
                                  [](u32 a, u32 b) { return saturate_signed(s(a) - s(b)); }>,
        "VXX", kBoth);
  t.add("v_mul_lo_u16", binary<[](u32 a, u32 b) { return u(a * b); }>, "VXX", k16);
  constexpr auto mad = [](u32 a, u32 b, u32 c) { return u(a * b + c); };
  constexpr auto mad_unsigned = [](u32 a, u32 b, u32 c) {
    return saturate_unsigned(i64{u(a)} * u(b) + u(c));
  };
  constexpr auto mad_signed = [](u32 a, u32 b, u32 c) {
    return saturate_signed(s(a) * s(b) + s(c));
  };
  t.add("v_mad_u16", ternary_clamp<mad, mad_unsigned>, "VXXX", kBoth | kKeepHigh);
  t.add("v_mad_i16", ternary_clamp<mad, mad_signed>, "VXXX", kBoth | kKeepHigh);
  t.add("v_mad_legacy_u16", ternary_clamp<mad, mad_unsigned>, "VXXX", kBoth);
  t.add("v_mad_legacy_i16", ternary_clamp<mad, mad_signed>, "VXXX", kBoth);
  t.add("v_lshlrev_b16", binary<[](u32 a, u32 b) { return u(b << (a & 15)); }>, "VXX", k16);
  t.add("v_lshrrev_b16", binary<[](u32 a, u32 b) { return (u(b) >> (a & 15)); }>, "VXX", k16);
  t.add("v_ashrrev_i16", binary<[](u32 a, u32 b) {
          return u(static_cast<u32>(s(b) >> (a & 15)));
        }>, "VXX", k16);
  t.add("v_min_u16", binary<[](u32 a, u32 b) { return min_u(u(a), u(b)); }>, "VXX", k16);
  t.add("v_max_u16", binary<[](u32 a, u32 b) { return max_u(u(a), u(b)); }>, "VXX", k16);
  t.add("v_min_i16", binary<[](u32 a, u32 b) {
          return u(static_cast<u32>(min_s(s(a), s(b))));
        }>, "VXX", k16);
  t.add("v_max_i16", binary<[](u32 a, u32 b) {
          return u(static_cast<u32>(max_s(s(a), s(b))));
        }>, "VXX", k16);
  t.add("v_min3_u16", ternary<[](u32 a, u32 b, u32 c) {
          return min_u(min_u(u(a), u(b)), u(c));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_max3_u16", ternary<[](u32 a, u32 b, u32 c) {
          return max_u(max_u(u(a), u(b)), u(c));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_med3_u16", ternary<[](u32 a, u32 b, u32 c) {
          return max_u(min_u(u(a), u(b)), min_u(max_u(u(a), u(b)), u(c)));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_min3_i16", ternary<[](u32 a, u32 b, u32 c) {
          return u(static_cast<u32>(min_s(min_s(s(a), s(b)), s(c))));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_max3_i16", ternary<[](u32 a, u32 b, u32 c) {
          return u(static_cast<u32>(max_s(max_s(s(a), s(b)), s(c))));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_med3_i16", ternary<[](u32 a, u32 b, u32 c) {
          return u(static_cast<u32>(max_s(min_s(s(a), s(b)), min_s(max_s(s(a), s(b)), s(c)))));
        }>, "VXXX", k16 | kKeepHigh);
  t.add("v_sat_pk_u8_i16", unary<[](u32 a) {
          const u32 low = static_cast<u32>(min_s(max_s(s(a), 0), 255));
          const u32 high = static_cast<u32>(min_s(max_s(s(a >> 16), 0), 255));
          return low | high << 8;
        }>, "VX");
  t.add("v_pack_b32_f16", binary<[](u32 a, u32 b) { return u(a) | b << 16; }>, "VXX", k16);
}

}  // namespace

void register_half(Table& table) {
  register_half_arithmetic(table);
  register_half_functions(table);
  register_short(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
