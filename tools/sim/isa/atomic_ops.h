// SPDX-License-Identifier: Apache-2.0
//
// What atomic instructions do to the value in memory: new = F(old, data).
// Shared by global, flat, buffer and LDS atomics.
#pragma once

#include "types.h"

namespace xsim::isa {

template <class T, class Signed>
struct IntegerOps {
  static T add(T old, T x) { return old + x; }
  static T sub(T old, T x) { return old - x; }
  static T rsub(T old, T x) { return x - old; }
  static T bit_and(T old, T x) { return old & x; }
  static T bit_or(T old, T x) { return old | x; }
  static T bit_xor(T old, T x) { return old ^ x; }
  static T swap(T, T x) { return x; }
  static T umin(T old, T x) { return x < old ? x : old; }
  static T umax(T old, T x) { return x > old ? x : old; }
  static T smin(T old, T x) { return static_cast<Signed>(x) < static_cast<Signed>(old) ? x : old; }
  static T smax(T old, T x) { return static_cast<Signed>(x) > static_cast<Signed>(old) ? x : old; }
  static T inc(T old, T x) { return old >= x ? 0 : old + 1; }
  static T dec(T old, T x) { return old == 0 || old > x ? x : old - 1; }
};
using Ops32 = IntegerOps<u32, i32>;
using Ops64 = IntegerOps<u64, i64>;

static inline u32 atomic_add_f32(u32 old, u32 x) { return as_bits(as_float(old) + as_float(x)); }
static inline u32 atomic_min_f32(u32 old, u32 x) {
  return as_float(x) < as_float(old) ? x : old;
}
static inline u32 atomic_max_f32(u32 old, u32 x) {
  return as_float(x) > as_float(old) ? x : old;
}
static inline u64 atomic_add_f64(u64 old, u64 x) {
  return as_bits(as_double(old) + as_double(x));
}
static inline u64 atomic_min_f64(u64 old, u64 x) {
  return as_double(x) < as_double(old) ? x : old;
}
static inline u64 atomic_max_f64(u64 old, u64 x) {
  return as_double(x) > as_double(old) ? x : old;
}
static inline u32 atomic_pk_add_f16(u32 old, u32 x) {
  const u32 low = float_to_half(half_to_float(old & 0xffff) + half_to_float(x & 0xffff));
  const u32 high = float_to_half(half_to_float(old >> 16) + half_to_float(x >> 16));
  return low | high << 16;
}
static inline u32 atomic_pk_add_bf16(u32 old, u32 x) {
  const u32 low = float_to_bf16(bf16_to_float(old & 0xffff) + bf16_to_float(x & 0xffff));
  const u32 high = float_to_bf16(bf16_to_float(old >> 16) + bf16_to_float(x >> 16));
  return low | high << 16;
}

}  // namespace xsim::isa
