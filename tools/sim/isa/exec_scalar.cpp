// SPDX-License-Identifier: Apache-2.0
//
// Scalar arithmetic, logic, shifts, bit fields, moves and compares.

#include "families.h"
#include "scalar.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

// F takes the sources (and SCC by reference where the instruction sets it).

template <auto F>
void one32(Wave& wave, const Inst& inst) {
  write32(wave, inst.op[0], F(read32(wave, inst.op[1]), wave.scc));
}
template <auto F>
void one64(Wave& wave, const Inst& inst) {
  write64(wave, inst.op[0], F(read64(wave, inst.op[1]), wave.scc));
}
template <auto F>
void two32(Wave& wave, const Inst& inst) {
  const u32 a = read32(wave, inst.op[1]);
  const u32 b = read32(wave, inst.op[2]);
  write32(wave, inst.op[0], F(a, b, wave.scc));
}
template <auto F>
void two64(Wave& wave, const Inst& inst) {
  const u64 a = read64(wave, inst.op[1]);
  const u64 b = read64(wave, inst.op[2]);
  write64(wave, inst.op[0], F(a, b, wave.scc));
}
// 64-bit value, 32-bit second source (shifts, bit fields).
template <auto F>
void mixed64(Wave& wave, const Inst& inst) {
  const u64 a = read64(wave, inst.op[1]);
  const u32 b = read32(wave, inst.op[2]);
  write64(wave, inst.op[0], F(a, b, wave.scc));
}
// 64-bit source, 32-bit result (counts).
template <auto F>
void count64(Wave& wave, const Inst& inst) {
  write32(wave, inst.op[0], F(read64(wave, inst.op[1]), wave.scc));
}
// 16-bit constant behind the destination, sign-extended.
template <auto F>
void constant16(Wave& wave, const Inst& inst) {
  const u32 constant = static_cast<u32>(static_cast<i32>(static_cast<i16>(inst.immediate)));
  write32(wave, inst.op[0], F(read32(wave, inst.op[0]), constant, wave.scc));
}
template <auto F>
void compare32(Wave& wave, const Inst& inst) {
  wave.scc = F(read32(wave, inst.op[0]), read32(wave, inst.op[1]));
}
template <auto F>
void compare64(Wave& wave, const Inst& inst) {
  wave.scc = F(read64(wave, inst.op[0]), read64(wave, inst.op[1]));
}
template <auto F>
void compare_constant(Wave& wave, const Inst& inst) {
  wave.scc = F(read32(wave, inst.op[0]), inst.immediate);
}
template <auto F>
void save_exec(Wave& wave, const Inst& inst) {
  const u64 a = read64(wave, inst.op[1]);
  const u64 before = wave.exec();
  const u64 now = F(a, before);
  write64(wave, inst.op[0], before);
  wave.set_exec(now);
  wave.scc = now != 0;
}
// s_andn1_wrexec: the destination gets the new EXEC.
template <auto F>
void write_exec(Wave& wave, const Inst& inst) {
  const u64 now = F(read64(wave, inst.op[1]), wave.exec());
  write64(wave, inst.op[0], now);
  wave.set_exec(now);
  wave.scc = now != 0;
}

// Bitwise operations exist in 32 and 64 bits, and with EXEC saved.
template <auto F>
void add_logic(Table& table, const std::string& name) {
  table.add("s_" + name + "_b32", two32<[](u32 a, u32 b, u32& scc) {
              const u32 r = static_cast<u32>(F(a, b));
              scc = r != 0;
              return r;
            }>, "SCC");
  table.add("s_" + name + "_b64", two64<[](u64 a, u64 b, u32& scc) {
              const u64 r = F(a, b);
              scc = r != 0;
              return r;
            }>, "S2C2C2");
  table.add("s_" + name + "_saveexec_b64", save_exec<F>, "S2C2");
}

