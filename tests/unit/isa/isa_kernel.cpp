// SPDX-License-Identifier: Apache-2.0
//
// What a wave starts with: ids, arguments, preloaded arguments, edge
// workgroups; and the kernel's name from its code object.

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Fault;
using isa::FaultKind;
using isa::Target;

// out[flat work-item index] = workgroup id << 16 | packed item id parts
const char kIds[] =
    "s_load_dwordx4 s[8:11], s[0:1], 0x0\n"
    "v_and_b32_e32 v1, 0x3ff, v0\nv_bfe_u32 v2, v0, 10, 10\nv_bfe_u32 v3, v0, 20, 10\n"
    "s_lshl_b32 s12, s2, 3\ns_lshl_b32 s13, s3, 2\ns_lshl_b32 s14, s4, 1\n"  // groups 8 x 4 x 2
    "v_add_u32_e32 v4, s12, v1\nv_add_u32_e32 v5, s13, v2\nv_add_u32_e32 v6, s14, v3\n"
    "v_mul_u32_u24_e32 v7, 16, v5\nv_add_u32_e32 v7, v7, v4\n"                // x + 16 y
    "v_mul_u32_u24_e32 v8, 128, v6\n"                                         // 128 z
    "v_add_u32_e32 v7, v7, v8\nv_lshlrev_b32_e32 v7, 2, v7\n"
    "v_lshl_or_b32 v9, v5, 8, v4\nv_lshl_or_b32 v9, v6, 16, v9\n"
    "s_waitcnt lgkmcnt(0)\nglobal_store_dword v7, v9, s[10:11]\ns_endpgm\n";

TEST(IsaKernel, WorkItemAndWorkgroupIds) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    std::string source = kIds;
    source.replace(source.find("0x3ff, v0"), 9, "0x3ff, v0");
    Launch launch;
    const uint32_t group[3] = {8, 4, 2}, grid[3] = {16, 8, 4};
    std::memcpy(launch.group, group, sizeof group);
    std::memcpy(launch.grid, grid, sizeof grid);
    std::string error;
    // v_mul_u32_u24 with 128 needs a literal: fine in VOP2.
    const Fault fault = machine.run(source, launch);
    ASSERT_EQ(fault.kind, FaultKind::kNone) << fault.text;
    for (uint32_t z = 0; z < 4; ++z) {
      for (uint32_t y = 0; y < 8; ++y) {
        for (uint32_t x = 0; x < 16; ++x) {
          EXPECT_EQ(machine.words(Machine::kOutput)[x + 16 * y + 128 * z], x | y << 8 | z << 16);
        }
      }
    }
  }
}

TEST(IsaKernel, EdgeWorkgroupsAreSmaller) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.group[0] = 128;
  launch.grid[0] = 300;
  std::memset(machine.at(Machine::kOutput), 0, 4096);
  const Fault fault = machine.run(
      "s_load_dwordx4 s[8:11], s[0:1], 0x0\ns_lshl_b32 s12, s2, 7\nv_add_u32_e32 v1, s12, v0\n"
      "v_lshlrev_b32_e32 v2, 2, v1\nv_add_u32_e32 v1, 1, v1\ns_waitcnt lgkmcnt(0)\n"
      "global_store_dword v2, v1, s[10:11]\ns_endpgm\n",
      launch);
  ASSERT_EQ(fault.kind, FaultKind::kNone) << fault.text;
  for (uint32_t i = 0; i < 512; ++i) {
    EXPECT_EQ(machine.words(Machine::kOutput)[i], i < 300 ? i + 1 : 0);
  }
}

TEST(IsaKernel, PreloadedArguments) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.kernarg_preload = 4;  // s[2:5] = input and output
  const Fault fault = machine.run(
      "v_lshlrev_b32_e32 v1, 2, v0\nglobal_store_dword v1, v0, s[4:5]\ns_endpgm\n", launch);
  ASSERT_EQ(fault.kind, FaultKind::kNone) << fault.text;
  EXPECT_EQ(machine.words(Machine::kOutput)[63], 63u);
}

