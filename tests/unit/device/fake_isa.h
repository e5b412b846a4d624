// SPDX-License-Identifier: Apache-2.0
//
// A stand-in for the interpreter: kernels whose workgroups do what a test
// says. Linked instead of tools/sim/isa, so that the device is tested alone.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tools/sim/isa/isa.h"

namespace xsim::test {

// Put its address into a dispatch packet's kernel_object.
struct alignas(64) FakeKernel {
  std::string name = "fake";
  isa::Footprint footprint{1, 0, 8};
  // One call of Workgroup::run(): `index` of the workgroup, `call` counts from
  // 0. Empty: done at once.
  std::function<isa::Outcome(uint64_t index, uint32_t call, const std::atomic<uint32_t>& stop)>
      body;
  uint64_t sleep_ns = 0;
  isa::Fault fault;
  std::atomic<uint64_t> created{0}, done{0}, alive{0}, most_alive{0};
};

extern std::atomic<uint32_t> invalidations;

}  // namespace xsim::test