template <auto Signed, auto Unsigned>
void add_compare(Table& table, const std::string& name) {
  table.add("s_cmp_" + name + "_i32", compare32<[](u32 a, u32 b) {
              return Signed(static_cast<i32>(a), static_cast<i32>(b));
            }>, "CC");
  table.add("s_cmp_" + name + "_u32", compare32<[](u32 a, u32 b) { return Unsigned(a, b); }>, "CC");
  table.add("s_cmpk_" + name + "_i32", compare_constant<[](u32 a, u16 k) {
              return Signed(static_cast<i32>(a), static_cast<i32>(static_cast<i16>(k)));
            }>, "SI");
  table.add("s_cmpk_" + name + "_u32",
            compare_constant<[](u32 a, u16 k) { return Unsigned(a, static_cast<u32>(k)); }>, "SI");
}

u64 field_mask(u32 width) { return width >= 64 ? ~0ull : (1ull << width) - 1; }

// Bit fields: offset in the low bits of b, width in bits 16..22.
u64 extract(u64 a, u32 b, u32 offset_mask, bool is_signed, u32 bits) {
  const u32 offset = b & offset_mask;
  u32 width = b >> 16 & 127;
  if (width > bits) width = bits;
  if (width == 0) return 0;
  if (offset + width > bits && is_signed) {
    // The field ends at the top bit: an arithmetic shift gives the sign.
    const i64 top = static_cast<i64>(a << (64 - bits));
    return static_cast<u64>(top >> (64 - bits + offset));
  }
  u64 field = a >> offset & field_mask(width);
  if (is_signed && (field >> (width - 1) & 1)) field |= ~field_mask(width);
  return field;
}

u32 reverse32(u32 a) {
  u32 r = 0;
  for (int i = 0; i < 32; ++i) r |= (a >> i & 1) << (31 - i);
  return r;
}
u64 reverse64(u64 a) { return pair(reverse32(high32(a)), reverse32(low32(a))); }

// Position of the first bit, from the top, that differs from the sign.
u32 sign_bits64(u64 a) {
  const u64 x = static_cast<i64>(a) < 0 ? ~a : a;
  return x == 0 ? ~0u : static_cast<u32>(__builtin_clzll(x));
}

// Bit k of the result: all / any of the bits of group k of the source.
u64 quad_mask(u64 a, int bits) {
  u64 r = 0;
  for (int i = 0; i < bits / 4; ++i) r |= static_cast<u64>((a >> (4 * i) & 15) != 0) << i;
  return r;
}
u64 whole_quads(u64 a, int bits) {
  u64 r = 0;
  for (int i = 0; i < bits / 4; ++i) {
    if (a >> (4 * i) & 15) r |= 15ull << (4 * i);
  }
  return r;
}
u64 replicate(u32 a) {
  u64 r = 0;
  for (int i = 0; i < 32; ++i) r |= static_cast<u64>(a >> i & 1) * 3 << (2 * i);
  return r;
}

