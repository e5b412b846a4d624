// SPDX-License-Identifier: Apache-2.0
//
// The scalar unit: arithmetic with SCC, bit fields, control flow, scalar
// memory, hardware registers.

#include <gtest/gtest.h>

#include <cstring>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

// Runs scalar code; s20, s21, ... are the results.
std::vector<uint32_t> scalars(Machine& machine, const std::string& body, int count) {
  std::string source = body + "\n";
  for (int i = 0; i < count; ++i) {
    source += "v_mov_b32_e32 v" + std::to_string(20 + i) + ", s" + std::to_string(20 + i) + "\n";
  }
  const auto rows = machine.evaluate(source, {}, count);
  std::vector<uint32_t> result;
  for (const Row& row : rows) result.push_back(row[0]);
  return result;
}

std::string load(int reg, uint32_t value) {
  return "s_mov_b32 s" + std::to_string(reg) + ", 0x" +
         [&] {
           char text[16];
           snprintf(text, sizeof text, "%x", value);
           return std::string(text);
         }() +
         "\n";
}

struct Arithmetic {
  const char* name;
  uint32_t (*value)(uint32_t a, uint32_t b);
  bool (*scc)(uint32_t a, uint32_t b);
};

const Arithmetic kArithmetic[] = {
    {"s_add_u32", [](uint32_t a, uint32_t b) { return a + b; },
     [](uint32_t a, uint32_t b) { return uint64_t(a) + b > ~0u; }},
    {"s_sub_u32", [](uint32_t a, uint32_t b) { return a - b; },
     [](uint32_t a, uint32_t b) { return b > a; }},
    {"s_add_i32", [](uint32_t a, uint32_t b) { return a + b; },
     [](uint32_t a, uint32_t b) {
       const int64_t r = int64_t(int32_t(a)) + int32_t(b);
       return r != int32_t(r);
     }},
    {"s_sub_i32", [](uint32_t a, uint32_t b) { return a - b; },
     [](uint32_t a, uint32_t b) {
       const int64_t r = int64_t(int32_t(a)) - int32_t(b);
       return r != int32_t(r);
     }},
    {"s_and_b32", [](uint32_t a, uint32_t b) { return a & b; },
     [](uint32_t a, uint32_t b) { return (a & b) != 0; }},
    {"s_orn2_b32", [](uint32_t a, uint32_t b) { return a | ~b; },
     [](uint32_t a, uint32_t b) { return (a | ~b) != 0; }},
    {"s_nor_b32", [](uint32_t a, uint32_t b) { return ~(a | b); },
     [](uint32_t a, uint32_t b) { return ~(a | b) != 0; }},
    {"s_lshl_b32", [](uint32_t a, uint32_t b) { return a << (b % 32); },
     [](uint32_t a, uint32_t b) { return a << (b % 32) != 0; }},
    {"s_ashr_i32", [](uint32_t a, uint32_t b) { return uint32_t(int32_t(a) >> (b % 32)); },
     [](uint32_t a, uint32_t b) { return int32_t(a) >> (b % 32) != 0; }},
    {"s_min_i32", [](uint32_t a, uint32_t b) { return int32_t(a) < int32_t(b) ? a : b; },
     [](uint32_t a, uint32_t b) { return int32_t(a) < int32_t(b); }},
    {"s_max_u32", [](uint32_t a, uint32_t b) { return a > b ? a : b; },
     [](uint32_t a, uint32_t b) { return a > b; }},
    {"s_absdiff_i32",
     [](uint32_t a, uint32_t b) { return int32_t(a - b) < 0 ? b - a : a - b; },
     [](uint32_t a, uint32_t b) { return a != b; }},
    {"s_lshl3_add_u32", [](uint32_t a, uint32_t b) { return (a << 3) + b; },
     [](uint32_t a, uint32_t b) { return ((uint64_t(a) << 3) + b) >> 32 != 0; }},
};

TEST(IsaScalar, ArithmeticAndScc) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const std::pair<uint32_t, uint32_t> inputs[] = {
      {0, 0},          {1, 2},          {~0u, 1},           {0x7fffffff, 1},
      {0x80000000, 1}, {0x80000000, ~0u}, {0xdeadbeef, 0x1234}, {5, 37}};
  for (const Arithmetic& test : kArithmetic) {
    for (const auto& [a, b] : inputs) {
      const auto out = scalars(machine,
                               load(10, a) + load(11, b) + test.name +
                                   " s20, s10, s11\ns_cselect_b32 s21, 1, 0",
                               2);
      ASSERT_EQ(out[0], test.value(a, b)) << test.name << std::hex << " " << a << " " << b;
      ASSERT_EQ(out[1] != 0, test.scc(a, b)) << test.name << std::hex << " " << a << " " << b;
    }
  }
}

