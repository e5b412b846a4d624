// SPDX-License-Identifier: Apache-2.0
//
// gfx942's 8-bit floats, the "fnuz" kind: fp8 is E4M3 with bias 8, bf8 is E5M2
// with bias 16; no infinities, no negative zero, 0x80 is NaN.
#pragma once

#include "types.h"

namespace xsim::isa {

template <int Exponent, int Fraction>
static inline float small_to_float(u32 byte) {
  constexpr int kBias = 1 << (Exponent - 1);
  if (byte == 0x80) return as_float(0x7fc00000u);
  const u32 exponent = byte >> Fraction & ((1u << Exponent) - 1);
  const u32 fraction = byte & ((1u << Fraction) - 1);
  const float sign = byte & 0x80 ? -1.0f : 1.0f;
  const float mantissa = static_cast<float>(exponent == 0 ? fraction : fraction | 1u << Fraction);
  const int power = static_cast<int>(exponent == 0 ? 1 : exponent) - kBias - Fraction;
  return sign * __builtin_ldexpf(mantissa, power);
}

// `add` is what is added below the last kept bit before cutting, as a fraction
// of it in 1/2^32; round to nearest even when `nearest`.
template <int Exponent, int Fraction>
static inline u32 float_to_small(float value, bool nearest, u32 random) {
  constexpr int kBias = 1 << (Exponent - 1);
  constexpr u32 kLargest = (1u << (Exponent + Fraction)) - 1;
  const u32 bits = as_bits(value);
  const u32 sign = bits >> 24 & 0x80;
  const u32 magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x80;
  // Infinity and overflow saturate (the hardware's default without FP16_OVFL
  // is NaN for infinity).
  if (magnitude == 0x7f800000u) return 0x80;
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  u64 mantissa = (magnitude & 0x7fffffu) | (magnitude >= 0x800000u ? 0x800000u : 0);
  // Shift that leaves units of the result's last place.
  const int lowest = 1 - kBias;
  const int scale = exponent > lowest ? exponent : lowest;
  const int shift = 23 - Fraction + (scale - exponent);
  if (shift > 40) return 0;
  mantissa <<= 16;  // room below for the random bits
  const int cut = shift + 16;
  const u64 kept = mantissa >> cut;
  const u64 rest = mantissa & ((1ull << cut) - 1);
  const u64 half = 1ull << (cut - 1);
  u64 rounded = kept;
  if (nearest) {
    if (rest > half || (rest == half && (kept & 1))) ++rounded;
  } else {
    const u64 noise = cut >= 32 ? static_cast<u64>(random) << (cut - 32) : random >> (32 - cut);
    rounded = (mantissa + noise) >> cut;
  }
  const u64 base = static_cast<u64>(scale - lowest) << Fraction;
  u64 result = base + rounded;  // a carry runs into the exponent as it should
  if (result > kLargest) result = kLargest;
  return result == 0 ? 0 : static_cast<u32>(result) | sign;
}

static inline float fp8_to_float(u32 byte) { return small_to_float<4, 3>(byte); }
static inline float bf8_to_float(u32 byte) { return small_to_float<5, 2>(byte); }
static inline u32 float_to_fp8(float v) { return float_to_small<4, 3>(v, true, 0); }
static inline u32 float_to_bf8(float v) { return float_to_small<5, 2>(v, true, 0); }
static inline u32 float_to_fp8_stochastic(float v, u32 random) {
  return float_to_small<4, 3>(v, false, random);
}
static inline u32 float_to_bf8_stochastic(float v, u32 random) {
  return float_to_small<5, 2>(v, false, random);
}

}  // namespace xsim::isa
