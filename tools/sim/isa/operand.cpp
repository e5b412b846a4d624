// SPDX-License-Identifier: Apache-2.0
//
// Operands that are more than a vector register: scalars and constants,
// neg / abs, SDWA and op_sel halves, DPP lane patterns; and results with
// clamp, omod, a partial destination or DPP's write mask. Compiled twice (see
// lanes.h).

#include "lanes.h"
#include "scalar.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

constexpr u32 kSign[] = {0x80000000u, 0x8000u, 0x80000000u, 0x80000000u};

// The lane that `lane` reads under a DPP control word, or -1 if there is none.
int dpp_source(u32 control, int lane) {
  const int row = lane & ~15;
  const int in_row = lane & 15;
  const int n = control & 15;
  if (control < 0x100) return (lane & ~3) | (control >> (2 * (lane & 3)) & 3);
  switch (control >> 4) {
    case 0x10:  // row_shl
      return in_row + n < 16 ? lane + n : -1;
    case 0x11:  // row_shr
      return in_row >= n ? lane - n : -1;
    case 0x12:  // row_ror
      return row + ((in_row - n) & 15);
    case 0x15:  // row_newbcast
      return row + n;
    default:
      break;
  }
  switch (control) {
    case 0x130:  // wave_shl
      return lane < 63 ? lane + 1 : -1;
    case 0x134:  // wave_rol
      return (lane + 1) & 63;
    case 0x138:  // wave_shr
      return lane > 0 ? lane - 1 : -1;
    case 0x13c:  // wave_ror
      return (lane - 1) & 63;
    case 0x140:  // row_mirror
      return row + 15 - in_row;
    case 0x141:  // row_half_mirror
      return (lane & ~7) + 7 - (lane & 7);
    case 0x142:  // row_bcast:15, the last lane of the row before
      return lane >= 16 ? row - 1 : -1;
    case 0x143:  // row_bcast:31
      return lane >= 32 ? 31 : -1;
    default:
      return -1;
  }
}

// A lane whose source does not exist or is switched off reads 0.
int dpp_valid_source(const Wave& wave, const Inst& inst, int lane) {
  const int from = dpp_source(inst.dpp_control, lane);
  return from >= 0 && (wave.exec() >> from & 1) ? from : -1;
}

void apply_dpp(const Wave& wave, const Inst& inst, const u32* from, u32* to) {
  for (int l = 0; l < kLanes; ++l) {
    const int lane = dpp_valid_source(wave, inst, l);
    to[l] = lane < 0 ? 0 : from[lane];
  }
}

u32 select_part(u32 value, Select select, bool sext) {
  switch (select) {
    case Select::kByte0:
    case Select::kByte1:
    case Select::kByte2:
    case Select::kByte3: {
      const u32 part = value >> (8 * static_cast<int>(select)) & 0xff;
      return sext ? static_cast<u32>(sign_extend(part, 8)) : part;
    }
    case Select::kWord0:
      return sext ? static_cast<u32>(sign_extend(value & 0xffff, 16)) : value & 0xffff;
    case Select::kWord1:
      return sext ? static_cast<u32>(sign_extend(value >> 16, 16)) : value >> 16;
    case Select::kDword:
      break;
  }
  return value;
}

float apply_omod(float value, int omod) {
  const float factor[] = {1.0f, 2.0f, 4.0f, 0.5f};
  return value * factor[omod];
}

// DX10_CLAMP sends NaN to 0; without it NaN stays.
u32 clamp_float(u32 bits, bool dx10) {
  const float value = as_float(bits);
  if (value != value) return dx10 ? 0 : bits;
  if (value <= 0.0f) return 0;
  return value > 1.0f ? 0x3f800000u : bits;
}

u32 modify_result(const Wave& wave, const Inst& inst, u32 value) {
  const bool dx10 = (wave.mode & kModeDx10Clamp) != 0;
  if (inst.result_format == Format::kFloat) {
    if (inst.omod != 0) value = as_bits(apply_omod(as_float(value), inst.omod));
    if (inst.clamp) value = clamp_float(value, dx10);
  } else if (inst.result_format == Format::kHalf) {
    if (inst.omod != 0) value = float_to_half(apply_omod(half_to_float(value), inst.omod));
    if (inst.clamp) value = float_to_half(as_float(clamp_float(as_bits(half_to_float(value)), dx10)));
  }
  return value;
}

// Puts `value` into the selected part of `old`.
u32 merge_part(u32 old, u32 value, Select select, Unused unused) {
  if (select == Select::kDword) return value;
  const bool byte = select <= Select::kByte3;
  const int shift = byte ? 8 * static_cast<int>(select) : select == Select::kWord1 ? 16 : 0;
  const u32 mask = (byte ? 0xffu : 0xffffu) << shift;
  const u32 placed = value << shift & mask;
  switch (unused) {
    case Unused::kPad:
      return placed;
    case Unused::kSext: {
      const int top = shift + (byte ? 8 : 16);
      return top == 32 ? placed : static_cast<u32>(sign_extend(placed, top));
    }
    case Unused::kPreserve:
      break;
  }
  return (old & ~mask) | placed;
}

}  // namespace