void register_arithmetic(Table& t) {
  t.add("s_add_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = a + b;
          scc = r < a;
          return r;
        }>, "SCC");
  t.add("s_sub_u32", two32<[](u32 a, u32 b, u32& scc) {
          scc = (b > a);
          return a - b;
        }>, "SCC");
  t.add("s_add_i32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = a + b;
          scc = (((a ^ r) & (b ^ r)) >> 31);
          return r;
        }>, "SCC");
  t.add("s_sub_i32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = a - b;
          scc = (((a ^ b) & (a ^ r)) >> 31);
          return r;
        }>, "SCC");
  t.add("s_addc_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 r = static_cast<u64>(a) + b + scc;
          scc = high32(r);
          return low32(r);
        }>, "SCC");
  t.add("s_subb_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 take = static_cast<u64>(b) + scc;
          scc = (take > a);
          return a - low32(take);
        }>, "SCC");
  t.add("s_mul_i32", two32<[](u32 a, u32 b, u32&) { return a * b; }>, "SCC");
  t.add("s_mul_hi_u32", two32<[](u32 a, u32 b, u32&) { return high32(static_cast<u64>(a) * b); }>,
        "SCC");
  t.add("s_mul_hi_i32", two32<[](u32 a, u32 b, u32&) {
          const i64 r = static_cast<i64>(static_cast<i32>(a)) * static_cast<i32>(b);
          return high32(static_cast<u64>(r));
        }>, "SCC");
  t.add("s_absdiff_i32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 d = a - b;
          const u32 r = static_cast<i32>(d) < 0 ? 0 - d : d;
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_abs_i32", one32<[](u32 a, u32& scc) {
          const u32 r = static_cast<i32>(a) < 0 ? 0 - a : a;
          scc = r != 0;
          return r;
        }>, "SC");
  t.add("s_min_i32", two32<[](u32 a, u32 b, u32& scc) {
          scc = static_cast<i32>(a) < static_cast<i32>(b);
          return scc ? a : b;
        }>, "SCC");
  t.add("s_max_i32", two32<[](u32 a, u32 b, u32& scc) {
          scc = (static_cast<i32>(a) > static_cast<i32>(b));
          return scc ? a : b;
        }>, "SCC");
  t.add("s_min_u32", two32<[](u32 a, u32 b, u32& scc) {
          scc = a < b;
          return scc ? a : b;
        }>, "SCC");
  t.add("s_max_u32", two32<[](u32 a, u32 b, u32& scc) {
          scc = (a > b);
          return scc ? a : b;
        }>, "SCC");
  t.add("s_addk_i32", constant16<[](u32 a, u32 k, u32& scc) {
          const u32 r = a + k;
          scc = (((a ^ r) & (k ^ r)) >> 31);
          return r;
        }>, "SI");
  t.add("s_mulk_i32", constant16<[](u32 a, u32 k, u32&) { return a * k; }>, "SI");
  t.add("s_lshl1_add_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 r = (static_cast<u64>(a) << 1) + b;
          scc = (r >> 32) != 0;
          return low32(r);
        }>, "SCC");
  t.add("s_lshl2_add_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 r = (static_cast<u64>(a) << 2) + b;
          scc = (r >> 32) != 0;
          return low32(r);
        }>, "SCC");
  t.add("s_lshl3_add_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 r = (static_cast<u64>(a) << 3) + b;
          scc = (r >> 32) != 0;
          return low32(r);
        }>, "SCC");
  t.add("s_lshl4_add_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u64 r = (static_cast<u64>(a) << 4) + b;
          scc = (r >> 32) != 0;
          return low32(r);
        }>, "SCC");
}

void register_moves(Table& t) {
  t.add("s_mov_b32", one32<[](u32 a, u32&) { return a; }>, "SC");
  t.add("s_mov_b64", one64<[](u64 a, u32&) { return a; }>, "S2C2");
  t.add("s_movk_i32", constant16<[](u32, u32 k, u32&) { return k; }>, "SI");
  t.add("s_cmovk_i32", constant16<[](u32 a, u32 k, u32& scc) { return scc ? k : a; }>, "SI");
  t.add("s_cmov_b32", [](Wave& wave, const Inst& inst) {
    if (wave.scc) write32(wave, inst.op[0], read32(wave, inst.op[1]));
  }, "SC");
  t.add("s_cmov_b64", [](Wave& wave, const Inst& inst) {
    if (wave.scc) write64(wave, inst.op[0], read64(wave, inst.op[1]));
  }, "S2C2");
  t.add("s_cselect_b32", two32<[](u32 a, u32 b, u32& scc) { return scc ? a : b; }>, "SCC");
  t.add("s_cselect_b64", two64<[](u64 a, u64 b, u32& scc) { return scc ? a : b; }>, "S2C2C2");
  t.add("s_pack_ll_b32_b16",
        two32<[](u32 a, u32 b, u32&) { return (a & 0xffff) | b << 16; }>, "SCC");
  t.add("s_pack_lh_b32_b16",
        two32<[](u32 a, u32 b, u32&) { return (a & 0xffff) | (b & 0xffff0000u); }>, "SCC");
  t.add("s_pack_hh_b32_b16",
        two32<[](u32 a, u32 b, u32&) { return (a >> 16) | (b & 0xffff0000u); }>, "SCC");
  t.add("s_sext_i32_i8",
        one32<[](u32 a, u32&) { return static_cast<u32>(sign_extend(a & 0xff, 8)); }>, "SC");
  t.add("s_sext_i32_i16",
        one32<[](u32 a, u32&) { return static_cast<u32>(sign_extend(a & 0xffff, 16)); }>, "SC");
  // Indexed moves: M0 is added to the register number.
  t.add("s_movrels_b32", [](Wave& wave, const Inst& inst) {
    write32(wave, inst.op[0], wave.s[(inst.op[1].index + wave.s[kM0]) % 104]);
  }, "SS");
  t.add("s_movreld_b32", [](Wave& wave, const Inst& inst) {
    wave.s[(inst.op[0].index + wave.s[kM0]) % 104] = read32(wave, inst.op[1]);
  }, "SC");
  t.add("s_movrels_b64", [](Wave& wave, const Inst& inst) {
    write64(wave, inst.op[0], wave.scalar64((inst.op[1].index + wave.s[kM0]) % 104));
  }, "S2S2");
  t.add("s_movreld_b64", [](Wave& wave, const Inst& inst) {
    wave.set_scalar64((inst.op[0].index + wave.s[kM0]) % 104, read64(wave, inst.op[1]));
  }, "S2C2");
}

