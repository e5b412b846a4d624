// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong is named: instruction, address, size, direction. Nothing a
// kernel holds may crash the process.

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Fault;
using isa::FaultKind;
using isa::Target;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

TEST(IsaFaults, BadReadNamesAddressSizeAndInstruction) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Fault fault = machine.run(
      "v_mov_b32_e32 v2, 0x1000\nv_mov_b32_e32 v3, 0x77\n"
      "global_load_dwordx2 v[4:5], v[2:3], off offset:8\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_EQ(fault.address, 0x7700001008u);
  EXPECT_EQ(fault.pc, machine.address(0x1000 + 16));
  EXPECT_TRUE(contains(fault.text, "read of 8 bytes at 0x7700001008")) << fault.text;
  EXPECT_TRUE(contains(fault.text, "global_load_dwordx2")) << fault.text;
  EXPECT_TRUE(contains(fault.text, hex(fault.pc))) << fault.text;
  EXPECT_EQ(fault.text.find('\n'), std::string::npos);
}

TEST(IsaFaults, WriteToReadOnlyMemory) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  alignas(4096) static uint32_t constant[1024] = {};
  machine.space().map(reinterpret_cast<uint64_t>(constant), sizeof constant, false);
  const std::string load_pointer = "s_load_dwordx2 s[2:3], s[0:1], 0x10\ns_waitcnt lgkmcnt(0)\n"
                                   "v_mov_b32_e32 v1, 0\n";
  std::string error;
  const auto reading =
      assemble(Target::gfx942, load_pointer + "global_load_dword v2, v1, s[2:3]\ns_endpgm\n", error);
  const auto writing = assemble(
      Target::gfx942, load_pointer + "global_store_dword v1, v1, s[2:3] offset:4\ns_endpgm\n", error);
  const uint64_t pointer = reinterpret_cast<uint64_t>(constant);
  machine.load(reading, {});
  std::memcpy(machine.at(Machine::kArguments + 16), &pointer, 8);
  EXPECT_EQ(machine.run(Launch()).kind, FaultKind::kNone);
  machine.load(writing, {});
  const Fault fault = machine.run(Launch());
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_EQ(fault.address, pointer + 4);
  EXPECT_TRUE(contains(fault.text, "write of 4 bytes")) << fault.text;
}

TEST(IsaFaults, OneBadLaneIsEnough) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Fault fault = machine.run(
      "s_load_dwordx4 s[4:7], s[0:1], 0x0\nv_lshlrev_b32_e32 v1, 2, v0\n"
      "v_cmp_eq_u32_e32 vcc, 41, v0\nv_mov_b32_e32 v2, 0x7f000000\n"
      "v_cndmask_b32_e32 v1, v1, v2, vcc\nglobal_store_dword v1, v0, s[6:7]\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_EQ(fault.address, machine.address(Machine::kOutput) + 0x7f000000);
}