const u32* source_slow(Wave& wave, const Inst& inst, int k, Row& out) {
  const Operand& op = inst.op[k];
  if (op.kind != Kind::kVector) {
    u32 value = select_part(read32(wave, op), op.select, op.sext);
    if (op.abs) value &= ~kSign[static_cast<int>(inst.format)];
    if (op.neg) value ^= kSign[static_cast<int>(inst.format)];
    XSIM_LANES out.x[l] = value;
    return out.x;
  }
  const u32* from = wave.v[op.index];
  if (op.dpp) {
    apply_dpp(wave, inst, from, out.x);
    from = out.x;
  }
  if (op.select != Select::kDword) {
    for (int l = 0; l < kLanes; ++l) out.x[l] = select_part(from[l], op.select, op.sext);
    from = out.x;
  }
  if (op.abs || op.neg) {
    const u32 sign = kSign[static_cast<int>(inst.format)];
    const u32 keep = op.abs ? ~sign : ~0u;
    const u32 flip = op.neg ? sign : 0;
    XSIM_LANES out.x[l] = (from[l] & keep) ^ flip;
    from = out.x;
  }
  return from;
}

void source64(Wave& wave, const Inst& inst, int k, Row64& out) {
  const Operand& op = inst.op[k];
  if (op.kind == Kind::kVector) {
    const u32* low = wave.v[op.index];
    const u32* high = wave.v[op.index + 1];
    Row moved_low, moved_high;
    if (__builtin_expect(op.dpp, 0)) {
      apply_dpp(wave, inst, low, moved_low.x);
      apply_dpp(wave, inst, high, moved_high.x);
      low = moved_low.x;
      high = moved_high.x;
    }
    XSIM_LANES out.x[l] = pair(low[l], high[l]);
  } else {
    const u64 value = read64(wave, op);
    XSIM_LANES out.x[l] = value;
  }
  constexpr u64 sign = 1ull << 63;
  if (op.abs) {
    XSIM_LANES out.x[l] &= ~sign;
  }
  if (op.neg) {
    XSIM_LANES out.x[l] ^= sign;
  }
}

void write_masked(u32* row, const u32* result, u64 mask) {
  alignas(64) static constexpr u32 kBit[32] = {
      1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,  1u << 7,
      1u << 8,  1u << 9,  1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15,
      1u << 16, 1u << 17, 1u << 18, 1u << 19, 1u << 20, 1u << 21, 1u << 22, 1u << 23,
      1u << 24, 1u << 25, 1u << 26, 1u << 27, 1u << 28, 1u << 29, 1u << 30, 1u << 31};
  if (mask == ~0ull) {
    XSIM_LANES row[l] = result[l];
    return;
  }
  for (int half = 0; half < 2; ++half) {
    const u32 bits = half ? high32(mask) : low32(mask);
    u32* to = row + 32 * half;
    const u32* from = result + 32 * half;
    if (bits == 0) continue;
    for (int l = 0; l < 32; ++l) {
      const u32 keep = (bits & kBit[l]) == 0 ? ~0u : 0u;
      to[l] = (to[l] & keep) | (from[l] & ~keep);
    }
  }
}

u64 write_mask_dpp(const Wave& wave, const Inst& inst) {
  u64 mask = wave.exec();
  for (int l = 0; l < kLanes; ++l) {
    const bool row_on = inst.row_mask >> (l / 16) & 1;
    const bool bank_on = inst.bank_mask >> (l / 4 % 4) & 1;
    const bool readable = inst.bound_ctrl || dpp_valid_source(wave, inst, l) >= 0;
    if (!row_on || !bank_on || !readable) mask &= ~(1ull << l);
  }
  return mask;
}

void finish_modified(Wave& wave, const Inst& inst, Row& result) {
  u32* row = wave.v[inst.op[0].index];
  if (inst.clamp || inst.omod != 0) {
    for (int l = 0; l < kLanes; ++l) result.x[l] = modify_result(wave, inst, result.x[l]);
  }
  if (inst.dst_select != Select::kDword) {
    for (int l = 0; l < kLanes; ++l) {
      result.x[l] = merge_part(row[l], result.x[l], inst.dst_select, inst.dst_unused);
    }
  }
  write_masked(row, result.x, write_mask(wave, inst));
}

void finish64_modified(Wave& wave, const Inst& inst, Row64& result) {
  Row low, high;
  for (int l = 0; l < kLanes; ++l) {
    u64 bits = result.x[l];
    if (inst.result_format == Format::kDouble && (inst.omod != 0 || inst.clamp)) {
      const double factor[] = {1.0, 2.0, 4.0, 0.5};
      double value = as_double(bits) * factor[inst.omod];
      if (inst.clamp) {
        if (value != value) {
          value = wave.mode & kModeDx10Clamp ? 0.0 : value;
        } else {
          value = value <= 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
        }
      }
      bits = as_bits(value);
    }
    low.x[l] = low32(bits);
    high.x[l] = high32(bits);
  }
  const u64 mask = write_mask(wave, inst);
  write_masked(wave.v[inst.op[0].index], low.x, mask);
  write_masked(wave.v[inst.op[0].index + 1], high.x, mask);
}

u64 pack_mask(const Row& truth) {
  u64 mask = 0;
#ifdef __AVX__
  for (int l = 0; l < kLanes; l += 8) {
    const __m256 lanes = _mm256_load_ps(reinterpret_cast<const float*>(&truth.x[l]));
    mask |= static_cast<u64>(static_cast<u32>(_mm256_movemask_ps(lanes))) << l;
  }
#else
  for (int l = 0; l < kLanes; l += 4) {
    const __m128 lanes = _mm_load_ps(reinterpret_cast<const float*>(&truth.x[l]));
    mask |= static_cast<u64>(static_cast<u32>(_mm_movemask_ps(lanes))) << l;
  }
#endif
  return mask;
}

}  // namespace xsim::isa::XSIM_LEVEL