void register_bits(Table& t) {
  t.add("s_lshl_b32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = a << (b & 31);
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_lshr_b32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = (a >> (b & 31));
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_ashr_i32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = static_cast<u32>(static_cast<i32>(a) >> (b & 31));
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_lshl_b64", mixed64<[](u64 a, u32 b, u32& scc) {
          const u64 r = a << (b & 63);
          scc = r != 0;
          return r;
        }>, "S2C2C");
  t.add("s_lshr_b64", mixed64<[](u64 a, u32 b, u32& scc) {
          const u64 r = (a >> (b & 63));
          scc = r != 0;
          return r;
        }>, "S2C2C");
  t.add("s_ashr_i64", mixed64<[](u64 a, u32 b, u32& scc) {
          const u64 r = static_cast<u64>(static_cast<i64>(a) >> (b & 63));
          scc = r != 0;
          return r;
        }>, "S2C2C");
  t.add("s_bfe_u32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = low32(extract(a, b, 31, false, 32));
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_bfe_i32", two32<[](u32 a, u32 b, u32& scc) {
          const u32 r = low32(extract(a, b, 31, true, 32));
          scc = r != 0;
          return r;
        }>, "SCC");
  t.add("s_bfe_u64", mixed64<[](u64 a, u32 b, u32& scc) {
          const u64 r = extract(a, b, 63, false, 64);
          scc = r != 0;
          return r;
        }>, "S2C2C");
  t.add("s_bfe_i64", mixed64<[](u64 a, u32 b, u32& scc) {
          const u64 r = extract(a, b, 63, true, 64);
          scc = r != 0;
          return r;
        }>, "S2C2C");
  t.add("s_bfm_b32", two32<[](u32 a, u32 b, u32&) {
          return ((1u << (a & 31)) - 1) << (b & 31);
        }>, "SCC");
  t.add("s_bfm_b64", [](Wave& wave, const Inst& inst) {
    const u32 width = read32(wave, inst.op[1]) & 63;
    const u32 offset = read32(wave, inst.op[2]) & 63;
    write64(wave, inst.op[0], ((1ull << width) - 1) << offset);
  }, "S2CC");
  t.add("s_not_b32", one32<[](u32 a, u32& scc) {
          scc = ~a != 0;
          return ~a;
        }>, "SC");
  t.add("s_not_b64", one64<[](u64 a, u32& scc) {
          scc = ~a != 0;
          return ~a;
        }>, "S2C2");
  t.add("s_brev_b32", one32<[](u32 a, u32&) { return reverse32(a); }>, "SC");
  t.add("s_brev_b64", one64<[](u64 a, u32&) { return reverse64(a); }>, "S2C2");
  t.add("s_wqm_b32", one32<[](u32 a, u32& scc) {
          scc = a != 0;
          return low32(whole_quads(a, 32));
        }>, "SC");
  t.add("s_wqm_b64", one64<[](u64 a, u32& scc) {
          scc = a != 0;
          return whole_quads(a, 64);
        }>, "S2C2");
  t.add("s_quadmask_b32", one32<[](u32 a, u32& scc) {
          scc = a != 0;
          return low32(quad_mask(a, 32));
        }>, "SC");
  t.add("s_quadmask_b64", one64<[](u64 a, u32& scc) {
          scc = a != 0;
          return quad_mask(a, 64);
        }>, "S2C2");
  t.add("s_bitreplicate_b64_b32", [](Wave& wave, const Inst& inst) {
    write64(wave, inst.op[0], replicate(read32(wave, inst.op[1])));
  }, "S2C");
  t.add("s_bitset0_b32", [](Wave& wave, const Inst& inst) {
    write32(wave, inst.op[0], wave.s[inst.op[0].index] & ~(1u << (read32(wave, inst.op[1]) & 31)));
  }, "SC");
  t.add("s_bitset1_b32", [](Wave& wave, const Inst& inst) {
    write32(wave, inst.op[0], wave.s[inst.op[0].index] | 1u << (read32(wave, inst.op[1]) & 31));
  }, "SC");
  t.add("s_bitset0_b64", [](Wave& wave, const Inst& inst) {
    const u64 bit = 1ull << (read32(wave, inst.op[1]) & 63);
    write64(wave, inst.op[0], wave.scalar64(inst.op[0].index) & ~bit);
  }, "S2C");
  t.add("s_bitset1_b64", [](Wave& wave, const Inst& inst) {
    const u64 bit = 1ull << (read32(wave, inst.op[1]) & 63);
    write64(wave, inst.op[0], wave.scalar64(inst.op[0].index) | bit);
  }, "S2C");
}

