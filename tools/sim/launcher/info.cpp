// SPDX-License-Identifier: Apache-2.0
//
// xsched-sim --info: what is simulated, what is only modelled, and the source
// of each default.

#include <fmt/format.h>

#include "../node/gpu.h"
#include "launcher.h"

namespace xsim::launcher {

namespace {

void section(const char* title) {
  fmt::print("\n{}\n", title);
}

void item(const std::string& what, const std::string& how) {
  fmt::print("  {:<26} {}\n", what, how);
}

}  // namespace

void print_info(const Options& options) {
  const NodeConfig& node = options.node;
  const GpuModel& model = gpu_model(node.target);
  const bool gfx942 = node.target == isa::Target::gfx942;
  fmt::print("{} x {}, {}, node '{}'\n", node.gpus, model.name, gfx942 ? "gfx942" : "gfx90a",
             node.name);

  section("simulated: the real ROCm userland and real code objects run on it");
  item("kernels", "every instruction is interpreted, lane by lane, from the code object's bytes");
  item("AQL and SDMA packets", "dispatch, barriers, signals, copies, fills, atomics, timestamps");
  item("/dev/kfd",
       "queues, memory, events, SVM, dmabuf and IPC handles, answered as KFD 1.17 does");
  item("compute units", "workgroups wait for room (waves, registers, LDS) across processes");
  item("hardware queues",
       fmt::format("{} run-list slots; more queues than slots take turns", node.hw_slots));
  item("UPDATE_QUEUE", "percentage 0 stops waves between instructions and keeps their state");
  item("/dev/xsched",
       options.module == ModuleAccess::kAbsent
           ? "hidden (--module)"
           : "the kernel module's own code (kmod/core) and ABI; engine update_queue");
  item("", "  on any process's queues, by the same means as their own UPDATE_QUEUE");
  item("errors", "bad instruction, address or packet: a queue error that names it");

  section("modelled: a number stands for it");
  item("preemption",
       fmt::format("{} us to save the waves of a busy queue (--preempt-us)", node.preempt_us));
  item("restore", fmt::format("{} us to load them again (--restore-us)", node.restore_us));
  item("", "  estimate, not a measurement: 80 CUs x (512 KiB VGPRs + 64 KiB LDS) are 45 MiB,");
  item("", "  9 us at 5.3 TB/s; the rest is assumed for the scheduler firmware");
  item("kernel durations", node.kernel_times.empty()
                               ? "none set: a kernel takes as long as it is interpreted"
                               : fmt::format("{} set (--kernel-us)", node.kernel_times.size()));
  for (const auto& time : node.kernel_times) {
    item("", fmt::format("  {} stands on its compute units for {} us", time.name, time.us));
  }
  item("quantum", fmt::format("{} us when queues outnumber slots (assumed)", node.quantum_us));
  item("clocks", "core 2100 MHz (MI300X data sheet), counter 100 MHz");

  section("reported as on the card, or as set");
  item("compute units", fmt::format("{} a GPU (MI308X: 80; --cus)", node.cus));
  item("memory", fmt::format("{} MiB a GPU (MI308X: 196608; --vram-mb), host memory behind it",
                             node.vram_bytes >> 20));
  item("device id", fmt::format("{:#06x}, {} die(s) (linux: amdgpu, kfd_crat.c)", model.device_id,
                                reported_xccs(node)));

  section("not there");
  item("caches and bandwidth", "no timing of memory; caches are only reported");
  item("one page table a GPU", "a process has one for all its GPUs");
  item("compute-unit masks", "accepted, without effect");
  item("debugger, profiler", "RUNTIME_ENABLE succeeds; DBG_TRAP, counters and SMI events do not");
}

}  // namespace xsim::launcher
