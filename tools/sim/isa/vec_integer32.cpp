// SPDX-License-Identifier: Apache-2.0
//
// 32-bit integer vector instructions. Compiled twice (lanes.h).

#include "families.h"
#include "lanes.h"
#include "scalar.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

u32 low24(u32 a) { return a & 0xffffff; }
i32 signed24(u32 a) { return static_cast<i32>(a << 8) >> 8; }
i32 s(u32 a) { return static_cast<i32>(a); }
u32 u(i32 a) { return static_cast<u32>(a); }

u32 min_u(u32 a, u32 b) { return a < b ? a : b; }
u32 max_u(u32 a, u32 b) { return a > b ? a : b; }
i32 min_s(i32 a, i32 b) { return a < b ? a : b; }
i32 max_s(i32 a, i32 b) { return a > b ? a : b; }

u32 reverse(u32 a) {
  a = (a >> 1 & 0x55555555u) | (a & 0x55555555u) << 1;
  a = (a >> 2 & 0x33333333u) | (a & 0x33333333u) << 2;
  a = (a >> 4 & 0x0f0f0f0fu) | (a & 0x0f0f0f0fu) << 4;
  a = (a >> 8 & 0x00ff00ffu) | (a & 0x00ff00ffu) << 8;
  return a >> 16 | a << 16;
}

u32 permute_bytes(u32 a, u32 b, u32 control) {
  const u64 bytes = pair(b, a);
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    const u32 pick = control >> (8 * i) & 0xff;
    u32 byte = 0;
    if (pick < 8) {
      byte = static_cast<u32>(bytes >> (8 * pick)) & 0xff;
    } else if (pick < 12) {
      // Sign of one 16-bit half, spread: 8 is b's lower, 9 b's upper, 10 and 11 a's.
      byte = bytes >> (16 * (pick - 8) + 15) & 1 ? 0xff : 0;
    } else if (pick > 12) {
      byte = 0xff;
    }
    result |= byte << (8 * i);
  }
  return result;
}

u32 absolute_differences(u32 a, u32 b, bool only_nonzero) {
  u32 sum = 0;
  for (int i = 0; i < 4; ++i) {
    const i32 x = static_cast<i32>(a >> (8 * i) & 0xff);
    const i32 y = static_cast<i32>(b >> (8 * i) & 0xff);
    if (only_nonzero && y == 0) continue;
    sum += static_cast<u32>(x > y ? x - y : y - x);
  }
  return sum;
}

// Carry instructions: destination, carry out, a, b, then the carry in. The
// sum's bit 32 is the carry.
template <auto F, bool CarryIn>
void carry(Wave& wave, const Inst& inst) {
  Row ta, tb, tr, out;
  const u32* a = source(wave, inst, 2, ta);
  const u32* b = source(wave, inst, 3, tb);
  const u64 in = CarryIn ? read64(wave, inst.op[4]) : 0;
  const u64 mask = write_mask(wave, inst);
  Row in_row;
  for (int l = 0; l < kLanes; ++l) in_row.x[l] = static_cast<u32>(in >> l & 1);
  u32* r = result_row(wave, inst, tr);
  XSIM_LANES {
    const u64 sum = F(a[l], b[l], in_row.x[l]);
    r[l] = low32(sum);
    out.x[l] = high32(sum) << 31;
  }
  const u64 carries = pack_mask(out);
  if (inst.clamp) {
    // Unsigned saturation: to all ones above, to zero below (borrow).
    const u32 limit = inst.parameter;
    for (int l = 0; l < kLanes; ++l) {
      if (carries >> l & 1) r[l] = limit;
    }
  }
  finish(wave, inst, r, tr);
  write_lane_mask(wave, inst.op[1], carries & mask);
}

// Wide product plus addend; the carry out is rarely read but defined.
template <bool Signed>
void mad_wide(Wave& wave, const Inst& inst) {
  Row ta, tb, over;
  Row64 c;
  const u32* a = source(wave, inst, 2, ta);
  const u32* b = source(wave, inst, 3, tb);
  source64(wave, inst, 4, c);
  for (int l = 0; l < kLanes; ++l) {
    if constexpr (Signed) {
      const i64 product = static_cast<i64>(s(a[l])) * s(b[l]);
      const u64 sum = static_cast<u64>(product) + c.x[l];
      over.x[l] = high32((static_cast<u64>(product) ^ sum) & (c.x[l] ^ sum));
      c.x[l] = sum;
    } else {
      const u64 sum = static_cast<u64>(a[l]) * b[l] + c.x[l];
      over.x[l] = sum < c.x[l] ? 0x80000000u : 0;
      c.x[l] = sum;
    }
  }
  const u64 mask = wave.exec();
  write64(wave, inst, c);
  write_lane_mask(wave, inst.op[1], pack_mask(over) & mask);
}

