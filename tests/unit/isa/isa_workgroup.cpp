// SPDX-License-Identifier: Apache-2.0
//
// The run loop: barriers, waves that wait for each other, preemption with
// identical results, sleeping, events, code that changes.

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Fault;
using isa::FaultKind;
using isa::Outcome;
using isa::Target;

std::unique_ptr<isa::Workgroup> start(Machine& machine, const std::string& source,
                                      const Launch& launch) {
  std::string error;
  const auto code = assemble(machine.target(), source, error);
  EXPECT_FALSE(code.empty()) << error;
  machine.load(code, launch);
  Fault fault;
  const auto kernel = machine.create(launch, fault);
  EXPECT_NE(kernel, nullptr) << fault.text;
  return isa::Workgroup::create(kernel, 0);
}

// Each of four waves adds up its lanes' chain of multiply-adds and LDS
// exchanges: long enough to be interrupted many times.
const char kLong[] =
    "s_load_dwordx4 s[8:11], s[0:1], 0x0\nv_lshlrev_b32_e32 v1, 2, v0\nv_mov_b32_e32 v2, v0\n"
    "s_movk_i32 s12, 2000\n"
    "loop:\nv_mul_lo_u32 v2, v2, 3\nv_add_u32_e32 v2, 7, v2\n"
    "ds_write_b32 v1, v2\ns_waitcnt lgkmcnt(0)\ns_barrier\n"
    "v_xor_b32_e32 v3, 0x104, v1\nds_read_b32 v4, v3\ns_waitcnt lgkmcnt(0)\ns_barrier\n"
    "v_add_u32_e32 v2, v2, v4\n"
    "s_sub_u32 s12, s12, 1\ns_cmp_lg_u32 s12, 0\ns_cbranch_scc1 loop\n"
    "global_store_dword v1, v2, s[10:11]\ns_endpgm\n";

TEST(IsaWorkgroup, PreemptionDoesNotChangeResults) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.group[0] = launch.grid[0] = 256;
  launch.lds_bytes = 1024;
  ASSERT_EQ(machine.run(kLong, launch).kind, FaultKind::kNone);
  const std::vector<uint32_t> expected(machine.words(Machine::kOutput),
                                       machine.words(Machine::kOutput) + 256);

  std::memset(machine.at(Machine::kOutput), 0, 1024);
  const auto group = start(machine, kLong, launch);
  std::atomic<uint32_t> stop{0};
  int preempted = 0;
  int yielded = 0;
  for (uint64_t budget = 1;; budget = budget % 997 + 13) {
    // Every third turn is asked to stop at once; turns run on other threads.
    stop = budget % 3 == 0;
    Outcome outcome = Outcome::kFault;
    std::thread([&] { outcome = group->run(stop, budget); }).join();
    if (outcome == Outcome::kDone) break;
    ASSERT_NE(outcome, Outcome::kFault) << group->fault().text;
    preempted += outcome == Outcome::kPreempted;
    yielded += outcome == Outcome::kYield;
  }
  EXPECT_GT(preempted, 10);
  EXPECT_GT(yielded, 10);
  const std::vector<uint32_t> got(machine.words(Machine::kOutput),
                                  machine.words(Machine::kOutput) + 256);
  EXPECT_EQ(got, expected);
}

TEST(IsaWorkgroup, StopIsSeenInAnEndlessLoop) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const auto group = start(machine, "loop:\ns_branch loop\n", {});
  std::atomic<uint32_t> stop{0};
  EXPECT_EQ(group->run(stop, 100'000), Outcome::kYield);
  EXPECT_EQ(group->instructions(), 100'000u);
  std::thread stopper([&] { stop = 1; });
  EXPECT_EQ(group->run(stop, ~0ull), Outcome::kPreempted);
  stopper.join();
}

// Wave 1 waits in a loop, without a barrier, for what wave 0 writes to LDS.
TEST(IsaWorkgroup, SpinningWavesMakeProgress) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.group[0] = launch.grid[0] = 128;
  launch.lds_bytes = 64;
  const Fault fault = machine.run(
      "v_mov_b32_e32 v1, 0\nv_readfirstlane_b32 s8, v0\ns_cmp_eq_u32 s8, 0\ns_cbranch_scc0 produce\n"
      "wait:\nds_read_b32 v2, v1\ns_waitcnt lgkmcnt(0)\nv_readfirstlane_b32 s9, v2\n"
      "s_cmp_eq_u32 s9, 0\ns_cbranch_scc1 wait\ns_endpgm\n"
      "produce:\nv_mov_b32_e32 v3, 1\nds_write_b32 v1, v3\ns_endpgm\n",
      launch);
  EXPECT_EQ(fault.kind, FaultKind::kNone) << fault.text;
}

TEST(IsaWorkgroup, SleepIsReported) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  machine.host().core_hz = 1'000'000'000;
  const auto group = start(machine, "s_sleep 10\ns_sleep 0\ns_nop 0\ns_sleep 100\ns_endpgm\n", {});
  const std::atomic<uint32_t> stop{0};
  EXPECT_EQ(group->run(stop, 1000), Outcome::kSleeping);
  EXPECT_NEAR(static_cast<double>(group->sleep_ns()), 640, 2);
  EXPECT_EQ(group->run(stop, 1000), Outcome::kSleeping);
  EXPECT_NEAR(static_cast<double>(group->sleep_ns()), 6400, 2);
  EXPECT_EQ(group->run(stop, 1000), Outcome::kDone);
}

