// SPDX-License-Identifier: Apache-2.0
//
// DPP lane patterns, their masks and bounds, SDWA selections, swizzles.

#include <gtest/gtest.h>

#include <functional>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

struct Pattern {
  const char* text;
  int (*source)(int lane);  // -1: none
};

const Pattern kPatterns[] = {
    {"quad_perm:[3,2,1,0]", [](int l) { return l / 4 * 4 + 3 - l % 4; }},
    {"quad_perm:[1,1,3,3]", [](int l) { return l | 1; }},
    {"row_shl:1", [](int l) { return l % 16 < 15 ? l + 1 : -1; }},
    {"row_shl:15", [](int l) { return l % 16 == 0 ? l + 15 : -1; }},
    {"row_shr:2", [](int l) { return l % 16 >= 2 ? l - 2 : -1; }},
    {"row_ror:4", [](int l) { return l / 16 * 16 + (l + 12) % 16; }},
    {"wave_shl:1", [](int l) { return l < 63 ? l + 1 : -1; }},
    {"wave_rol:1", [](int l) { return (l + 1) % 64; }},
    {"wave_shr:1", [](int l) { return l > 0 ? l - 1 : -1; }},
    {"wave_ror:1", [](int l) { return (l + 63) % 64; }},
    {"row_mirror", [](int l) { return l / 16 * 16 + 15 - l % 16; }},
    {"row_half_mirror", [](int l) { return l / 8 * 8 + 7 - l % 8; }},
    {"row_bcast:15", [](int l) { return l >= 16 ? l / 16 * 16 - 1 : -1; }},
    {"row_bcast:31", [](int l) { return l >= 32 ? 31 : -1; }},
    {"row_newbcast:5", [](int l) { return l / 16 * 16 + 5; }},
};

TEST(IsaDpp, Patterns) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(1), old = sample(2);
  for (const Pattern& pattern : kPatterns) {
    for (const bool zero : {false, true}) {
      const std::string text = std::string("v_mov_b32_e32 v20, v2\nv_mov_b32_dpp v20, v1 ") +
                               pattern.text + " row_mask:0xf bank_mask:0xf" +
                               (zero ? " bound_ctrl:0" : "");
      const auto out = machine.evaluate(text, {a, old}, 1);
      for (int l = 0; l < kLanes; ++l) {
        const int from = pattern.source(l);
        const uint32_t expected = from >= 0 ? a[from] : zero ? 0 : old[l];
        ASSERT_EQ(out[0][l], expected) << text << " lane " << l;
      }
    }
  }
}

TEST(IsaDpp, MasksAndInactiveSources) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(3), old = sample(4);
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v20, v2\n"
      "v_mov_b32_dpp v20, v1 row_mirror row_mask:0x5 bank_mask:0x3\n"
      "v_mov_b32_e32 v21, v2\ns_mov_b64 exec, 0xffffffff\n"
      "v_mov_b32_dpp v21, v1 wave_shl:1 row_mask:0xf bank_mask:0xf\ns_mov_b64 exec, -1\n"
      "v_mov_b32_e32 v22, v2\n"
      "v_add_u32_dpp v22, v1, v2 row_shr:1 row_mask:0xf bank_mask:0xf bound_ctrl:0",
      {a, old}, 3);
  for (int l = 0; l < kLanes; ++l) {
    const bool on = (l / 16 % 2 == 0) && (l / 4 % 4 < 2);
    EXPECT_EQ(out[0][l], on ? a[l / 16 * 16 + 15 - l % 16] : old[l]);
    // Lane 31 reads lane 32, which is off: it keeps its value.
    EXPECT_EQ(out[1][l], l < 31 ? a[l + 1] : old[l]);
    EXPECT_EQ(out[2][l], (l % 16 > 0 ? a[l - 1] : 0) + old[l]);
  }
}

TEST(IsaDpp, ReductionAsCompilersWriteIt) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(5);
  std::string body = "v_mov_b32_e32 v20, v1\n";
  for (const char* step : {"row_shr:1", "row_shr:2", "row_shr:4", "row_shr:8"}) {
    body += std::string("v_add_u32_dpp v20, v20, v20 ") + step +
            " row_mask:0xf bank_mask:0xf bound_ctrl:0\n";
  }
  body += "v_add_u32_dpp v20, v20, v20 row_bcast:15 row_mask:0xa bank_mask:0xf\n"
          "v_add_u32_dpp v20, v20, v20 row_bcast:31 row_mask:0xc bank_mask:0xf\n"
          "v_readlane_b32 s10, v20, 63\nv_mov_b32_e32 v21, s10";
  const auto out = machine.evaluate(body, {a}, 2);
  uint32_t sum = 0;
  for (const uint32_t x : a) sum += x;
  EXPECT_EQ(out[1][0], sum);
}

TEST(IsaDpp, SdwaSelections) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx90a);
  const Row a = sample(6), b = sample(7);
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v20, v2\n"
      "v_add_u32_sdwa v20, v1, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2 "
      "src1_sel:WORD_1\n"
      "v_mov_b32_e32 v21, v2\n"
      "v_add_u32_sdwa v21, sext(v1), v2 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_1 "
      "src1_sel:DWORD\n"
      "v_mov_b32_e32 v22, v2\n"
      "v_mov_b32_sdwa v22, v1 dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0\n"
      "v_cmp_eq_u16_sdwa vcc, v1, v2 src0_sel:WORD_1 src1_sel:WORD_1\n"
      "v_cndmask_b32_e64 v23, 0, 1, vcc",
      {a, b}, 4);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], (a[l] >> 16 & 255) + (b[l] >> 16));
    const uint32_t sum = uint32_t(int32_t(int8_t(a[l] >> 8))) + b[l];
    EXPECT_EQ(out[1][l], uint32_t(int32_t(int16_t(sum))));
    EXPECT_EQ(out[2][l], (b[l] & 0xff00ffffu) | (a[l] & 255) << 16);
    EXPECT_EQ(out[3][l], uint32_t(a[l] >> 16 == b[l] >> 16));
  }
}

TEST(IsaDpp, SwizzleAndPermute) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(8);
  const Row index = map([](int l) { return uint32_t(4 * ((l * 7 + 3) % 64)); });
  const auto out = machine.evaluate(
      "ds_swizzle_b32 v20, v1 offset:swizzle(SWAP,16)\n"
      "ds_swizzle_b32 v21, v1 offset:swizzle(QUAD_PERM,2,3,0,1)\n"
      "ds_swizzle_b32 v22, v1 offset:swizzle(BROADCAST,8,3)\n"
      "ds_swizzle_b32 v23, v1 offset:swizzle(BITMASK_PERM,\"01pi0\")\n"
      "ds_bpermute_b32 v24, v2, v1\nds_permute_b32 v25, v2, v1\n"
      "ds_swizzle_b32 v26, v1 offset:swizzle(REVERSE,8)\ns_waitcnt lgkmcnt(0)",
      {a, index}, 7);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[l ^ 16]);
    EXPECT_EQ(out[1][l], a[l ^ 2]);
    EXPECT_EQ(out[2][l], a[l / 8 * 8 + 3]);
    EXPECT_EQ(out[3][l], a[(l & 32) | ((l & 6) ^ 2) | 8]);
    EXPECT_EQ(out[4][l], a[(l * 7 + 3) % 64]);
    EXPECT_EQ(out[5][(l * 7 + 3) % 64], a[l]);
    EXPECT_EQ(out[6][l], a[l ^ 7]);
  }
}

}  // namespace
}  // namespace xsim::isa_test
