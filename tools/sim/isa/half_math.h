// SPDX-License-Identifier: Apache-2.0
//
// Half-precision operations that need more than "in float, then round".
#pragma once

#include "types.h"
#include "vec_float.h"

namespace xsim::isa {

static inline u32 min_half(u32 a, u32 b) {
  return float_to_half(as_float(min_float(as_bits(half_to_float(a)), as_bits(half_to_float(b)))));
}
static inline u32 max_half(u32 a, u32 b) {
  return float_to_half(as_float(max_float(as_bits(half_to_float(a)), as_bits(half_to_float(b)))));
}

// a + b rounded to odd: if the float sum is inexact, its last bit is set, so
// that rounding to 11 bits afterwards cannot round twice.
static inline float add_to_odd(float a, float b) {
  const float sum = a + b;
  const float b_part = sum - a;
  const float error = (a - (sum - b_part)) + (b - b_part);
  const u32 bits = as_bits(sum);
  // The exact value is on the error's side of the sum.
  const u32 towards = (as_bits(error) ^ bits) >> 31 ? bits - 1 : bits + 1;
  const bool inexact = error != 0.0f && error - error == 0.0f;
  return as_float(inexact && (bits & 1) == 0 ? towards : bits);
}

// The product of two halves is exact in float.
static inline u32 fused_half(u32 a, u32 b, u32 c) {
  return float_to_half(add_to_odd(half_to_float(a) * half_to_float(b), half_to_float(c)));
}

static inline u32 div_fixup_half(u32 quotient, u32 denominator, u32 numerator) {
  const u32 sign = (denominator ^ numerator) & 0x8000;
  const u32 d = denominator & 0x7fff;
  const u32 n = numerator & 0x7fff;
  if (n > 0x7c00) return (numerator | 0x200) & 0xffff;
  if (d > 0x7c00) return (denominator | 0x200) & 0xffff;
  if ((d == 0 && n == 0) || (d == 0x7c00 && n == 0x7c00)) return 0xfe00;
  if (d == 0 || n == 0x7c00) return sign | 0x7c00;
  if (d == 0x7c00 || n == 0) return sign;
  return sign | (quotient & 0x7fff);
}

}  // namespace xsim::isa
