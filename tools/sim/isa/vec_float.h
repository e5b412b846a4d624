// SPDX-License-Identifier: Apache-2.0
//
// Float helpers that several vector files need; all static inline (lanes.h).
#pragma once

#include "types.h"

namespace xsim::isa {

// Orders floats as integers, -0 below +0.
static inline i32 float_key(u32 bits) {
  return static_cast<i32>(bits ^ ((bits >> 31) * 0x7fffffffu));
}
static inline bool is_nan32(u32 bits) { return (bits & 0x7fffffffu) > 0x7f800000u; }

// IEEE minNum / maxNum: a number wins over NaN.
static inline u32 min_float(u32 a, u32 b) {
  const u32 r = float_key(a) < float_key(b) ? a : b;
  return is_nan32(a) ? b : is_nan32(b) ? a : r;
}
static inline u32 max_float(u32 a, u32 b) {
  const u32 r = float_key(a) > float_key(b) ? a : b;
  return is_nan32(a) ? b : is_nan32(b) ? a : r;
}
static inline u32 med3_float(u32 a, u32 b, u32 c) {
  if (is_nan32(a) || is_nan32(b) || is_nan32(c)) return min_float(min_float(a, b), c);
  return max_float(min_float(a, b), min_float(max_float(a, b), c));
}

static inline i64 double_key(u64 bits) {
  return static_cast<i64>(bits ^ ((bits >> 63) * 0x7fffffffffffffffull));
}
static inline bool is_nan64(u64 bits) {
  return (bits & 0x7fffffffffffffffull) > 0x7ff0000000000000ull;
}
static inline u64 min_double(u64 a, u64 b) {
  const u64 r = double_key(a) < double_key(b) ? a : b;
  return is_nan64(a) ? b : is_nan64(b) ? a : r;
}
static inline u64 max_double(u64 a, u64 b) {
  const u64 r = double_key(a) > double_key(b) ? a : b;
  return is_nan64(a) ? b : is_nan64(b) ? a : r;
}

static inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }

// Class bits of v_cmp_class: sNaN, qNaN, -inf, -normal, -denormal, -0, +0,
// +denormal, +normal, +inf.
static inline u32 float_class(u32 sign, u32 exponent, u32 exponent_max, bool fraction, bool quiet) {
  if (exponent == exponent_max) {
    if (fraction) return quiet ? 2u : 1u;
    return sign ? 4u : 512u;
  }
  if (exponent != 0) return sign ? 8u : 256u;
  if (fraction) return sign ? 16u : 128u;
  return sign ? 32u : 64u;
}

}  // namespace xsim::isa