void v_cndmask(Wave& wave, const Inst& inst) {
  Row ta, tb, merged;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u64 pick = read64(wave, inst.op[3]);
  XSIM_LANES merged.x[l] = a[l];
  write_masked(merged.x, b, pick);
  finish(wave, inst, merged.x, merged);
}

// Saturating forms of add and subtract.
template <auto F, bool Signed, bool Subtract>
void add_sub(Wave& wave, const Inst& inst) {
  if (__builtin_expect(!inst.clamp, 1)) {
    binary<F>(wave, inst);
    return;
  }
  binary<[](u32 a, u32 b) {
    if constexpr (Signed) {
      const i64 r = Subtract ? static_cast<i64>(s(a)) - s(b) : static_cast<i64>(s(a)) + s(b);
      return u(static_cast<i32>(r > INT32_MAX ? INT32_MAX : r < INT32_MIN ? INT32_MIN : r));
    } else {
      const u32 r = F(a, b);
      return Subtract ? (b > a ? 0 : r) : (r < a ? ~0u : r);
    }
  }>(wave, inst);
}

void register_add(Table& t) {
  t.add("v_add_u32", add_sub<[](u32 a, u32 b) { return a + b; }, false, false>, "VXX", kAllowClamp);
  t.add("v_sub_u32", add_sub<[](u32 a, u32 b) { return a - b; }, false, true>, "VXX", kAllowClamp);
  t.add("v_subrev_u32", binary<[](u32 a, u32 b) { return b - a; }>, "VXX");
  t.add("v_add_i32", add_sub<[](u32 a, u32 b) { return a + b; }, true, false>, "VXX", kAllowClamp);
  t.add("v_sub_i32", add_sub<[](u32 a, u32 b) { return a - b; }, true, true>, "VXX", kAllowClamp);
  constexpr auto add = [](u32 a, u32 b, u32 c) { return static_cast<u64>(a) + b + c; };
  constexpr auto sub = [](u32 a, u32 b, u32 c) {
    return (static_cast<u64>(a) - b - c) & 0x1ffffffffull;
  };
  constexpr auto subrev = [](u32 a, u32 b, u32 c) {
    return (static_cast<u64>(b) - a - c) & 0x1ffffffffull;
  };
  t.add("v_add_co_u32", carry<add, false>, "VS2XX", kAllowClamp, ~0u);
  t.add("v_addc_co_u32", carry<add, true>, "VS2XXS2", kAllowClamp, ~0u);
  t.add("v_sub_co_u32", carry<sub, false>, "VS2XX", kAllowClamp, 0);
  t.add("v_subb_co_u32", carry<sub, true>, "VS2XXS2", kAllowClamp, 0);
  t.add("v_subrev_co_u32", carry<subrev, false>, "VS2XX", kAllowClamp, 0);
  t.add("v_subbrev_co_u32", carry<subrev, true>, "VS2XXS2", kAllowClamp, 0);
  t.add("v_add3_u32", ternary<[](u32 a, u32 b, u32 c) { return a + b + c; }>, "VXXX");
  t.add("v_lshl_add_u32", ternary<[](u32 a, u32 b, u32 c) { return (a << (b & 31)) + c; }>, "VXXX");
  t.add("v_add_lshl_u32", ternary<[](u32 a, u32 b, u32 c) { return (a + b) << (c & 31); }>, "VXXX");
}