void register_counts(Table& t) {
  t.add("s_bcnt0_i32_b32", one32<[](u32 a, u32& scc) {
          const u32 r = static_cast<u32>(__builtin_popcount(~a));
          scc = r != 0;
          return r;
        }>, "SC");
  t.add("s_bcnt1_i32_b32", one32<[](u32 a, u32& scc) {
          const u32 r = static_cast<u32>(__builtin_popcount(a));
          scc = r != 0;
          return r;
        }>, "SC");
  t.add("s_bcnt0_i32_b64", count64<[](u64 a, u32& scc) {
          const u32 r = static_cast<u32>(__builtin_popcountll(~a));
          scc = r != 0;
          return r;
        }>, "SC2");
  t.add("s_bcnt1_i32_b64", count64<[](u64 a, u32& scc) {
          const u32 r = static_cast<u32>(__builtin_popcountll(a));
          scc = r != 0;
          return r;
        }>, "SC2");
  t.add("s_ff0_i32_b32", one32<[](u32 a, u32&) {
          return ~a ? static_cast<u32>(__builtin_ctz(~a)) : ~0u;
        }>, "SC");
  t.add("s_ff1_i32_b32", one32<[](u32 a, u32&) {
          return a ? static_cast<u32>(__builtin_ctz(a)) : ~0u;
        }>, "SC");
  t.add("s_ff0_i32_b64", count64<[](u64 a, u32&) {
          return ~a ? static_cast<u32>(__builtin_ctzll(~a)) : ~0u;
        }>, "SC2");
  t.add("s_ff1_i32_b64", count64<[](u64 a, u32&) {
          return a ? static_cast<u32>(__builtin_ctzll(a)) : ~0u;
        }>, "SC2");
  t.add("s_flbit_i32_b32", one32<[](u32 a, u32&) {
          return a ? static_cast<u32>(__builtin_clz(a)) : ~0u;
        }>, "SC");
  t.add("s_flbit_i32_b64", count64<[](u64 a, u32&) {
          return a ? static_cast<u32>(__builtin_clzll(a)) : ~0u;
        }>, "SC2");
  t.add("s_flbit_i32", one32<[](u32 a, u32&) {
          const u32 x = static_cast<i32>(a) < 0 ? ~a : a;
          return x ? static_cast<u32>(__builtin_clz(x)) : ~0u;
        }>, "SC");
  t.add("s_flbit_i32_i64", count64<[](u64 a, u32&) { return sign_bits64(a); }>, "SC2");
}

