// SPDX-License-Identifier: Apache-2.0
//
// Short integer names, bit casts and the small-float conversions. Everything is
// `static inline` on purpose: the handler files are compiled twice (baseline
// and AVX2, see lanes.h), and a shared inline symbol would let the linker give
// the AVX2 body to the baseline caller.
#pragma once

#include <cstdint>
#include <cstring>

namespace xsim::isa {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

constexpr int kLanes = 64;

static inline float as_float(u32 bits) { return __builtin_bit_cast(float, bits); }
static inline u32 as_bits(float value) { return __builtin_bit_cast(u32, value); }
static inline double as_double(u64 bits) { return __builtin_bit_cast(double, bits); }
static inline u64 as_bits(double value) { return __builtin_bit_cast(u64, value); }

static inline u64 pair(u32 low, u32 high) { return static_cast<u64>(high) << 32 | low; }
static inline u32 low32(u64 value) { return static_cast<u32>(value); }
static inline u32 high32(u64 value) { return static_cast<u32>(value >> 32); }

// binary16 -> binary32, exact. Branch-free so that a lane loop vectorises:
// the multiplication renormalises denormals, the select patches inf and NaN.
static inline float half_to_float(u32 half) {
  const u32 magnitude = (half & 0x7fffu) << 13;
  const u32 scaled = as_bits(as_float(magnitude) * as_float(0x77800000u));  // times 2^112
  const u32 special = magnitude | 0x7f800000u;
  const u32 bits = magnitude >= 0x0f800000u ? special : scaled;
  return as_float(bits | (half & 0x8000u) << 16);
}

// binary32 -> binary16, round to nearest even, denormals kept.
static inline u32 float_to_half(float value) {
  const u32 bits = as_bits(value);
  const u32 sign = bits >> 16 & 0x8000u;
  const u32 magnitude = bits & 0x7fffffffu;
  // Normal results: rebias, then add half an ulp less one, plus the odd bit.
  const u32 normal = (magnitude - 0x38000000u + 0x0fffu + (magnitude >> 13 & 1u)) >> 13;
  // Denormal results: adding 0.5 puts the value's last bit where the half's is,
  // and the addition itself rounds to nearest even.
  const u32 tiny = as_bits(as_float(magnitude) + 0.5f) - 0x3f000000u;
  u32 half = magnitude < 0x38800000u ? tiny : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;
  const u32 nan = 0x7e00u | (magnitude >> 13 & 0x1ffu);
  half = magnitude > 0x7f800000u ? nan : half;
  return half | sign;
}

// binary32 -> binary16, round towards zero (v_cvt_pkrtz_f16_f32).
static inline u32 float_to_half_rtz(float value) {
  const u32 bits = as_bits(value);
  const u32 sign = bits >> 16 & 0x8000u;
  const u32 magnitude = bits & 0x7fffffffu;
  u32 half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | (magnitude >> 13 & 0x1ffu);
  } else if (magnitude == 0x7f800000u) {
    half = 0x7c00u;
  } else if (magnitude >= 0x47800000u) {
    half = 0x7bffu;
  } else if (magnitude >= 0x38800000u) {
    half = (magnitude - 0x38000000u) >> 13;
  } else if (magnitude >= 0x33800000u) {
    const u32 shift = 126u - (magnitude >> 23);
    half = ((magnitude & 0x7fffffu) | 0x800000u) >> shift;
  }
  return half | sign;
}

static inline float bf16_to_float(u32 bits) { return as_float(bits << 16); }

// binary32 -> bfloat16, round to nearest even.
static inline u32 float_to_bf16(float value) {
  const u32 bits = as_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16 | 0x40u) & 0xffffu;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

static inline i32 sign_extend(u32 value, int bits) {
  return static_cast<i32>(value << (32 - bits)) >> (32 - bits);
}

}  // namespace xsim::isa
