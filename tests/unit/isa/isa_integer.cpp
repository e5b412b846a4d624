// SPDX-License-Identifier: Apache-2.0
//
// Integer vector instructions against references written from the ISA text.

#include <gtest/gtest.h>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

struct Binary {
  const char* text;  // v20 = op(v1, v2)
  uint32_t (*reference)(uint32_t a, uint32_t b);
};

const Binary kBinary[] = {
    {"v_add_u32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a + b; }},
    {"v_sub_u32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a - b; }},
    {"v_subrev_u32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return b - a; }},
    {"v_mul_lo_u32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a * b; }},
    {"v_mul_hi_u32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return uint32_t(uint64_t(a) * b >> 32); }},
    {"v_mul_hi_i32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return uint32_t(int64_t(int32_t(a)) * int32_t(b) >> 32); }},
    {"v_mul_u32_u24_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return (a % (1u << 24)) * (b % (1u << 24)); }},
    {"v_and_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a & b; }},
    {"v_or_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a | b; }},
    {"v_xor_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a ^ b; }},
    {"v_xnor_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return ~(a ^ b); }},
    {"v_lshlrev_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return b << (a % 32); }},
    {"v_lshrrev_b32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return b >> (a % 32); }},
    {"v_ashrrev_i32_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return uint32_t(int32_t(b) >> (a % 32)); }},
    {"v_min_u32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a < b ? a : b; }},
    {"v_max_u32_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return a > b ? a : b; }},
    {"v_min_i32_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return int32_t(a) < int32_t(b) ? a : b; }},
    {"v_max_i32_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return int32_t(a) > int32_t(b) ? a : b; }},
    {"v_bfm_b32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return ((1u << (a % 32)) - 1) << (b % 32); }},
    {"v_bcnt_u32_b32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return uint32_t(__builtin_popcount(a)) + b; }},
    {"v_add_u16_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return (a + b) % 65536; }},
    {"v_sub_u16_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return (a - b) % 65536; }},
    {"v_mul_lo_u16_e32 v20, v1, v2", [](uint32_t a, uint32_t b) { return (a * b) % 65536; }},
    {"v_ashrrev_i16_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) { return uint32_t(uint16_t(int16_t(b) >> (a % 16))); }},
    {"v_max_i16_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b) {
       return uint32_t(uint16_t(int16_t(a) > int16_t(b) ? int16_t(a) : int16_t(b)));
     }},
    {"v_add_u32_e64 v20, v1, v2 clamp",
     [](uint32_t a, uint32_t b) { return uint64_t(a) + b > ~0u ? ~0u : a + b; }},
    {"v_sub_u32_e64 v20, v1, v2 clamp", [](uint32_t a, uint32_t b) { return b > a ? 0 : a - b; }},
    {"v_add_i32 v20, v1, v2 clamp",
     [](uint32_t a, uint32_t b) {
       const int64_t r = int64_t(int32_t(a)) + int32_t(b);
       return uint32_t(r > INT32_MAX ? INT32_MAX : r < INT32_MIN ? INT32_MIN : r);
     }},
    {"v_pk_add_u16 v20, v1, v2",
     [](uint32_t a, uint32_t b) {
       return ((a + b) & 0xffff) | ((a >> 16) + (b >> 16)) << 16;
     }},
    {"v_pk_mul_lo_u16 v20, v1, v2 op_sel:[1,0] op_sel_hi:[0,1]",
     [](uint32_t a, uint32_t b) {
       return ((a >> 16) * (b & 0xffff) & 0xffff) | (a & 0xffff) * (b >> 16) << 16;
     }},
    {"v_pk_max_i16 v20, v1, v2",
     [](uint32_t a, uint32_t b) {
       const auto max = [](uint32_t x, uint32_t y) {
         return uint32_t(uint16_t(int16_t(x) > int16_t(y) ? x : y));
       };
       return max(a, b) | max(a >> 16, b >> 16) << 16;
     }},
    {"v_pk_add_i16 v20, v1, v2 clamp",
     [](uint32_t a, uint32_t b) {
       const auto add = [](uint32_t x, uint32_t y) {
         const int r = int16_t(x) + int16_t(y);
         return uint32_t(uint16_t(r > 32767 ? 32767 : r < -32768 ? -32768 : r));
       };
       return add(a, b) | add(a >> 16, b >> 16) << 16;
     }},
    {"v_pack_b32_f16 v20, v1, v2", [](uint32_t a, uint32_t b) { return (a & 0xffff) | b << 16; }},
    {"v_pack_b32_f16 v20, v1, v2 op_sel:[1,1,0]",
     [](uint32_t a, uint32_t b) { return a >> 16 | (b & 0xffff0000u); }},
    {"v_cvt_pk_u16_u32 v20, v1, v2",
     [](uint32_t a, uint32_t b) {
       return (a > 65535 ? 65535 : a) | (b > 65535 ? 65535u : b) << 16;
     }},
    {"v_bfe_u32 v20, v1, v2, 5", [](uint32_t a, uint32_t b) { return a >> (b % 32) & 31; }},
    {"v_bfe_i32 v20, v1, 4, v2",
     [](uint32_t a, uint32_t b) {
       const uint32_t width = b % 32;
       if (width == 0) return 0u;
       if (width + 4 >= 32) return uint32_t(int32_t(a) >> 4);
       return uint32_t(int32_t(a << (28 - width)) >> (32 - width));
     }},
    {"v_alignbit_b32 v20, v1, v2, 9",
     [](uint32_t a, uint32_t b) { return uint32_t((uint64_t(a) << 32 | b) >> 9); }},
};

TEST(IsaInteger, Binary) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    const Row a = sample(1), b = sample(2);
    for (const Binary& test : kBinary) {
      const auto out = machine.evaluate(test.text, {a, b}, 1);
      for (int l = 0; l < kLanes; ++l) {
        ASSERT_EQ(out[0][l], test.reference(a[l], b[l]))
            << test.text << " a=" << std::hex << a[l] << " b=" << b[l];
      }
    }
  }
}

struct Ternary {
  const char* text;  // v20 = op(v1, v2, v3)
  uint32_t (*reference)(uint32_t a, uint32_t b, uint32_t c);
};

uint32_t median(int64_t a, int64_t b, int64_t c) {
  const int64_t low = a < b ? a : b;
  const int64_t high = a < b ? b : a;
  return uint32_t(c < low ? low : c > high ? high : c);
}

const Ternary kTernary[] = {
    {"v_add3_u32 v20, v1, v2, v3", [](uint32_t a, uint32_t b, uint32_t c) { return a + b + c; }},
    {"v_lshl_add_u32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a << (b % 32)) + c; }},
    {"v_add_lshl_u32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a + b) << (c % 32); }},
    {"v_lshl_or_b32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return a << (b % 32) | c; }},
    {"v_and_or_b32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a & b) | c; }},
    {"v_or3_b32 v20, v1, v2, v3", [](uint32_t a, uint32_t b, uint32_t c) { return a | b | c; }},
    {"v_xad_u32 v20, v1, v2, v3", [](uint32_t a, uint32_t b, uint32_t c) { return (a ^ b) + c; }},
    {"v_bfi_b32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a & b) | (~a & c); }},
    {"v_mad_u32_u24 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a % (1 << 24)) * (b % (1 << 24)) + c; }},
    {"v_mad_u32_u16 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a % 65536) * (b % 65536) + c; }},
    {"v_min3_u32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return std::min(std::min(a, b), c); }},
    {"v_max3_i32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       return uint32_t(std::max(std::max(int32_t(a), int32_t(b)), int32_t(c)));
     }},
    {"v_med3_i32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return median(int32_t(a), int32_t(b), int32_t(c)); }},
    {"v_med3_u32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return median(a, b, c); }},
    {"v_sad_u32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) { return (a > b ? a - b : b - a) + c; }},
    {"v_alignbyte_b32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       return uint32_t((uint64_t(a) << 32 | b) >> (8 * (c % 4)));
     }},
    {"v_perm_b32 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       uint32_t r = 0;
       for (int i = 0; i < 4; ++i) {
         const uint32_t pick = c >> (8 * i) & 255;
         uint32_t byte = 0;
         if (pick < 4) byte = b >> (8 * pick) & 255;
         else if (pick < 8) byte = a >> (8 * (pick - 4)) & 255;
         else if (pick == 8) byte = b & 0x8000 ? 255 : 0;
         else if (pick == 9) byte = b & 0x80000000u ? 255 : 0;
         else if (pick == 10) byte = a & 0x8000 ? 255 : 0;
         else if (pick == 11) byte = a & 0x80000000u ? 255 : 0;
         else if (pick > 12) byte = 255;
         r |= byte << (8 * i);
       }
       return r;
     }},
    {"v_dot4_i32_i8 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       for (int i = 0; i < 4; ++i) c += uint32_t(int8_t(a >> (8 * i)) * int8_t(b >> (8 * i)));
       return c;
     }},
    {"v_dot8_u32_u4 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       for (int i = 0; i < 8; ++i) c += (a >> (4 * i) & 15) * (b >> (4 * i) & 15);
       return c;
     }},
    {"v_mov_b32_e32 v20, v3\nv_dot4c_i32_i8_e32 v20, v1, v2",
     [](uint32_t a, uint32_t b, uint32_t c) {
       for (int i = 0; i < 4; ++i) c += uint32_t(int8_t(a >> (8 * i)) * int8_t(b >> (8 * i)));
       return c;
     }},
    {"v_pk_mad_u16 v20, v1, v2, v3",
     [](uint32_t a, uint32_t b, uint32_t c) {
       return ((a & 0xffff) * (b & 0xffff) + c) % 65536 |
              ((a >> 16) * (b >> 16) + (c >> 16)) << 16;
     }},
};

TEST(IsaInteger, Ternary) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    const Row a = sample(3), b = sample(4), c = sample(5);
    for (const Ternary& test : kTernary) {
      const auto out = machine.evaluate(test.text, {a, b, c}, 1);
      for (int l = 0; l < kLanes; ++l) {
        ASSERT_EQ(out[0][l], test.reference(a[l], b[l], c[l]))
            << test.text << std::hex << " a=" << a[l] << " b=" << b[l] << " c=" << c[l];
      }
    }
  }
}

TEST(IsaInteger, Unary) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(6);
  const auto out = machine.evaluate(
      "v_not_b32_e32 v20, v1\nv_bfrev_b32_e32 v21, v1\nv_ffbh_u32_e32 v22, v1\n"
      "v_ffbl_b32_e32 v23, v1\nv_ffbh_i32_e32 v24, v1\nv_mov_b32_e32 v25, v1\n"
      "v_cvt_f32_u32_e32 v26, v1\nv_cvt_f32_i32_e32 v27, v1\nv_cvt_f32_ubyte2_e32 v28, v1",
      {a}, 9);
  for (int l = 0; l < kLanes; ++l) {
    const uint32_t x = a[l];
    uint32_t reversed = 0;
    for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1) << (31 - i);
    EXPECT_EQ(out[0][l], ~x);
    EXPECT_EQ(out[1][l], reversed);
    EXPECT_EQ(out[2][l], x == 0 ? ~0u : uint32_t(__builtin_clz(x)));
    EXPECT_EQ(out[3][l], x == 0 ? ~0u : uint32_t(__builtin_ctz(x)));
    const uint32_t y = int32_t(x) < 0 ? ~x : x;
    EXPECT_EQ(out[4][l], y == 0 ? ~0u : uint32_t(__builtin_clz(y)));
    EXPECT_EQ(out[5][l], x);
    EXPECT_EQ(out[6][l], as_bits(float(x)));
    EXPECT_EQ(out[7][l], as_bits(float(int32_t(x))));
    EXPECT_EQ(out[8][l], as_bits(float(x >> 16 & 255)));
  }
}

// 64-bit addition from two carry instructions, as compilers write it.
TEST(IsaInteger, CarryChain) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row al = sample(7), ah = sample(8), bl = sample(9), bh = sample(10);
  const auto out = machine.evaluate(
      "v_add_co_u32_e32 v20, vcc, v1, v3\nv_addc_co_u32_e32 v21, vcc, v2, v4, vcc\n"
      "v_sub_co_u32_e64 v22, s[10:11], v1, v3\n"
      "v_subb_co_u32_e64 v23, s[12:13], v2, v4, s[10:11]\n"
      "v_mov_b32_e32 v24, s12\nv_mov_b32_e32 v25, s13",
      {al, ah, bl, bh}, 6);
  for (int l = 0; l < kLanes; ++l) {
    const uint64_t a = uint64_t(ah[l]) << 32 | al[l];
    const uint64_t b = uint64_t(bh[l]) << 32 | bl[l];
    EXPECT_EQ(uint64_t(out[1][l]) << 32 | out[0][l], a + b);
    EXPECT_EQ(uint64_t(out[3][l]) << 32 | out[2][l], a - b);
    const uint64_t borrow = uint64_t(out[5][0]) << 32 | out[4][0];
    EXPECT_EQ(borrow >> l & 1, uint64_t(b > a));
  }
}

TEST(IsaInteger, Wide) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(11), b = sample(12), c = sample(13), d = sample(14);
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v6, v3\nv_mov_b32_e32 v7, v4\n"
      "v_mad_u64_u32 v[20:21], s[10:11], v1, v2, v[6:7]\n"
      "v_mad_i64_i32 v[22:23], s[10:11], v1, v2, v[6:7]\n"
      "v_lshlrev_b64 v[24:25], v1, v[6:7]\nv_ashrrev_i64 v[26:27], v1, v[6:7]\n"
      "v_lshl_add_u64 v[28:29], v[6:7], 3, v[6:7]\n"
      "v_cmp_gt_i64_e64 s[10:11], v[6:7], 0\nv_mov_b32_e32 v30, s10\nv_mov_b32_e32 v31, s11",
      {a, b, c, d}, 12);
  for (int l = 0; l < kLanes; ++l) {
    const uint64_t wide = uint64_t(d[l]) << 32 | c[l];
    const auto result = [&](int k) { return uint64_t(out[k + 1][l]) << 32 | out[k][l]; };
    EXPECT_EQ(result(0), uint64_t(a[l]) * b[l] + wide);
    EXPECT_EQ(result(2), uint64_t(int64_t(int32_t(a[l])) * int32_t(b[l])) + wide);
    EXPECT_EQ(result(4), wide << (a[l] % 64));
    EXPECT_EQ(result(6), uint64_t(int64_t(wide) >> (a[l] % 64)));
    EXPECT_EQ(result(8), (wide << 3) + wide);
    const uint64_t mask = uint64_t(out[11][0]) << 32 | out[10][0];
    EXPECT_EQ(mask >> l & 1, uint64_t(int64_t(wide) > 0));
  }
}

TEST(IsaInteger, CompareSelectAndExec) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(15), b = sample(16);
  const auto out = machine.evaluate(
      "v_cmp_lt_u32_e32 vcc, v1, v2\nv_cndmask_b32_e32 v20, v1, v2, vcc\n"
      "v_mov_b32_e32 v21, 7\n"
      "s_and_saveexec_b64 s[10:11], vcc\n"
      "v_add_u32_e32 v21, 1, v2\n"
      "s_xor_b64 exec, exec, s[10:11]\n"
      "v_sub_u32_e32 v21, v1, v2\n"
      "s_mov_b64 exec, s[10:11]\n"
      "v_cmpx_ne_i32_e32 vcc, v1, v2\nv_mov_b32_e32 v22, 1\ns_mov_b64 exec, -1",
      {a, b}, 2);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[l] < b[l] ? b[l] : a[l]);
    EXPECT_EQ(out[1][l], a[l] < b[l] ? b[l] + 1 : a[l] - b[l]);
  }
}

TEST(IsaInteger, AcrossLanes) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(17);
  const auto out = machine.evaluate(
      "v_mbcnt_lo_u32_b32 v20, -1, 0\nv_mbcnt_hi_u32_b32 v20, -1, v20\n"
      "v_readlane_b32 s10, v1, 37\nv_mov_b32_e32 v21, s10\n"
      "v_mov_b32_e32 v22, v1\ns_movk_i32 s11, 0x77\nv_writelane_b32 v22, s11, 5\n"
      "s_mov_b64 exec, 0xf0\nv_readfirstlane_b32 s12, v1\ns_mov_b64 exec, -1\n"
      "v_mov_b32_e32 v23, s12\n"
      "v_accvgpr_write_b32 a7, v1\nv_accvgpr_read_b32 v24, a7\n"
      "v_mov_b32_e32 v25, 1\nv_mov_b32_e32 v26, 2\nv_swap_b32 v25, v26",
      {a}, 7);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], uint32_t(l));
    EXPECT_EQ(out[1][l], a[37]);
    EXPECT_EQ(out[2][l], l == 5 ? 0x77u : a[l]);
    EXPECT_EQ(out[3][l], a[4]);
    EXPECT_EQ(out[4][l], a[l]);
    EXPECT_EQ(out[5][l], 2u);
    EXPECT_EQ(out[6][l], 1u);
  }
}

// Dynamic register indexing, as LLVM emits it for arrays in registers.
TEST(IsaInteger, RegisterIndexing) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx90a);
  const Row a = sample(18), b = sample(19), c = sample(20);
  const auto out = machine.evaluate(
      "s_mov_b32 s10, 2\n"
      "s_set_gpr_idx_on s10, gpr_idx(SRC0)\nv_mov_b32_e32 v20, v1\ns_set_gpr_idx_off\n"
      "s_mov_b32 s10, 1\n"
      "s_set_gpr_idx_on s10, gpr_idx(DST)\nv_mov_b32_e32 v20, v2\ns_set_gpr_idx_off\n"
      "v_mov_b32_e32 v22, v1",
      {a, b, c}, 3);
  EXPECT_EQ(out[0], c);
  EXPECT_EQ(out[1], b);
  EXPECT_EQ(out[2], a);
}

}  // namespace
}  // namespace xsim::isa_test
