// SPDX-License-Identifier: Apache-2.0
//
// Dot products over the parts of a register, and the mixed-precision fused
// multiply-add. Compiled twice.

#include "families.h"
#include "half_math.h"
#include "lanes.h"
#include "scalar.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

i64 part(u32 value, int index, int bits, bool is_signed) {
  const u32 field = value >> (index * bits) & ((1u << bits) - 1);
  return is_signed ? sign_extend(field, bits) : static_cast<i64>(field);
}

u32 integer_dot(u32 a, u32 b, u32 c, int bits, bool a_signed, bool b_signed, bool is_signed,
                bool clamp) {
  i64 sum = is_signed ? static_cast<i64>(static_cast<i32>(c)) : static_cast<i64>(c);
  for (int i = 0; i < 32 / bits; ++i) sum += part(a, i, bits, a_signed) * part(b, i, bits, b_signed);
  if (clamp && is_signed) {
    sum = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum;
  } else if (clamp) {
    sum = sum > UINT32_MAX ? UINT32_MAX : sum;
  }
  return static_cast<u32>(sum);
}

float half_at(u32 value, bool upper) { return half_to_float(upper ? value >> 16 : value & 0xffff); }

// Three sources. neg_lo's first two bits of v_dot4_i32_i8 exist only on later
// targets, where they select signedness; here they must be clear.
template <int Bits, bool Signed>
void dot_integer(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, result;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* c = source(wave, inst, 3, tc);
  for (int l = 0; l < kLanes; ++l) {
    result.x[l] = integer_dot(a[l], b[l], c[l], Bits, Signed, Signed, Signed, inst.clamp);
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
}

// The destination is the addend (v_dot4c and friends, VOP2).
template <int Bits>
void dot_integer_accumulate(Wave& wave, const Inst& inst) {
  accumulate<[](u32 a, u32 b, u32 c) {
    return integer_dot(a, b, c, Bits, true, true, true, false);
  }>(wave, inst);
}

// op_sel / op_sel_hi: which half is the first / second factor.
void v_dot2_f32_f16(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, result;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* c = source(wave, inst, 3, tc);
  const auto factor = [&](const u32* row, int l, int k, bool high) {
    const bool upper = (high ? inst.op_sel_hi : inst.op_sel) >> k & 1;
    const bool negate = (high ? inst.neg_hi : inst.neg_lo) >> k & 1;
    const float value = half_at(row[l], upper);
    return negate ? -value : value;
  };
  for (int l = 0; l < kLanes; ++l) {
    float sum = as_float(c[l]);
    if (inst.neg_lo >> 2 & 1) sum = -sum;
    sum = fused(factor(a, l, 0, false), factor(b, l, 1, false), sum);
    sum = fused(factor(a, l, 0, true), factor(b, l, 1, true), sum);
    if (inst.clamp) sum = !(sum > 0.0f) ? 0.0f : sum > 1.0f ? 1.0f : sum;
    result.x[l] = as_bits(sum);
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
}

void v_dot2c_f32_f16(Wave& wave, const Inst& inst) {
  accumulate<[](u32 a, u32 b, u32 c) {
    const float low = fused(half_at(a, false), half_at(b, false), as_float(c));
    return as_bits(fused(half_at(a, true), half_at(b, true), low));
  }>(wave, inst);
}

// Integer halves with op_sel.
template <bool Signed>
void dot2_integer(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, result;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* c = source(wave, inst, 3, tc);
  const auto arrange = [&](u32 value, int k) {
    const u32 low = inst.op_sel >> k & 1 ? value >> 16 : value & 0xffff;
    const u32 high = inst.op_sel_hi >> k & 1 ? value >> 16 : value & 0xffff;
    return low | high << 16;
  };
  for (int l = 0; l < kLanes; ++l) {
    result.x[l] = integer_dot(arrange(a[l], 0), arrange(b[l], 1), c[l], 16, Signed, Signed, Signed,
                              inst.clamp);
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
}

// ---- v_fma_mix: each source is a float or one half of a register ----

float mixed_source(const Wave& wave, const Inst& inst, int k, int lane) {
  const Operand& op = inst.op[k];
  const int bit = k - 1;
  const u32 bits = op.kind == Kind::kVector ? wave.v[op.index][lane] : read32(wave, op);
  float value;
  if (inst.op_sel_hi >> bit & 1) {
    value = half_at(bits, inst.op_sel >> bit & 1);
    // An inline constant was parsed as a float.
    if (op.kind == Kind::kConstant) value = as_float(bits);
  } else {
    value = as_float(bits);
  }
  if (op.abs || (inst.neg_hi >> bit & 1)) value = __builtin_fabsf(value);
  if (op.neg || (inst.neg_lo >> bit & 1)) value = -value;
  return value;
}

float clamp_unit(float v) { return !(v > 0.0f) ? 0.0f : v > 1.0f ? 1.0f : v; }

enum class Mix { kFloat, kLow, kHigh };

template <Mix M>
void fma_mix(Wave& wave, const Inst& inst) {
  Row result;
  const u32* old = wave.v[inst.op[0].index];
  for (int l = 0; l < kLanes; ++l) {
    const float a = mixed_source(wave, inst, 1, l);
    const float b = mixed_source(wave, inst, 2, l);
    const float c = mixed_source(wave, inst, 3, l);
    float sum = fused(a, b, c);
    if (inst.clamp) sum = clamp_unit(sum);
    switch (M) {
      case Mix::kFloat:
        result.x[l] = as_bits(sum);
        break;
      case Mix::kLow:
        result.x[l] = (old[l] & 0xffff0000u) | float_to_half(sum);
        break;
      case Mix::kHigh:
        result.x[l] = (old[l] & 0xffffu) | float_to_half(sum) << 16;
        break;
    }
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
}

}  // namespace

void register_dot(Table& t) {
  constexpr u32 kFlags = kOwnOpSel | kOwnModifiers;
  t.add("v_dot4_i32_i8", dot_integer<8, true>, "VXXX", kOwnModifiers);
  t.add("v_dot4_u32_u8", dot_integer<8, false>, "VXXX", kOwnModifiers);
  t.add("v_dot8_i32_i4", dot_integer<4, true>, "VXXX", kOwnModifiers);
  t.add("v_dot8_u32_u4", dot_integer<4, false>, "VXXX", kOwnModifiers);
  t.add("v_dot2_i32_i16", dot2_integer<true>, "VXXX", kFlags);
  t.add("v_dot2_u32_u16", dot2_integer<false>, "VXXX", kFlags);
  t.add("v_dot2_f32_f16", v_dot2_f32_f16, "VXXX", kFlags);
  t.add("v_dot4c_i32_i8", dot_integer_accumulate<8>, "VXX");
  t.add("v_dot8c_i32_i4", dot_integer_accumulate<4>, "VXX");
  t.add("v_dot2c_i32_i16", dot_integer_accumulate<16>, "VXX");
  t.add("v_dot2c_f32_f16", v_dot2c_f32_f16, "VXX");
  for (const char* prefix : {"v_fma_", "v_mad_"}) {
    t.add(std::string(prefix) + "mix_f32", fma_mix<Mix::kFloat>, "VXXX", kFlags);
    t.add(std::string(prefix) + "mixlo_f16", fma_mix<Mix::kLow>, "VXXX", kFlags);
    t.add(std::string(prefix) + "mixhi_f16", fma_mix<Mix::kHigh>, "VXXX", kFlags);
  }
}

}  // namespace xsim::isa::XSIM_LEVEL
