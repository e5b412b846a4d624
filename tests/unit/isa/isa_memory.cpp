// SPDX-License-Identifier: Apache-2.0
//
// Vector memory: global, flat, buffer, scratch, LDS, and their atomics.

#include <gtest/gtest.h>

#include <cstring>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

TEST(IsaMemory, SubDwordLoadsAndStores) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(1);
  const auto out = machine.evaluate(
      "global_load_ubyte v20, v255, s[4:5] offset:1\nglobal_load_sbyte v21, v255, s[4:5] offset:2\n"
      "global_load_sshort v22, v255, s[4:5] offset:2\n"
      "v_mov_b32_e32 v23, -1\nglobal_load_short_d16_hi v23, v255, s[4:5]\n"
      "v_mov_b32_e32 v24, -1\nglobal_load_ubyte_d16 v24, v255, s[4:5] offset:3\n"
      "s_waitcnt vmcnt(0)\n"
      "v_add_u32_e32 v10, 0x800, v255\nv_mov_b32_e32 v11, 0\n"
      "global_store_dword v10, v11, s[6:7]\nglobal_store_byte v10, v1, s[6:7] offset:1\n"
      "global_store_short_d16_hi v10, v1, s[6:7] offset:2\n"
      "global_load_dword v25, v10, s[6:7]\ns_waitcnt vmcnt(0)",
      {a}, 6);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[l] >> 8 & 255);
    EXPECT_EQ(out[1][l], uint32_t(int32_t(int8_t(a[l] >> 16))));
    EXPECT_EQ(out[2][l], uint32_t(int32_t(int16_t(a[l] >> 16))));
    EXPECT_EQ(out[3][l], a[l] << 16 | 0xffff);
    EXPECT_EQ(out[4][l], a[l] >> 24 | 0xffff0000u);
    EXPECT_EQ(out[5][l], (a[l] & 255) << 8 | (a[l] & 0xffff0000u));
  }
}

TEST(IsaMemory, WideAndDivergent) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(2), b = sample(3), c = sample(4), d = sample(5);
  const auto out = machine.evaluate(
      "v_sub_u32_e32 v10, 63, v0\nv_lshlrev_b32_e32 v10, 4, v10\n"
      "v_mov_b32_e32 v12, v1\nv_mov_b32_e32 v13, v2\nv_mov_b32_e32 v14, v3\nv_mov_b32_e32 v15, v4\n"
      "v_add_u32_e32 v10, 0x1000, v10\n"
      "global_store_dwordx4 v10, v[12:15], s[6:7]\n"
      "v_mov_b32_e32 v20, 5\nv_mov_b32_e32 v21, 5\nv_mov_b32_e32 v22, 5\n"
      "s_mov_b64 exec, 0xf0f0\nglobal_load_dwordx3 v[20:22], v10, s[6:7] offset:4\n"
      "s_waitcnt vmcnt(0)\ns_mov_b64 exec, -1\n"
      "v_lshlrev_b32_e32 v11, 4, v0\nv_add_u32_e32 v11, 0x1000, v11\n"
      "global_load_dword v23, v11, s[6:7]\ns_waitcnt vmcnt(0)",
      {a, b, c, d}, 4);
  for (int l = 0; l < kLanes; ++l) {
    const bool on = 0xf0f0ull >> l & 1;
    EXPECT_EQ(out[0][l], on ? b[l] : 5u);
    EXPECT_EQ(out[2][l], on ? d[l] : 5u);
    EXPECT_EQ(out[3][l], a[63 - l]);
  }
}

TEST(IsaMemory, Atomics) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(6);
  // All lanes on one counter; the old values are all different.
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v10, 0\nv_mov_b32_e32 v11, 0\nv_mov_b32_e32 v12, 2\n"
      "global_store_dword v10, v11, s[4:5] offset:2048\n"
      "global_atomic_add v20, v10, v12, s[4:5] offset:2048 sc0\n"
      "global_load_dword v21, v10, s[4:5] offset:2048\n"
      "global_atomic_umax v10, v1, s[4:5] offset:2048\n"
      "global_load_dword v22, v10, s[4:5] offset:2048\n"
      "v_mov_b32_e32 v14, 77\nv_mov_b32_e32 v15, v22\n"  // {new, expected}
      "v_cmp_eq_u32_e32 vcc, 3, v0\ns_mov_b64 s[10:11], exec\ns_mov_b64 exec, vcc\n"
      "global_atomic_cmpswap v23, v10, v[14:15], s[4:5] offset:2048 sc0\n"
      "global_load_dword v24, v10, s[4:5] offset:2048\ns_mov_b64 exec, s[10:11]\n"
      "v_mov_b32_e32 v16, 0\nv_mov_b32_e32 v17, 0x3ff00000\nv_mov_b32_e32 v18, 0\nv_mov_b32_e32 v19, 0\n"
      "global_store_dwordx2 v10, v[18:19], s[4:5] offset:2056\n"
      "global_atomic_add_f64 v10, v[16:17], s[4:5] offset:2056\n"
      "global_load_dwordx2 v[26:27], v10, s[4:5] offset:2056\ns_waitcnt vmcnt(0)",
      {a}, 8);
  uint32_t highest = 128;
  for (const uint32_t x : a) highest = std::max(highest, x);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], uint32_t(2 * l));
    EXPECT_EQ(out[1][l], 128u);
    EXPECT_EQ(out[2][l], highest);
    EXPECT_EQ(as_double(out[6][l], out[7][l]), 64.0);
  }
  EXPECT_EQ(out[3][3], highest);
  EXPECT_EQ(out[4][3], 77u);
}