TEST(IsaScalar, BitFields) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const auto out = scalars(machine,
                           "s_mov_b32 s10, 0x89abcdef\ns_mov_b32 s11, 0x76543210\n"
                           "s_bfe_u32 s20, s10, 0x80004\n"   // 8 bits from 4
                           "s_bfe_i32 s21, s10, 0x80018\n"   // 8 bits from 24, negative
                           "s_mov_b32 s12, 0x100038\n"       // 16 bits from 56
                           "s_bfe_i64 s[22:23], s[10:11], s12\n"
                           "s_mov_b32 s12, 0x14001c\n"       // 20 bits from 28
                           "s_bfe_u64 s[24:25], s[10:11], s12\n"
                           "s_bfm_b32 s26, 5, 7\n"
                           "s_brev_b32 s27, s10\ns_ff1_i32_b64 s28, s[10:11]\n"
                           "s_flbit_i32_b32 s29, s11\ns_bcnt1_i32_b64 s30, s[10:11]\n"
                           "s_sext_i32_i8 s31, s10\ns_pack_lh_b32_b16 s32, s10, s11\n"
                           "s_mov_b32 s33, s10\ns_bitset0_b32 s33, 0",
                           14);
  EXPECT_EQ(out[0], 0xdeu);
  EXPECT_EQ(out[1], 0xffffff89u);
  EXPECT_EQ(uint64_t(out[3]) << 32 | out[2], 0x76u);
  EXPECT_EQ(uint64_t(out[5]) << 32 | out[4], 0x7654321089abcdefull >> 28 & 0xfffff);
  EXPECT_EQ(out[6], 31u << 7);
  EXPECT_EQ(out[7], 0xf7b3d591u);
  EXPECT_EQ(out[8], 0u);
  EXPECT_EQ(out[9], 1u);
  EXPECT_EQ(out[10], 32u);
  EXPECT_EQ(out[11], 0xffffffefu);
  EXPECT_EQ(out[12], 0x7654cdefu);
  EXPECT_EQ(out[13], 0x89abcdeeu);
}

TEST(IsaScalar, LoopsAndCalls) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  // Sum of 1..100, then a function that doubles it.
  const auto out = scalars(machine,
                           "s_mov_b32 s20, 0\ns_movk_i32 s10, 100\n"
                           "loop:\ns_add_u32 s20, s20, s10\ns_addk_i32 s10, -1\n"
                           "s_cmp_lg_u32 s10, 0\ns_cbranch_scc1 loop\n"
                           "s_getpc_b64 s[12:13]\n"
                           "here:\ns_add_u32 s12, s12, function-here\ns_addc_u32 s13, s13, 0\n"
                           "s_swappc_b64 s[14:15], s[12:13]\ns_branch end\n"
                           "function:\ns_lshl_b32 s20, s20, 1\ns_setpc_b64 s[14:15]\n"
                           "end:\ns_cmpk_eq_u32 s20, 0x2774\ns_cselect_b32 s21, 3, 4",
                           2);
  EXPECT_EQ(out[0], 10100u);
  EXPECT_EQ(out[1], 3u);
}

TEST(IsaScalar, SixtyFourBitConstants) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const auto out = scalars(machine,
                           "s_mov_b64 s[20:21], 1.0\ns_mov_b64 s[22:23], -5\n"
                           "s_mov_b64 s[24:25], 0x87654321\n"
                           "s_mov_b64 s[26:27], src_shared_base\n"
                           "s_mov_b64 s[28:29], src_private_base",
                           10);
  EXPECT_EQ(uint64_t(out[1]) << 32 | out[0], 0x3ff0000000000000u);
  EXPECT_EQ(uint64_t(out[3]) << 32 | out[2], uint64_t(-5));
  EXPECT_EQ(uint64_t(out[5]) << 32 | out[4], 0x87654321u);
  EXPECT_EQ(out[7], 0x10000u);
  EXPECT_EQ(out[9], 0x20000u);
}

TEST(IsaScalar, Memory) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  for (uint32_t i = 0; i < 64; ++i) machine.words(Machine::kInput)[i] = 0x1000 + i;
  const auto out = scalars(machine,
                           "s_load_dwordx2 s[20:21], s[4:5], 0x8\ns_movk_i32 s10, 0x40\n"
                           "s_load_dword s22, s[4:5], s10\n"
                           "s_load_dword s23, s[4:5], s10 offset:0x4\n"
                           "s_load_dwordx8 s[24:31], s[4:5], 0x20\n"
                           "s_add_u32 s12, s4, 0\ns_addc_u32 s13, s5, 0\n"
                           "s_mov_b32 s14, 0x10\ns_mov_b32 s15, 0\n"
                           "s_buffer_load_dwordx2 s[32:33], s[12:15], 0xc\ns_waitcnt lgkmcnt(0)",
                           14);
  EXPECT_EQ(out[0], 0x1002u);
  EXPECT_EQ(out[1], 0x1003u);
  EXPECT_EQ(out[2], 0x1010u);
  EXPECT_EQ(out[3], 0x1011u);
  EXPECT_EQ(out[4], 0x1008u);
  EXPECT_EQ(out[11], 0x100fu);
  EXPECT_EQ(out[12], 0x1003u);
  EXPECT_EQ(out[13], 0u) << "beyond the buffer's records";
}

TEST(IsaScalar, ClocksAndMode) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  machine.host().realtime_ticks = [](void*) -> uint64_t { return 1'000'000; };
  machine.host().core_hz = 2'100'000'000;
  const auto out = scalars(machine,
                           "s_memrealtime s[20:21]\ns_memtime s[22:23]\ns_waitcnt lgkmcnt(0)\n"
                           "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 3\n"
                           "s_getreg_b32 s24, hwreg(HW_REG_MODE, 0, 8)\n"
                           "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 0\n"
                           "s_getreg_b32 s25, hwreg(HW_REG_XCC_ID)",
                           6);
  EXPECT_EQ(out[0], 1'000'000u);
  EXPECT_EQ(out[2], 21'000'000u);
  EXPECT_EQ(out[4], 0xf3u);
  EXPECT_EQ(out[5], 0u);
}

}  // namespace
}  // namespace xsim::isa_test
