// SPDX-License-Identifier: Apache-2.0
//
// The instruction-set interpreter: runs the workgroups of one kernel dispatch.
//
// What lives behind this header: decoding (through amd_comgr), the wave state,
// the instruction handlers. What does not: queues, packets, compute units,
// time. The device (../device) creates one Workgroup for each workgroup that
// it lets onto a compute unit, calls run() until it is done, and simply keeps
// the object while the hardware queue is preempted: the object *is* the saved
// wave state (what CWSR writes to memory on hardware).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "../base/address_space.h"

namespace xsim::isa {

enum class Target { gfx90a, gfx942 };

// What a kernel asks of its node. Must outlive every Kernel. One a process at a
// time: another one needs an invalidate_code() first.
struct Host {
  Target target = Target::gfx942;
  const AddressSpace* memory = nullptr;
  // s_sendmsg(interrupt): raises the KFD event with this id. Any thread.
  void (*raise_event)(void* context, uint32_t event_id) = nullptr;
  // The 100 MHz counter behind s_memrealtime / wall_clock64, in ticks.
  uint64_t (*realtime_ticks)(void* context) = nullptr;
  // The core clock behind s_memtime / clock64, in Hz; also the unit of s_sleep.
  uint64_t core_hz = 2'100'000'000;
  void* context = nullptr;
};

// Why a kernel cannot go on. `text` is one line, lower case, and names the
// instruction and its address, or the bad address and who touched it.
enum class FaultKind { kNone, kIllegalInstruction, kMemory, kBadDispatch };
struct Fault {
  FaultKind kind = FaultKind::kNone;
  uint64_t pc = 0;       // address of the instruction, 0 if there is none
  uint64_t address = 0;  // data address for kMemory, else 0
  std::string text;
};

// What one workgroup occupies on a compute unit.
struct Footprint {
  uint32_t waves = 0;      // waves a workgroup
  uint32_t lds_bytes = 0;  // group segment, static + dynamic
  uint32_t vgprs = 0;      // vector registers a lane, accumulation ones included
};

// One dispatched kernel: descriptor and packet, checked once. Immutable after
// creation, so several threads may run its workgroups side by side.
class Kernel {
 public:
  // `packet`: the 64-byte AQL dispatch packet (copied); `packet_address`: its
  // GPU address (what the dispatch pointer SGPRs get); `amd_queue`: the
  // amd_queue_v2_t the kernel may read. On failure returns null and fills
  // `fault` (bad grid, unreadable descriptor, a resource the target lacks).
  static std::shared_ptr<const Kernel> create(const Host& host, const void* packet,
                                              uint64_t packet_address, const void* amd_queue,
                                              Fault& fault);
  virtual ~Kernel() = default;
  virtual const Footprint& footprint() const = 0;
  virtual uint64_t workgroups() const = 0;
  // The kernel's symbol if it can be found from its code object, else "".
  virtual const std::string& name() const = 0;
};

enum class Outcome {
  kDone,       // every wave has ended
  kPreempted,  // `stop` was seen; call run() again to go on
  kYield,      // the instruction budget is used up; call run() again
  kSleeping,   // every live wave is in s_sleep: call again in sleep_ns()
  kFault,      // see fault(); the workgroup must not be run again
};

class Workgroup {
 public:
  // `index` is the flat workgroup index, 0 .. kernel->workgroups() - 1.
  static std::unique_ptr<Workgroup> create(std::shared_ptr<const Kernel> kernel, uint64_t index);
  virtual ~Workgroup() = default;

  // Interprets until one of the outcomes. `stop` is looked at at least every
  // 4096 instructions and at every s_sleep; non-zero asks for preemption.
  // Not thread-safe: one thread at a time runs a workgroup (any thread).
  virtual Outcome run(const std::atomic<uint32_t>& stop, uint64_t max_instructions) = 0;

  // Modelled nanoseconds until the first sleeping wave wakes. The device lets
  // them pass while the workgroup stands on a compute unit (a preempted wave
  // does not sleep on), without a host thread, then calls run() again.
  virtual uint64_t sleep_ns() const = 0;
  virtual const Fault& fault() const = 0;
  virtual uint64_t instructions() const = 0;  // interpreted so far
};

// Drops decoded instructions (the PM4 packet that ROCr sends after it loaded
// code: an instruction-cache invalidate). Any thread.
void invalidate_code();

}  // namespace xsim::isa
