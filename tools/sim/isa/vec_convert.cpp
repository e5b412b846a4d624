// SPDX-License-Identifier: Apache-2.0
//
// Conversions between integers and floats of all widths. Compiled twice.

#include "families.h"
#include "fp8.h"
#include "lanes.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

// Out-of-range values saturate, NaN gives 0.
u32 to_u32(double value) {
  if (!(value > 0.0)) return 0;
  return value >= 4294967296.0 ? ~0u : static_cast<u32>(value);
}
u32 to_i32(double value) {
  if (value != value) return 0;
  if (value >= 2147483648.0) return 0x7fffffffu;
  if (value <= -2147483649.0) return 0x80000000u;
  return static_cast<u32>(static_cast<i32>(value));
}
u32 to_u16(float value) {
  if (!(value > 0.0f)) return 0;
  return value >= 65536.0f ? 0xffffu : static_cast<u32>(value);
}
u32 to_i16(float value) {
  if (value != value) return 0;
  const float limited = value >= 32767.0f ? 32767.0f : value <= -32768.0f ? -32768.0f : value;
  return static_cast<u32>(static_cast<i32>(limited)) & 0xffff;
}

u32 saturate_i16(u32 value) {
  const i32 v = static_cast<i32>(value);
  return static_cast<u32>(v > 32767 ? 32767 : v < -32768 ? -32768 : v) & 0xffff;
}
u32 saturate_u16(u32 value) { return value > 0xffff ? 0xffff : value; }

// Normalised 16-bit: [-1, 1] or [0, 1] over the full range, rounded to even.
u32 to_norm_i16(float value) {
  const float v = value != value ? 0.0f : value > 1.0f ? 1.0f : value < -1.0f ? -1.0f : value;
  return static_cast<u32>(static_cast<i32>(__builtin_rintf(v * 32767.0f))) & 0xffff;
}
u32 to_norm_u16(float value) {
  const float v = !(value > 0.0f) ? 0.0f : value > 1.0f ? 1.0f : value;
  return static_cast<u32>(__builtin_rintf(v * 65535.0f)) & 0xffff;
}

u32 float_byte(u32 value, int byte) {
  return as_bits(static_cast<float>(value >> (8 * byte) & 0xff));
}

// Converts to a byte and puts it into place `where` of `old`.
u32 pack_byte(u32 value, u32 where, u32 old) {
  const float v = as_float(value);
  const float limited = !(v > 0.0f) ? 0.0f : v > 255.0f ? 255.0f : v;
  const u32 byte = static_cast<u32>(__builtin_rintf(limited));
  const int shift = static_cast<int>(8 * (where & 3));
  return (old & ~(0xffu << shift)) | byte << shift;
}

// 64-bit source, 32-bit result.
template <auto F>
void narrow(Wave& wave, const Inst& inst) {
  Row64 a;
  Row tr;
  source64(wave, inst, 1, a);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = F(as_double(a.x[l]));
  finish(wave, inst, r, tr);
}

// 32-bit source, 64-bit result.
template <auto F>
void widen(Wave& wave, const Inst& inst) {
  Row ta;
  Row64 r;
  const u32* a = source(wave, inst, 1, ta);
  XSIM_LANES r.x[l] = as_bits(static_cast<double>(F(a[l])));
  write64(wave, inst, r);
}