void register_multiply(Table& t) {
  t.add("v_mul_lo_u32", binary<[](u32 a, u32 b) { return a * b; }>, "VXX");
  t.add("v_mul_hi_u32", binary<[](u32 a, u32 b) { return high32(static_cast<u64>(a) * b); }>, "VXX");
  t.add("v_mul_hi_i32", binary<[](u32 a, u32 b) {
          return high32(static_cast<u64>(static_cast<i64>(s(a)) * s(b)));
        }>, "VXX");
  t.add("v_mul_u32_u24", binary<[](u32 a, u32 b) { return low24(a) * low24(b); }>, "VXX");
  t.add("v_mul_i32_i24", binary<[](u32 a, u32 b) {
          return u(signed24(a)) * u(signed24(b));
        }>, "VXX");
  t.add("v_mul_hi_u32_u24", binary<[](u32 a, u32 b) {
          return high32(static_cast<u64>(low24(a)) * low24(b));
        }>, "VXX");
  t.add("v_mul_hi_i32_i24", binary<[](u32 a, u32 b) {
          return high32(static_cast<u64>(static_cast<i64>(signed24(a)) * signed24(b)));
        }>, "VXX");
  t.add("v_mad_u32_u24", ternary<[](u32 a, u32 b, u32 c) { return low24(a) * low24(b) + c; }>,
        "VXXX");
  t.add("v_mad_i32_i24", ternary<[](u32 a, u32 b, u32 c) {
          return u(signed24(a)) * u(signed24(b)) + c;
        }>, "VXXX");
  t.add("v_mad_u32_u16", ternary<[](u32 a, u32 b, u32 c) {
          return (a & 0xffff) * (b & 0xffff) + c;
        }>, "VXXX", kOpSel16);
  t.add("v_mad_i32_i16", ternary<[](u32 a, u32 b, u32 c) {
          return u(static_cast<i16>(a)) * u(static_cast<i16>(b)) + c;
        }>, "VXXX", kOpSel16);
  t.add("v_mad_u64_u32", mad_wide<false>, "V2S2XXX2");
  t.add("v_mad_i64_i32", mad_wide<true>, "V2S2XXX2");
}

void register_logic(Table& t) {
  t.add("v_mov_b32", unary<[](u32 a) { return a; }>, "VX");
  t.add("v_not_b32", unary<[](u32 a) { return ~a; }>, "VX");
  t.add("v_bfrev_b32", unary<[](u32 a) { return reverse(a); }>, "VX");
  t.add("v_cndmask_b32", v_cndmask, "VXXS2");
  t.add("v_and_b32", binary<[](u32 a, u32 b) { return a & b; }>, "VXX");
  t.add("v_or_b32", binary<[](u32 a, u32 b) { return a | b; }>, "VXX");
  t.add("v_xor_b32", binary<[](u32 a, u32 b) { return a ^ b; }>, "VXX");
  t.add("v_xnor_b32", binary<[](u32 a, u32 b) { return ~(a ^ b); }>, "VXX");
  t.add("v_and_or_b32", ternary<[](u32 a, u32 b, u32 c) { return (a & b) | c; }>, "VXXX");
  t.add("v_or3_b32", ternary<[](u32 a, u32 b, u32 c) { return a | b | c; }>, "VXXX");
  t.add("v_xad_u32", ternary<[](u32 a, u32 b, u32 c) { return (a ^ b) + c; }>, "VXXX");
  t.add("v_lshl_or_b32", ternary<[](u32 a, u32 b, u32 c) { return (a << (b & 31)) | c; }>, "VXXX");
  t.add("v_bfi_b32", ternary<[](u32 a, u32 b, u32 c) { return (a & b) | (~a & c); }>, "VXXX");
  t.add("v_bfm_b32", binary<[](u32 a, u32 b) { return ((1u << (a & 31)) - 1) << (b & 31); }>, "VXX");
  t.add("v_bfe_u32", ternary<[](u32 a, u32 b, u32 c) {
          return (a >> (b & 31)) & ((1u << (c & 31)) - 1);
        }>, "VXXX");
  t.add("v_bfe_i32", ternary<[](u32 a, u32 b, u32 c) {
          const u32 offset = b & 31;
          const u32 width = c & 31;
          if (width == 0) return 0u;
          // A field that reaches over the top ends there.
          if (offset + width >= 32) return u(s(a) >> offset);
          return u(s(a << (32 - offset - width)) >> (32 - width));
        }>, "VXXX");
  t.add("v_alignbit_b32", ternary<[](u32 a, u32 b, u32 c) {
          return low32(pair(b, a) >> (c & 31));
        }>, "VXXX");
  t.add("v_alignbyte_b32", ternary<[](u32 a, u32 b, u32 c) {
          return low32(pair(b, a) >> (8 * (c & 3)));
        }>, "VXXX");
  t.add("v_perm_b32", ternary<[](u32 a, u32 b, u32 c) { return permute_bytes(a, b, c); }>, "VXXX");
  t.add("v_lshlrev_b32", binary<[](u32 a, u32 b) { return b << (a & 31); }>, "VXX");
  t.add("v_lshrrev_b32", binary<[](u32 a, u32 b) { return (b >> (a & 31)); }>, "VXX");
  t.add("v_ashrrev_i32", binary<[](u32 a, u32 b) { return u(s(b) >> (a & 31)); }>, "VXX");
  t.add("v_prng_b32", unary<[](u32 a) { return a << 1 ^ (a >> 31 ? 197u : 0u); }>, "VX");
}