TEST(IsaMemory, LdsReadWriteAndAtomics) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(7), b = sample(8);
  Launch launch;
  launch.lds_bytes = 4096;
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v6, v1\nv_mov_b32_e32 v7, v2\n"
      "v_lshlrev_b32_e32 v10, 3, v0\nds_write_b64 v10, v[6:7] offset:512\n"
      "v_sub_u32_e32 v11, 63, v0\nv_lshlrev_b32_e32 v11, 3, v11\n"
      "ds_read2_b32 v[20:21], v11 offset0:128 offset1:129\n"
      "ds_read_i16 v22, v10 offset:514\n"
      "v_mov_b32_e32 v12, 0\nv_mov_b32_e32 v13, 0\nds_write_b64 v12, v[12:13]\n"
      "v_mov_b32_e32 v14, 1\nds_add_rtn_u32 v23, v12, v14\nds_read_b32 v24, v12\n"
      "ds_max_u32 v12, v1 offset:4\nds_read_b32 v25, v12 offset:4\n"
      "v_mov_b32_e32 v15, 0x40000000\nds_write_b32 v12, v12 offset:8\n"
      "ds_add_f32 v12, v15 offset:8\nds_read_b32 v26, v12 offset:8\n"
      "v_mov_b32_e32 v16, 0x10000\nds_read_b32 v27, v16\n"
      "ds_write2st64_b32 v255, v1, v2 offset0:4 offset1:8\n"
      "ds_read2st64_b32 v[28:29], v255 offset0:4 offset1:8\n"
      "ds_cmpst_rtn_b32 v30, v255, v1, v2 offset:1024\nds_read_b32 v31, v255 offset:1024\n"
      "s_waitcnt lgkmcnt(0)",
      {a, b}, 12, launch);
  uint32_t highest = 0;
  for (const uint32_t x : a) highest = std::max(highest, x);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[63 - l]);
    EXPECT_EQ(out[1][l], b[63 - l]);
    EXPECT_EQ(out[2][l], uint32_t(int32_t(int16_t(a[l] >> 16))));
    EXPECT_EQ(out[3][l], uint32_t(l));
    EXPECT_EQ(out[4][l], 64u);
    EXPECT_EQ(out[5][l], highest);
    EXPECT_EQ(as_float(out[6][l]), 128.0f);
    EXPECT_EQ(out[7][l], 0u) << "outside of the LDS";
    EXPECT_EQ(out[8][l], a[l]);
    EXPECT_EQ(out[9][l], b[l]);
    EXPECT_EQ(out[10][l], a[l]);
    EXPECT_EQ(out[11][l], b[l]);
  }
}

TEST(IsaMemory, FlatReachesEverySpace) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(9);
  Launch launch;
  launch.lds_bytes = 1024;
  launch.private_bytes = 64;
  const auto out = machine.evaluate(
      // Through the LDS aperture and by ds_read.
      "s_mov_b64 s[10:11], src_shared_base\nv_mov_b32_e32 v11, s11\nv_add_u32_e32 v10, 0x100, v255\n"
      "flat_store_dword v[10:11], v1\nds_read_b32 v20, v10\n"
      "flat_atomic_add v21, v[10:11], v1 sc0\nds_read_b32 v22, v10\n"
      // Through the private aperture and by scratch_load.
      "s_mov_b64 s[10:11], src_private_base\nv_mov_b32_e32 v13, s11\nv_mov_b32_e32 v12, 16\n"
      "flat_store_dword v[12:13], v1\nscratch_load_dword v23, off, off offset:16\n"
      // Even lanes to LDS, odd lanes to private memory, in one instruction.
      "v_and_b32_e32 v14, 1, v0\nv_cmp_eq_u32_e32 vcc, 1, v14\n"
      "v_cndmask_b32_e32 v16, v10, v12, vcc\nv_cndmask_b32_e32 v17, v11, v13, vcc\n"
      "flat_load_dword v24, v[16:17]\n"
      // Global.
      "v_mov_b32_e32 v18, s4\nv_add_co_u32_e32 v18, vcc, v18, v255\nv_mov_b32_e32 v19, s5\n"
      "v_addc_co_u32_e32 v19, vcc, 0, v19, vcc\nflat_load_dword v25, v[18:19]\n"
      "s_waitcnt vmcnt(0) lgkmcnt(0)",
      {a}, 6, launch);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[l]);
    EXPECT_EQ(out[1][l], a[l]);
    EXPECT_EQ(out[2][l], 2 * a[l]);
    EXPECT_EQ(out[3][l], a[l]);
    EXPECT_EQ(out[4][l], l % 2 ? a[l] : 2 * a[l]);
    EXPECT_EQ(out[5][l], a[l]);
  }
}

