// SPDX-License-Identifier: Apache-2.0
//
// A test bench for the interpreter: assembles a few lines (with amd_comgr, at
// test time), wraps them into a kernel and runs it on memory of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/sim/base/address_space.h"
#include "tools/sim/isa/isa.h"

namespace xsim::isa_test {

constexpr int kLanes = 64;
using Row = std::vector<uint32_t>;  // 64 lanes

// Machine code of `source`; empty with a message in `error` if it does not
// assemble.
std::vector<uint8_t> assemble(isa::Target target, const std::string& source, std::string& error);

// False (with a reason) where amd_comgr is not installed: tests then skip.
bool can_assemble(std::string& why);

struct Launch {
  uint32_t grid[3] = {64, 1, 1};
  uint32_t group[3] = {64, 1, 1};
  uint32_t lds_bytes = 0;
  uint32_t private_bytes = 0;
  uint32_t kernarg_preload = 0;  // dwords
  uint32_t float_mode = 0xf0;
  bool clamp_nan = true;  // DX10_CLAMP
};

// One gfx942 or gfx90a with 1 MiB of memory. Code at its start, then kernel
// arguments, input and output. Kernels begin with s[0:1] = argument pointer
// (on gfx90a with private memory: s[0:3] the scratch resource, s[4:5] the
// arguments), then the workgroup ids, v0 = packed work-item id.
class Machine {
 public:
  static constexpr uint64_t kCode = 0;
  static constexpr uint64_t kArguments = 0x40000;
  static constexpr uint64_t kInput = 0x50000;
  static constexpr uint64_t kOutput = 0x80000;
  static constexpr uint64_t kBytes = 0x100000;

  explicit Machine(isa::Target target);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  isa::Target target() const { return host_.target; }
  isa::Host& host() { return host_; }
  AddressSpace& space() { return space_; }
  uint8_t* at(uint64_t offset) { return memory_ + offset; }
  uint64_t address(uint64_t offset) const { return reinterpret_cast<uint64_t>(memory_) + offset; }
  uint32_t* words(uint64_t offset) { return reinterpret_cast<uint32_t*>(at(offset)); }

  // Puts code behind a descriptor; the kernel arguments are the addresses of
  // the input and the output area.
  void load(const std::vector<uint8_t>& code, const Launch& launch);
  std::shared_ptr<const isa::Kernel> create(const Launch& launch, isa::Fault& fault);

  // Runs all workgroups, one after the other; the fault of the first that has one.
  isa::Fault run(const Launch& launch);
  // load() + run(), for source text.
  isa::Fault run(const std::string& source, const Launch& launch = {});

  // Evaluates straight-line code over 64 lanes: `inputs` are in v1, v2, ...;
  // returns `outputs` registers from v20 on. s[4:5] input, s[6:7] output, v255
  // 4 * lane; s10 and up are free. `fault` keeps the last fault.
  std::vector<Row> evaluate(const std::string& body, const std::vector<Row>& inputs, int outputs,
                            const Launch& launch = {});
  isa::Fault fault;

 private:
  isa::Host host_;
  AddressSpace space_;
  uint8_t* memory_ = nullptr;
};

// 64 interesting 32-bit values: random, small, limits, special floats.
Row sample(uint32_t seed);
Row sample_floats(uint32_t seed);
Row sample_halves(uint32_t seed);  // two halves a register
Row broadcast(uint32_t value);
Row map(const std::function<uint32_t(int lane)>& f);

float as_float(uint32_t bits);
uint32_t as_bits(float value);
double as_double(uint32_t low, uint32_t high);

}  // namespace xsim::isa_test

// At the head of every test that assembles.
#define NEEDS_ASSEMBLER()                                        \
  do {                                                           \
    std::string why;                                             \
    if (!xsim::isa_test::can_assemble(why)) GTEST_SKIP() << why; \
  } while (false)
