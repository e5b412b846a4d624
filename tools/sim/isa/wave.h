// SPDX-License-Identifier: Apache-2.0
//
// The state of one wave and of its workgroup while it is interpreted. A wave
// object is large (512 vector registers of 64 lanes: 128 KiB), so workgroup.cpp
// recycles them.
#pragma once

#include <string>
#include <vector>

#include "inst.h"
#include "isa.h"
#include "memory.h"

// Member functions that the twice-compiled vector files use must not become
// symbols of their own (lanes.h says why).
#define XSIM_INLINE [[gnu::always_inline]] inline

namespace xsim::isa {

// Indices into Wave::s: the scalar operand numbers of the architecture where
// it has them, numbers from 128 on are ours.
enum : int {
  kFlatScratch = 102,
  kXnackMask = 104,
  kVcc = 106,
  kTtmp0 = 108,
  kM0 = 124,
  kExec = 126,
  kSharedBase = 130,
  kPrivateBase = 132,
  kSharedLimit = 134,
  kPrivateLimit = 136,
  kScalarRegisters = 160,  // slack for the widest scalar load at the highest register
};

constexpr int kAccumulation = 256;  // row of a0
constexpr int kVectorRows = 516;  // with slack for a pair that begins at a255

// The MODE register (the kernel descriptor's FLOAT_MODE in its low byte).
enum : u32 {
  kModeRound32Shift = 0,
  kModeRound64Shift = 2,
  kModeDenorm32Shift = 4,
  kModeDenorm64Shift = 6,
  kModeDx10Clamp = 1u << 8,
  kModeIeee = 1u << 9,
  kModeFloatDefault = 0xf0,  // round to nearest even, denormals kept
};

enum class WaveState : u8 {
  kRunning,
  kBarrier,   // at s_barrier, others are not there yet
  kSleeping,  // in s_sleep, `sleep_cycles` left
  kEnded,
  kFaulted,
};

// What the waves of a workgroup share.
struct Group {
  const Host* host = nullptr;
  std::vector<u8> lds;
  u32 private_bytes = 0;  // scratch a lane, a multiple of 4
  Fault fault;
};

struct Wave {
  alignas(64) u32 v[kVectorRows][kLanes];
  alignas(64) u32 s[kScalarRegisters];
  u64 pc;  // of the next instruction
  u32 scc;
  u32 mode;
  WaveState state;
  bool yield;       // leave the slice after this instruction
  bool plain;       // MODE asks for what the host does anyway, no register indexing
  bool indexing;    // s_set_gpr_idx_on: M0 is added to vector register numbers
  u32 hw_id;        // which slot the wave sits in, for s_getreg
  u64 sleep_cycles;
  Group* group;
  Memory* memory;  // of the thread that runs the wave now
  u8* scratch;     // 64 * private_bytes, dword-interleaved over the lanes
  u64 scratch_bytes;

  XSIM_INLINE u64 scalar64(int index) const {
    u64 value;
    std::memcpy(&value, &s[index], sizeof value);
    return value;
  }
  XSIM_INLINE void set_scalar64(int index, u64 value) { std::memcpy(&s[index], &value, sizeof value); }
  XSIM_INLINE u64 exec() const { return scalar64(kExec); }
  XSIM_INLINE void set_exec(u64 value) { set_scalar64(kExec, value); }
  // After `mode` or `indexing` has changed.
  XSIM_INLINE void update_plain() { plain = (mode & 0xff) == kModeFloatDefault && !indexing; }
  XSIM_INLINE u64 vcc() const { return scalar64(kVcc); }
  XSIM_INLINE void set_vcc(u64 value) { set_scalar64(kVcc, value); }
};

// Stops the wave. The texts are completed with the instruction and its address.
void fault_illegal(Wave& wave, const Inst& inst, const char* why);
void fault_memory(Wave& wave, const Inst& inst, u64 address, u32 bytes, bool write,
                  const char* why = "memory violation");

}  // namespace xsim::isa