void register_32(Table& t) {
  t.add("v_cvt_f32_u32", unary<[](u32 a) { return as_bits(static_cast<float>(a)); }>, "VX");
  t.add("v_cvt_f32_i32", unary<[](u32 a) {
          return as_bits(static_cast<float>(static_cast<i32>(a)));
        }>, "VX");
  t.add("v_cvt_u32_f32", unary<[](u32 a) { return to_u32(as_float(a)); }>, "VX");
  t.add("v_cvt_i32_f32", unary<[](u32 a) { return to_i32(as_float(a)); }>, "VX");
  t.add("v_cvt_rpi_i32_f32", unary<[](u32 a) {
          return to_i32(__builtin_floor(static_cast<double>(as_float(a)) + 0.5));
        }>, "VX");
  t.add("v_cvt_flr_i32_f32", unary<[](u32 a) { return to_i32(__builtin_floorf(as_float(a))); }>,
        "VX");
  t.add("v_cvt_f32_ubyte0", unary<[](u32 a) { return float_byte(a, 0); }>, "VX");
  t.add("v_cvt_f32_ubyte1", unary<[](u32 a) { return float_byte(a, 1); }>, "VX");
  t.add("v_cvt_f32_ubyte2", unary<[](u32 a) { return float_byte(a, 2); }>, "VX");
  t.add("v_cvt_f32_ubyte3", unary<[](u32 a) { return float_byte(a, 3); }>, "VX");
  t.add("v_cvt_off_f32_i4", unary<[](u32 a) {
          return as_bits(static_cast<float>(sign_extend(a & 15, 4)) * 0.0625f);
        }>, "VX");
  t.add("v_cvt_pk_u8_f32", ternary<[](u32 a, u32 b, u32 c) { return pack_byte(a, b, c); }>, "VXXX",
        kOwnModifiers);
}

void register_half_conversions(Table& t) {
  t.add("v_cvt_f32_f16", unary<[](u32 a) { return as_bits(half_to_float(a)); }>, "VX", kOpSel16);
  t.add("v_cvt_f16_f32", unary<[](u32 a) { return float_to_half(as_float(a)); }>, "VX", kOpSel16);
  t.add("v_cvt_f16_u16", unary<[](u32 a) {
          return float_to_half(static_cast<float>(a & 0xffff));
        }>, "VX", kOpSel16);
  t.add("v_cvt_f16_i16", unary<[](u32 a) {
          return float_to_half(static_cast<float>(static_cast<i16>(a)));
        }>, "VX", kOpSel16);
  t.add("v_cvt_u16_f16", unary<[](u32 a) { return to_u16(half_to_float(a)); }>, "VX", kOpSel16);
  t.add("v_cvt_i16_f16", unary<[](u32 a) { return to_i16(half_to_float(a)); }>, "VX", kOpSel16);
  t.add("v_cvt_norm_i16_f16", unary<[](u32 a) { return to_norm_i16(half_to_float(a)); }>, "VX",
        kOpSel16);
  t.add("v_cvt_norm_u16_f16", unary<[](u32 a) { return to_norm_u16(half_to_float(a)); }>, "VX",
        kOpSel16);
  // Pairs: the first source in the lower half.
  t.add("v_cvt_pkrtz_f16_f32", binary<[](u32 a, u32 b) {
          return float_to_half_rtz(as_float(a)) | float_to_half_rtz(as_float(b)) << 16;
        }>, "VXX");
  t.add("v_cvt_pk_i16_i32", binary<[](u32 a, u32 b) {
          return saturate_i16(a) | saturate_i16(b) << 16;
        }>, "VXX");
  t.add("v_cvt_pk_u16_u32", binary<[](u32 a, u32 b) {
          return saturate_u16(a) | saturate_u16(b) << 16;
        }>, "VXX");
  t.add("v_cvt_pknorm_i16_f32", binary<[](u32 a, u32 b) {
          return to_norm_i16(as_float(a)) | to_norm_i16(as_float(b)) << 16;
        }>, "VXX");
  t.add("v_cvt_pknorm_u16_f32", binary<[](u32 a, u32 b) {
          return to_norm_u16(as_float(a)) | to_norm_u16(as_float(b)) << 16;
        }>, "VXX");
  t.add("v_cvt_pknorm_i16_f16", binary<[](u32 a, u32 b) {
          return to_norm_i16(half_to_float(a)) | to_norm_i16(half_to_float(b)) << 16;
        }>, "VXX", kOpSel16);
  t.add("v_cvt_pknorm_u16_f16", binary<[](u32 a, u32 b) {
          return to_norm_u16(half_to_float(a)) | to_norm_u16(half_to_float(b)) << 16;
        }>, "VXX", kOpSel16);
}