TEST(IsaMemory, Scratch) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(10), b = sample(11);
  Launch launch;
  launch.private_bytes = 256;
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v6, v1\nv_mov_b32_e32 v7, v2\n"
      "scratch_store_dwordx2 off, v[6:7], off offset:8\n"
      "v_mov_b32_e32 v10, 8\nscratch_load_dword v20, v10, off offset:4\n"
      "s_movk_i32 s10, 0x8\nscratch_load_dword v21, off, s10\n"
      "scratch_store_byte off, v2, off offset:9\nscratch_load_dword v22, off, off offset:8\n"
      "v_and_b32_e32 v11, 31, v0\nv_lshlrev_b32_e32 v11, 2, v11\n"
      "scratch_store_dword v11, v1, off offset:64\nscratch_load_ushort v23, v11, off offset:66\n"
      "s_waitcnt vmcnt(0)",
      {a, b}, 4, launch);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], b[l]);
    EXPECT_EQ(out[1][l], a[l]);
    EXPECT_EQ(out[2][l], (a[l] & 0xffff00ffu) | (b[l] & 255) << 8);
    EXPECT_EQ(out[3][l], a[l] >> 16);
  }
}

// gfx90a compilers reach private memory through a swizzled buffer resource.
TEST(IsaMemory, ScratchThroughBufferResource) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx90a);
  const Row a = sample(12), b = sample(13);
  Launch launch;
  launch.private_bytes = 128;
  const auto out = machine.evaluate(
      "buffer_store_dword v1, off, s[16:19], 0 offset:4\n"
      "v_mov_b32_e32 v10, 16\nbuffer_store_dword v2, v10, s[16:19], 0 offen offset:4\n"
      "buffer_load_dword v20, off, s[16:19], 0 offset:4\n"
      "buffer_load_dword v21, off, s[16:19], 0 offset:20\n"
      "buffer_load_ubyte v22, v10, s[16:19], 0 offen offset:6\n"
      // The same memory through the private aperture.
      "s_mov_b64 s[10:11], src_private_base\nv_mov_b32_e32 v12, 4\nv_mov_b32_e32 v13, s11\n"
      "flat_load_dword v23, v[12:13]\ns_waitcnt vmcnt(0)",
      {a, b}, 4, launch);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(out[0][l], a[l]);
    EXPECT_EQ(out[1][l], b[l]);
    EXPECT_EQ(out[2][l], b[l] >> 16 & 255);
    EXPECT_EQ(out[3][l], a[l]);
  }
}

TEST(IsaMemory, BuffersCheckTheirBounds) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    const Row a = sample(14);
    const auto out = machine.evaluate(
        "s_mov_b32 s12, s4\ns_and_b32 s13, s5, 0xffff\ns_movk_i32 s14, 0x80\ns_mov_b32 s15, 0x20000\n"
        "v_mov_b32_e32 v20, 7\nbuffer_load_dword v20, v255, s[12:15], 0 offen\n"
        "buffer_load_dword v21, v255, s[12:15], 0 offen offset:64\n"
        // Structured: stride 4, 16 records, by index.
        "s_or_b32 s13, s13, 0x40000\ns_mov_b32 s14, 16\n"
        "buffer_load_dword v22, v0, s[12:15], 0 idxen\n"
        "v_mov_b32_e32 v10, 1\nbuffer_atomic_add v10, v0, s[12:15], 0 idxen offset:0\n"
        "s_mov_b32 s14, 64\nbuffer_load_dword v23, v0, s[12:15], 0 idxen\ns_waitcnt vmcnt(0)",
        {a}, 4);
    for (int l = 0; l < kLanes; ++l) {
      EXPECT_EQ(out[0][l], l < 32 ? a[l] : 0u);
      EXPECT_EQ(out[1][l], l < 16 ? a[l + 16] : 0u);
      EXPECT_EQ(out[2][l], l < 16 ? a[l] : 0u);
      EXPECT_EQ(out[3][l], l < 16 ? a[l] + 1 : a[l]);
    }
  }
}

TEST(IsaMemory, GlobalToLds) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample(15);
  Launch launch;
  launch.lds_bytes = 1024;
  const auto out = machine.evaluate(
      "s_mov_b32 m0, 0x100\nglobal_load_lds_dword v255, s[4:5]\ns_waitcnt vmcnt(0)\n"
      "ds_read_b32 v20, v255 offset:256\ns_waitcnt lgkmcnt(0)",
      {a}, 1, launch);
  EXPECT_EQ(out[0], a);
}

}  // namespace
}  // namespace xsim::isa_test