TEST(IsaKernel, Footprint) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  std::string error;
  Launch launch;
  launch.group[0] = 200;
  launch.grid[0] = 2000;
  launch.lds_bytes = 1234;
  machine.load(assemble(Target::gfx942, "s_endpgm\n", error), launch);
  Fault fault;
  const auto kernel = machine.create(launch, fault);
  ASSERT_NE(kernel, nullptr) << fault.text;
  EXPECT_EQ(kernel->footprint().waves, 4u);
  EXPECT_EQ(kernel->footprint().lds_bytes, 1234u);
  EXPECT_EQ(kernel->footprint().vgprs, 512u);
  EXPECT_EQ(kernel->workgroups(), 10u);
  EXPECT_EQ(kernel->name(), "");
}

// A loaded code object in miniature: ELF header, PT_DYNAMIC, symbols, strings,
// and the descriptor that a symbol points at.
TEST(IsaKernel, NameFromTheLoadedCodeObject) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  std::string error;
  const auto code = assemble(Target::gfx942, "s_endpgm\n", error);
  // The descriptor stays at offset 0 of the page behind the header.
  alignas(4096) static uint8_t image[3 * 4096] = {};
  uint8_t* elf = image;
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_type = ET_DYN;
  header.e_machine = 224;
  header.e_phoff = 64;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  std::memcpy(elf, &header, sizeof header);
  Elf64_Phdr dynamic{};
  dynamic.p_type = PT_DYNAMIC;
  dynamic.p_vaddr = 0x200;
  dynamic.p_memsz = 4 * sizeof(Elf64_Dyn);
  std::memcpy(elf + 64, &dynamic, sizeof dynamic);
  const Elf64_Dyn entries[] = {{DT_SYMTAB, {0x300}}, {DT_STRTAB, {0x400}}, {DT_HASH, {0x500}}, {DT_NULL, {0}}};
  std::memcpy(elf + 0x200, entries, sizeof entries);
  Elf64_Sym symbols[3] = {};
  symbols[1].st_name = 1;
  symbols[1].st_value = 0x2000;
  symbols[2].st_name = 11;
  symbols[2].st_value = 0x1000;
  std::memcpy(elf + 0x300, symbols, sizeof symbols);
  std::memcpy(elf + 0x400, "\0other_one\0_Z6kernelPf.kd", 26);
  const uint32_t hash[] = {1, 3};
  std::memcpy(elf + 0x500, hash, sizeof hash);
  machine.load(code, {});
  std::memcpy(image + 0x1000, machine.at(0), 64);
  std::memcpy(image + 0x2000, code.data(), code.size());  // the entry offset is 0x1000
  machine.space().map(reinterpret_cast<uint64_t>(image), sizeof image, false);

  uint8_t packet[64] = {};
  const uint16_t one = 1;
  const uint32_t items = 1;
  for (int i = 0; i < 3; ++i) {
    std::memcpy(packet + 4 + 2 * i, &one, 2);
    std::memcpy(packet + 12 + 4 * i, &items, 4);
  }
  const uint64_t object = reinterpret_cast<uint64_t>(image) + 0x1000;
  std::memcpy(packet + 32, &object, 8);
  Fault fault;
  const auto kernel = isa::Kernel::create(machine.host(), packet, 0, nullptr, fault);
  ASSERT_NE(kernel, nullptr) << fault.text;
  EXPECT_EQ(kernel->name(), "_Z6kernelPf");

  // A broken table gives no name and no crash.
  isa::invalidate_code();
  const uint64_t wild = 0x7fffffff0000;
  std::memcpy(elf + 0x208, &wild, 8);
  const auto unnamed = isa::Kernel::create(machine.host(), packet, 0, nullptr, fault);
  ASSERT_NE(unnamed, nullptr);
  EXPECT_EQ(unnamed->name(), "");
}

}  // namespace
}  // namespace xsim::isa_test