TEST(IsaWorkgroup, ShortestSleepWakesFirst) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  machine.host().core_hz = 1'000'000'000;
  Launch launch;
  launch.group[0] = launch.grid[0] = 128;
  const auto group = start(machine,
                           "v_readfirstlane_b32 s8, v0\ns_cmp_eq_u32 s8, 0\ns_cbranch_scc1 first\n"
                           "s_sleep 30\ns_endpgm\nfirst:\ns_sleep 10\ns_endpgm\n",
                           launch);
  const std::atomic<uint32_t> stop{0};
  EXPECT_EQ(group->run(stop, 1000), Outcome::kSleeping);
  EXPECT_NEAR(static_cast<double>(group->sleep_ns()), 640, 2);
  EXPECT_EQ(group->run(stop, 1000), Outcome::kSleeping);
  EXPECT_NEAR(static_cast<double>(group->sleep_ns()), 1280, 2);
  EXPECT_EQ(group->run(stop, 1000), Outcome::kDone);
}

TEST(IsaWorkgroup, InterruptMessageRaisesTheEvent) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  uint32_t raised = 0;
  machine.host().context = &raised;
  machine.host().raise_event = [](void* context, uint32_t id) {
    *static_cast<uint32_t*>(context) = id;
  };
  EXPECT_EQ(machine.run("s_movk_i32 s8, 0x123\ns_mov_b32 m0, s8\ns_sendmsg sendmsg(MSG_INTERRUPT)\n"
                        "s_endpgm\n")
                .kind,
            FaultKind::kNone);
  EXPECT_EQ(raised, 0x123u);
}

TEST(IsaWorkgroup, InvalidateShowsNewCode) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const auto store = [](int value) {
    return "s_load_dwordx4 s[8:11], s[0:1], 0x0\nv_mov_b32_e32 v1, 0\nv_mov_b32_e32 v2, " +
           std::to_string(value) +
           "\ns_waitcnt lgkmcnt(0)\nglobal_store_dword v1, v2, s[10:11]\ns_endpgm\n";
  };
  for (int value = 1; value < 40; ++value) {
    ASSERT_EQ(machine.run(store(value)).kind, FaultKind::kNone);
    ASSERT_EQ(machine.words(Machine::kOutput)[0], static_cast<uint32_t>(value));
  }
}

// Invalidation while other threads run the code.
TEST(IsaWorkgroup, InvalidateWhileRunning) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Launch launch;
  launch.group[0] = launch.grid[0] = 256;
  launch.lds_bytes = 1024;
  ASSERT_EQ(machine.run(kLong, launch).kind, FaultKind::kNone);
  const uint32_t expected = machine.words(Machine::kOutput)[17];
  Fault fault;
  const auto kernel = machine.create(launch, fault);
  ASSERT_NE(kernel, nullptr);
  std::atomic<bool> done{false};
  std::thread invalidator([&] {
    while (!done) isa::invalidate_code();
  });
  const std::atomic<uint32_t> stop{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      const auto group = isa::Workgroup::create(kernel, 0);
      Outcome outcome;
      do outcome = group->run(stop, 5000);
      while (outcome == Outcome::kYield);
      EXPECT_EQ(outcome, Outcome::kDone) << group->fault().text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  invalidator.join();
  EXPECT_EQ(machine.words(Machine::kOutput)[17], expected);
}

}  // namespace
}  // namespace xsim::isa_test