TEST(IsaFaults, ScalarAndAtomicAccess) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Fault fault = machine.run("s_mov_b64 s[2:3], 0x100\ns_load_dwordx4 s[4:7], s[2:3], 0x0\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_EQ(fault.address, 0x100u);
  EXPECT_TRUE(contains(fault.text, "read of 16 bytes")) << fault.text;
  fault = machine.run(
      "s_load_dwordx4 s[4:7], s[0:1], 0x0\nv_mov_b32_e32 v1, 2\n"
      "global_atomic_add v1, v1, s[6:7]\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_TRUE(contains(fault.text, "misaligned atomic")) << fault.text;
}

TEST(IsaFaults, PrivateAndLdsLimitsOfFlat) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.private_bytes = 64;
  Fault fault = machine.run("scratch_load_dword v1, off, off offset:64\ns_endpgm\n", launch);
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_TRUE(contains(fault.text, "private memory")) << fault.text;
  fault = machine.run(
      "s_mov_b64 s[2:3], src_shared_base\nv_mov_b32_e32 v2, 0\nv_mov_b32_e32 v3, s3\n"
      "flat_load_dword v1, v[2:3]\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_TRUE(contains(fault.text, "LDS")) << fault.text;
}

TEST(IsaFaults, IllegalAndUnimplementedInstructions) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  machine.load({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {});
  Fault fault = machine.run(Launch());
  EXPECT_EQ(fault.kind, FaultKind::kIllegalInstruction);
  EXPECT_EQ(fault.pc, machine.address(0x1000));
  EXPECT_TRUE(contains(fault.text, "illegal instruction")) << fault.text;
  EXPECT_TRUE(contains(fault.text, hex(fault.pc))) << fault.text;

  fault = machine.run("v_mov_b32_e32 v1, 0\nv_cubeid_f32 v0, v1, v1, v1\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kIllegalInstruction);
  EXPECT_TRUE(contains(fault.text, "unimplemented instruction 'v_cubeid_f32 v0, v1, v1, v1'"))
      << fault.text;

  fault = machine.run("s_trap 2\ns_endpgm\n");
  EXPECT_EQ(fault.kind, FaultKind::kIllegalInstruction);
  EXPECT_TRUE(contains(fault.text, "s_trap 2")) << fault.text;
}

TEST(IsaFaults, InstructionFetch) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Fault fault = machine.run("s_mov_b64 s[2:3], 0x1000\ns_setpc_b64 s[2:3]\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory);
  EXPECT_EQ(fault.address, 0x1000u);
  EXPECT_TRUE(contains(fault.text, "instruction fetch")) << fault.text;
  fault = machine.run("s_getpc_b64 s[2:3]\ns_add_u32 s2, s2, 2\ns_setpc_b64 s[2:3]\n");
  EXPECT_EQ(fault.kind, FaultKind::kMemory) << fault.text;
}

TEST(IsaFaults, BadDispatches) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  std::string error;
  machine.load(assemble(Target::gfx942, "s_endpgm\n", error), {});
  Launch launch;
  launch.group[0] = 0;
  EXPECT_EQ(machine.run(launch).kind, FaultKind::kBadDispatch);
  launch.group[0] = 1024;
  launch.group[1] = 2;
  EXPECT_EQ(machine.run(launch).kind, FaultKind::kBadDispatch);
  launch = Launch();
  launch.lds_bytes = 80 * 1024;
  EXPECT_EQ(machine.run(launch).kind, FaultKind::kBadDispatch);
  launch = Launch();
  machine.space().unmap(machine.address(0));
  const Fault fault = machine.run(launch);
  EXPECT_EQ(fault.kind, FaultKind::kBadDispatch);
  EXPECT_TRUE(contains(fault.text, "descriptor")) << fault.text;
}

// Words that crash LLVM's disassembler: SDWA with reserved selections, literals
// in encodings that cannot have one.
TEST(IsaFaults, ReservedEncodingsAreIllegal) {
  static constexpr uint32_t kWords[][2] = {{0x403c9ef9u, 0x00032770u}, {0xd1e6380cu, 0x020664ffu},
                                           {0xd3ef000cu, 0x03ff8a23u}, {0xd1e60038u, 0x06bdfe4bu},
                                           {0xe05e2634u, 0xff85cbddu}, {0xebd68bcfu, 0xff9c4a18u}};
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    for (const auto& words : kWords) {
      std::vector<uint8_t> code(sizeof words);
      std::memcpy(code.data(), words, sizeof words);
      machine.load(code, {});
      const Fault fault = machine.run(Launch());
      EXPECT_EQ(fault.kind, FaultKind::kIllegalInstruction) << std::hex << words[0];
    }
  }
}

// Random words: whatever they decode to, the run ends in an outcome.
TEST(IsaFaults, RandomCodeNeverCrashes) {
  NEEDS_ASSEMBLER();
  // Encodings of the formats, so that most words decode.
  static constexpr uint32_t kFormats[][2] = {
      {0x80000000u, 0x3fffffffu}, {0xbe800000u, 0x007fffffu}, {0xbf000000u, 0x007fffffu},
      {0xb0000000u, 0x0fffffffu}, {0xc0000000u, 0x03ffffffu}, {0x7e000000u, 0x01ffffffu},
      {0x7c000000u, 0x01ffffffu}, {0x00000000u, 0x7fffffffu}, {0xd0000000u, 0x03ffffffu},
      {0xd3800000u, 0x007fffffu}, {0xd8000000u, 0x03ffffffu}, {0xdc000000u, 0x03ffffffu},
      {0xe0000000u, 0x03ffffffu}, {0xbf800000u, 0x007fffffu}};
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    std::mt19937 random(target == Target::gfx90a ? 1 : 2);
    for (int round = 0; round < 1500; ++round) {
      std::vector<uint32_t> words(24);
      for (uint32_t& word : words) {
        const auto& format = kFormats[random() % std::size(kFormats)];
        word = random() % 4 == 0 ? static_cast<uint32_t>(random())
                                 : format[0] | (static_cast<uint32_t>(random()) & format[1]);
      }
      words.push_back(0xbf810000u);  // s_endpgm
      std::vector<uint8_t> code(words.size() * 4);
      std::memcpy(code.data(), words.data(), code.size());
      Launch launch;
      launch.group[0] = launch.grid[0] = round % 2 ? 128 : 64;
      launch.lds_bytes = 1024;
      launch.private_bytes = 64;
      machine.load(code, launch);
      Fault fault;
      const auto kernel = machine.create(launch, fault);
      ASSERT_NE(kernel, nullptr) << fault.text;
      const auto group = isa::Workgroup::create(kernel, 0);
      const std::atomic<uint32_t> stop{0};
      for (int turns = 0; turns < 4; ++turns) {
        const isa::Outcome outcome = group->run(stop, 500);
        if (outcome == isa::Outcome::kDone) break;
        if (outcome != isa::Outcome::kFault) continue;
        EXPECT_NE(group->fault().kind, FaultKind::kNone);
        EXPECT_FALSE(group->fault().text.empty());
        break;
      }
    }
  }
}

}  // namespace
}  // namespace xsim::isa_test
