// SPDX-License-Identifier: Apache-2.0
//
// Packed 16-bit instructions (VOP3P): two values a register, op_sel and
// op_sel_hi choosing the halves for each, neg_lo and neg_hi their signs.
// Compiled twice.

#include "families.h"
#include "half_math.h"
#include "lanes.h"
#include "scalar.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

// One half of source k, in the low 16 bits of `out`.
void half_source(Wave& wave, const Inst& inst, int k, bool high, bool is_float, Row& out) {
  const Operand& op = inst.op[k];
  const int bit = k - 1;
  const bool upper = (high ? inst.op_sel_hi : inst.op_sel) >> bit & 1;
  const bool negate = is_float && ((high ? inst.neg_hi : inst.neg_lo) >> bit & 1);
  const int shift = upper ? 16 : 0;
  const u32 flip = negate ? 0x8000 : 0;
  if (op.kind == Kind::kVector) {
    const u32* row = wave.v[op.index];
    XSIM_LANES out.x[l] = (row[l] >> shift & 0xffff) ^ flip;
  } else {
    const u32 value = (read32(wave, op) >> shift & 0xffff) ^ flip;
    XSIM_LANES out.x[l] = value;
  }
}

u32 clamp_half(u32 half) {
  const float value = half_to_float(half);
  return !(value > 0.0f) ? 0 : value > 1.0f ? 0x3c00 : half;
}

// F: (a, b, c, clamp) -> 16 bits.
template <auto F, int Sources, bool Float>
void packed(Wave& wave, const Inst& inst) {
  Row a, b, c, half[2];
  const bool clamp = inst.clamp;
  for (int high = 0; high < 2; ++high) {
    half_source(wave, inst, 1, high, Float, a);
    half_source(wave, inst, 2, high, Float, b);
    if (Sources > 2) half_source(wave, inst, 3, high, Float, c);
    u32* r = half[high].x;
    XSIM_LANES r[l] = F(a.x[l], b.x[l], Sources > 2 ? c.x[l] : 0u, clamp);
    if (Float && clamp) {
      for (int l = 0; l < kLanes; ++l) r[l] = clamp_half(r[l]);
    }
  }
  XSIM_LANES half[0].x[l] = (half[0].x[l] & 0xffff) | half[1].x[l] << 16;
  write_masked(wave.v[inst.op[0].index], half[0].x, wave.exec());
}

i32 s(u32 a) { return static_cast<i16>(a); }
u32 saturate_signed(i32 v) {
  return static_cast<u32>(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}
u32 saturate_unsigned(i64 v) { return v < 0 ? 0 : v > 0xffff ? 0xffff : static_cast<u32>(v); }

template <auto F, int Sources = 2>
void add_float(Table& t, const char* name) {
  t.add(name, packed<F, Sources, true>, Sources > 2 ? "VXXX" : "VXX", kOwnOpSel | kOwnModifiers);
}
template <auto F, int Sources = 2>
void add_integer(Table& t, const char* name) {
  t.add(name, packed<F, Sources, false>, Sources > 2 ? "VXXX" : "VXX", kOwnOpSel | kOwnModifiers);
}

// v_pk_fmac_f16 (VOP2): the destination is the addend.
void v_pk_fmac_f16(Wave& wave, const Inst& inst) {
  accumulate<[](u32 a, u32 b, u32 c) {
    const u32 low = fused_half(a & 0xffff, b & 0xffff, c & 0xffff);
    return low | fused_half(a >> 16, b >> 16, c >> 16) << 16;
  }>(wave, inst);
}

void register_floats(Table& t) {
  t.add("v_pk_fmac_f16", v_pk_fmac_f16, "VXX");
  add_float<[](u32 a, u32 b, u32, bool) {
    return float_to_half(half_to_float(a) + half_to_float(b));
  }>(t, "v_pk_add_f16");
  add_float<[](u32 a, u32 b, u32, bool) {
    return float_to_half(half_to_float(a) * half_to_float(b));
  }>(t, "v_pk_mul_f16");
  add_float<[](u32 a, u32 b, u32 c, bool) { return fused_half(a, b, c); }, 3>(t, "v_pk_fma_f16");
  add_float<[](u32 a, u32 b, u32, bool) { return min_half(a, b); }>(t, "v_pk_min_f16");
  add_float<[](u32 a, u32 b, u32, bool) { return max_half(a, b); }>(t, "v_pk_max_f16");
}

void register_integers(Table& t) {
  add_integer<[](u32 a, u32 b, u32, bool clamp) {
    return clamp ? saturate_signed(s(a) + s(b)) : a + b;
  }>(t, "v_pk_add_i16");
  add_integer<[](u32 a, u32 b, u32, bool clamp) {
    return clamp ? saturate_signed(s(a) - s(b)) : a - b;
  }>(t, "v_pk_sub_i16");
  add_integer<[](u32 a, u32 b, u32, bool clamp) {
    return clamp ? saturate_unsigned(i64{a} + b) : a + b;
  }>(t, "v_pk_add_u16");
  add_integer<[](u32 a, u32 b, u32, bool clamp) {
    return clamp ? saturate_unsigned(i64{a} - b) : a - b;
  }>(t, "v_pk_sub_u16");
  add_integer<[](u32 a, u32 b, u32, bool) { return a * b; }>(t, "v_pk_mul_lo_u16");
  add_integer<[](u32 a, u32 b, u32 c, bool clamp) {
    return clamp ? saturate_signed(s(a) * s(b) + s(c)) : a * b + c;
  }, 3>(t, "v_pk_mad_i16");
  add_integer<[](u32 a, u32 b, u32 c, bool clamp) {
    return clamp ? saturate_unsigned(i64{a} * b + c) : a * b + c;
  }, 3>(t, "v_pk_mad_u16");
  add_integer<[](u32 a, u32 b, u32, bool) { return b << (a & 15); }>(t, "v_pk_lshlrev_b16");
  add_integer<[](u32 a, u32 b, u32, bool) { return (b >> (a & 15)); }>(t, "v_pk_lshrrev_b16");
  add_integer<[](u32 a, u32 b, u32, bool) {
    return static_cast<u32>(s(b) >> (a & 15));
  }>(t, "v_pk_ashrrev_i16");
  add_integer<[](u32 a, u32 b, u32, bool) { return s(a) < s(b) ? a : b; }>(t, "v_pk_min_i16");
  add_integer<[](u32 a, u32 b, u32, bool) { return (s(a) > s(b)) ? a : b; }>(t, "v_pk_max_i16");
  add_integer<[](u32 a, u32 b, u32, bool) { return a < b ? a : b; }>(t, "v_pk_min_u16");
  add_integer<[](u32 a, u32 b, u32, bool) { return (a > b) ? a : b; }>(t, "v_pk_max_u16");
}

}  // namespace

void register_packed(Table& table) {
  register_floats(table);
  register_integers(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