void register_counts_and_order(Table& t) {
  t.add("v_ffbh_u32", unary<[](u32 a) { return a ? u(__builtin_clz(a)) : ~0u; }>, "VX");
  t.add("v_ffbl_b32", unary<[](u32 a) { return a ? u(__builtin_ctz(a)) : ~0u; }>, "VX");
  t.add("v_ffbh_i32", unary<[](u32 a) {
          const u32 x = s(a) < 0 ? ~a : a;
          return x ? u(__builtin_clz(x)) : ~0u;
        }>, "VX");
  t.add("v_bcnt_u32_b32", binary<[](u32 a, u32 b) { return u(__builtin_popcount(a)) + b; }>, "VXX");
  t.add("v_min_u32", binary<[](u32 a, u32 b) { return min_u(a, b); }>, "VXX");
  t.add("v_max_u32", binary<[](u32 a, u32 b) { return max_u(a, b); }>, "VXX");
  t.add("v_min_i32", binary<[](u32 a, u32 b) { return u(min_s(s(a), s(b))); }>, "VXX");
  t.add("v_max_i32", binary<[](u32 a, u32 b) { return u(max_s(s(a), s(b))); }>, "VXX");
  t.add("v_min3_u32", ternary<[](u32 a, u32 b, u32 c) { return min_u(min_u(a, b), c); }>, "VXXX");
  t.add("v_max3_u32", ternary<[](u32 a, u32 b, u32 c) { return max_u(max_u(a, b), c); }>, "VXXX");
  t.add("v_med3_u32", ternary<[](u32 a, u32 b, u32 c) {
          return max_u(min_u(a, b), min_u(max_u(a, b), c));
        }>, "VXXX");
  t.add("v_min3_i32", ternary<[](u32 a, u32 b, u32 c) {
          return u(min_s(min_s(s(a), s(b)), s(c)));
        }>, "VXXX");
  t.add("v_max3_i32", ternary<[](u32 a, u32 b, u32 c) {
          return u(max_s(max_s(s(a), s(b)), s(c)));
        }>, "VXXX");
  t.add("v_med3_i32", ternary<[](u32 a, u32 b, u32 c) {
          return u(max_s(min_s(s(a), s(b)), min_s(max_s(s(a), s(b)), s(c))));
        }>, "VXXX");
  t.add("v_sad_u8", ternary<[](u32 a, u32 b, u32 c) {
          return absolute_differences(a, b, false) + c;
        }>, "VXXX");
  t.add("v_sad_hi_u8", ternary<[](u32 a, u32 b, u32 c) {
          return (absolute_differences(a, b, false) << 16) + c;
        }>, "VXXX");
  t.add("v_msad_u8", ternary<[](u32 a, u32 b, u32 c) {
          return absolute_differences(a, b, true) + c;
        }>, "VXXX");
  t.add("v_sad_u16", ternary<[](u32 a, u32 b, u32 c) {
          const i32 low = static_cast<i32>(a & 0xffff) - static_cast<i32>(b & 0xffff);
          const i32 high = static_cast<i32>(a >> 16) - static_cast<i32>(b >> 16);
          return u(low < 0 ? -low : low) + u(high < 0 ? -high : high) + c;
        }>, "VXXX");
  t.add("v_sad_u32", ternary<[](u32 a, u32 b, u32 c) { return (a > b ? a - b : b - a) + c; }>,
        "VXXX");
}

}  // namespace

void register_integer32(Table& table) {
  register_add(table);
  register_multiply(table);
  register_logic(table);
  register_counts_and_order(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