void register_64(Table& t) {
  t.add("v_cvt_f32_f64", narrow<[](double a) { return as_bits(static_cast<float>(a)); }>, "VX2");
  t.add("v_cvt_i32_f64", narrow<[](double a) { return to_i32(a); }>, "VX2");
  t.add("v_cvt_u32_f64", narrow<[](double a) { return to_u32(a); }>, "VX2");
  t.add("v_cvt_f64_f32", widen<[](u32 a) { return as_float(a); }>, "V2X");
  t.add("v_cvt_f64_i32", widen<[](u32 a) { return static_cast<i32>(a); }>, "V2X");
  t.add("v_cvt_f64_u32", widen<[](u32 a) { return a; }>, "V2X");
}

// ---- gfx942's 8-bit floats ----

// op_sel[0..1] picks the byte (or SDWA's selection has done so already).
template <auto F>
void from_byte(Wave& wave, const Inst& inst) {
  Row ta, tr;
  const u32* a = source(wave, inst, 1, ta);
  const int shift = 8 * (inst.op_sel & 3);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES r[l] = as_bits(F(a[l] >> shift & 0xff));
  finish(wave, inst, r, tr);
}

template <auto F>
void from_byte_pair(Wave& wave, const Inst& inst) {
  Row ta;
  Row64 r;
  const u32* a = source(wave, inst, 1, ta);
  const int shift = inst.op_sel & 1 ? 16 : 0;
  for (int l = 0; l < kLanes; ++l) {
    r.x[l] = pair(as_bits(F(a[l] >> shift & 0xff)), as_bits(F(a[l] >> (shift + 8) & 0xff)));
  }
  write64(wave, inst, r);
}

// Two floats to two bytes in the lower or (op_sel of the destination) upper
// half; the other half stays.
template <auto F>
void to_byte_pair(Wave& wave, const Inst& inst) {
  Row ta, tb, merged;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* old = wave.v[inst.op[0].index];
  const bool upper = inst.op_sel >> 2 & 1;
  for (int l = 0; l < kLanes; ++l) {
    const u32 bytes = F(as_float(a[l])) | F(as_float(b[l])) << 8;
    merged.x[l] = upper ? (old[l] & 0xffffu) | bytes << 16 : (old[l] & 0xffff0000u) | bytes;
  }
  finish(wave, inst, merged.x, merged);
}

// Stochastic rounding: the second source holds the random bits, op_sel bits 2
// and 3 the byte that is written.
template <auto F>
void to_byte_stochastic(Wave& wave, const Inst& inst) {
  Row ta, tb, merged;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* old = wave.v[inst.op[0].index];
  const int shift = 8 * (inst.op_sel >> 2 & 3);
  for (int l = 0; l < kLanes; ++l) {
    merged.x[l] = (old[l] & ~(0xffu << shift)) | F(as_float(a[l]), b[l]) << shift;
  }
  finish(wave, inst, merged.x, merged);
}

void register_fp8(Table& t) {
  constexpr u32 kFlags = kOwnOpSel;
  t.add("v_cvt_f32_fp8", from_byte<[](u32 a) { return fp8_to_float(a); }>, "VX", kFlags);
  t.add("v_cvt_f32_bf8", from_byte<[](u32 a) { return bf8_to_float(a); }>, "VX", kFlags);
  t.add("v_cvt_pk_f32_fp8", from_byte_pair<[](u32 a) { return fp8_to_float(a); }>, "V2X", kFlags);
  t.add("v_cvt_pk_f32_bf8", from_byte_pair<[](u32 a) { return bf8_to_float(a); }>, "V2X", kFlags);
  t.add("v_cvt_pk_fp8_f32", to_byte_pair<[](float a) { return float_to_fp8(a); }>, "VXX", kFlags);
  t.add("v_cvt_pk_bf8_f32", to_byte_pair<[](float a) { return float_to_bf8(a); }>, "VXX", kFlags);
  t.add("v_cvt_sr_fp8_f32", to_byte_stochastic<[](float a, u32 random) {
          return float_to_fp8_stochastic(a, random);
        }>, "VXX", kFlags);
  t.add("v_cvt_sr_bf8_f32", to_byte_stochastic<[](float a, u32 random) {
          return float_to_bf8_stochastic(a, random);
        }>, "VXX", kFlags);
}

}  // namespace

void register_convert(Table& table) {
  register_32(table);
  register_half_conversions(table);
  register_64(table);
  register_fp8(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