void register_compares(Table& t) {
  add_compare<[](i32 a, i32 b) { return a == b; }, [](u32 a, u32 b) { return a == b; }>(t, "eq");
  add_compare<[](i32 a, i32 b) { return a != b; }, [](u32 a, u32 b) { return a != b; }>(t, "lg");
  add_compare<[](i32 a, i32 b) { return (a > b); }, [](u32 a, u32 b) { return (a > b); }>(t, "gt");
  add_compare<[](i32 a, i32 b) { return a >= b; }, [](u32 a, u32 b) { return a >= b; }>(t, "ge");
  add_compare<[](i32 a, i32 b) { return a < b; }, [](u32 a, u32 b) { return a < b; }>(t, "lt");
  add_compare<[](i32 a, i32 b) { return a <= b; }, [](u32 a, u32 b) { return a <= b; }>(t, "le");
  t.add("s_cmp_eq_u64", compare64<[](u64 a, u64 b) { return a == b; }>, "C2C2");
  t.add("s_cmp_lg_u64", compare64<[](u64 a, u64 b) { return a != b; }>, "C2C2");
  t.add("s_bitcmp0_b32", compare32<[](u32 a, u32 b) { return !(a >> (b & 31) & 1); }>, "CC");
  t.add("s_bitcmp1_b32", compare32<[](u32 a, u32 b) { return (a >> (b & 31) & 1) != 0; }>, "CC");
  t.add("s_bitcmp0_b64", [](Wave& wave, const Inst& inst) {
    wave.scc = !(read64(wave, inst.op[0]) >> (read32(wave, inst.op[1]) & 63) & 1);
  }, "C2C");
  t.add("s_bitcmp1_b64", [](Wave& wave, const Inst& inst) {
    wave.scc = read64(wave, inst.op[0]) >> (read32(wave, inst.op[1]) & 63) & 1;
  }, "C2C");
}

}  // namespace

void register_scalar(Table& table) {
  register_arithmetic(table);
  register_moves(table);
  register_bits(table);
  register_counts(table);
  register_compares(table);
  add_logic<[](u64 a, u64 b) { return a & b; }>(table, "and");
  add_logic<[](u64 a, u64 b) { return a | b; }>(table, "or");
  add_logic<[](u64 a, u64 b) { return a ^ b; }>(table, "xor");
  add_logic<[](u64 a, u64 b) { return a & ~b; }>(table, "andn2");
  add_logic<[](u64 a, u64 b) { return a | ~b; }>(table, "orn2");
  add_logic<[](u64 a, u64 b) { return ~(a & b); }>(table, "nand");
  add_logic<[](u64 a, u64 b) { return ~(a | b); }>(table, "nor");
  add_logic<[](u64 a, u64 b) { return ~(a ^ b); }>(table, "xnor");
  table.add("s_andn1_saveexec_b64", save_exec<[](u64 a, u64 exec) { return ~a & exec; }>, "S2C2");
  table.add("s_orn1_saveexec_b64", save_exec<[](u64 a, u64 exec) { return ~a | exec; }>, "S2C2");
  table.add("s_andn1_wrexec_b64", write_exec<[](u64 a, u64 exec) { return ~a & exec; }>, "S2C2");
  table.add("s_andn2_wrexec_b64", write_exec<[](u64 a, u64 exec) { return a & ~exec; }>, "S2C2");
}

}  // namespace xsim::isa
