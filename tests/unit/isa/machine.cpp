// SPDX-License-Identifier: Apache-2.0
//
// The test bench of machine.h.

#include "machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <cstring>
#include <random>

namespace xsim::isa_test {

namespace {

// Offsets and bits of the AMDHSA kernel descriptor and of the AQL packet
// (LLVM's AMDGPUUsage, HSA's AQL): written here a second time, on purpose.
constexpr size_t kDescriptorBytes = 64;
constexpr size_t kEntry = 0x1000;

template <class T>
void put(uint8_t* base, size_t offset, T value) {
  std::memcpy(base + offset, &value, sizeof value);
}

}  // namespace

Machine::Machine(isa::Target target) {
  host_.target = target;
  host_.memory = &space_;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memory_ = static_cast<uint8_t*>(memory);
  space_.map(address(0), kBytes, true);
}

Machine::~Machine() { munmap(memory_, kBytes); }

void Machine::load(const std::vector<uint8_t>& code, const Launch& launch) {
  uint8_t* descriptor = at(kCode);
  std::memset(descriptor, 0, kDescriptorBytes);
  put<uint32_t>(descriptor, 0, launch.lds_bytes);
  put<uint32_t>(descriptor, 4, launch.private_bytes);
  put<uint32_t>(descriptor, 8, 16);
  put<int64_t>(descriptor, 16, kEntry);
  put<uint32_t>(descriptor, 44, 63);  // accum_offset 256
  uint32_t resource1 = 63;            // 512 VGPRs
  resource1 |= launch.float_mode << 12;
  if (launch.clamp_nan) resource1 |= 1u << 21;
  put<uint32_t>(descriptor, 48, resource1);
  const bool scratch_resource = target() == isa::Target::gfx90a && launch.private_bytes != 0;
  const uint32_t user = (scratch_resource ? 6 : 2) + launch.kernarg_preload;
  uint32_t resource2 = user << 1 | 7u << 7;
  if (launch.private_bytes != 0) resource2 |= 1;
  put<uint32_t>(descriptor, 52, resource2);
  put<uint16_t>(descriptor, 56, static_cast<uint16_t>(1u << 3 | (scratch_resource ? 1 : 0)));
  put<uint16_t>(descriptor, 58, static_cast<uint16_t>(launch.kernarg_preload));
  ASSERT_LE(kEntry + 256 + code.size(), kArguments);
  std::memcpy(at(kEntry + (launch.kernarg_preload != 0 ? 256 : 0)), code.data(), code.size());
  put<uint64_t>(at(kArguments), 0, address(kInput));
  put<uint64_t>(at(kArguments), 8, address(kOutput));
  isa::invalidate_code();
}

std::shared_ptr<const isa::Kernel> Machine::create(const Launch& launch, isa::Fault& fault) {
  uint8_t packet[64] = {};
  put<uint16_t>(packet, 0, 2);  // kernel dispatch
  put<uint16_t>(packet, 2, 3);
  for (int i = 0; i < 3; ++i) {
    put<uint16_t>(packet, 4 + 2 * i, static_cast<uint16_t>(launch.group[i]));
    put<uint32_t>(packet, 12 + 4 * i, launch.grid[i]);
  }
  put<uint32_t>(packet, 24, launch.private_bytes);
  put<uint32_t>(packet, 28, launch.lds_bytes);
  put<uint64_t>(packet, 32, address(kCode));
  put<uint64_t>(packet, 40, address(kArguments));
  return isa::Kernel::create(host_, packet, address(kArguments + 0x1000), nullptr, fault);
}

isa::Fault Machine::run(const Launch& launch) {
  isa::Fault fault;
  const auto kernel = create(launch, fault);
  if (kernel == nullptr) return fault;
  const std::atomic<uint32_t> stop{0};
  for (uint64_t i = 0; i < kernel->workgroups(); ++i) {
    const auto group = isa::Workgroup::create(kernel, i);
    for (uint64_t turns = 0;; ++turns) {
      const isa::Outcome outcome = group->run(stop, 1'000'000);
      if (outcome == isa::Outcome::kDone) break;
      if (outcome == isa::Outcome::kFault) return group->fault();
      if (turns > 1000) {
        fault.kind = isa::FaultKind::kBadDispatch;
        fault.text = "the test kernel does not end";
        return fault;
      }
    }
  }
  return fault;
}

isa::Fault Machine::run(const std::string& source, const Launch& launch) {
  std::string error;
  const std::vector<uint8_t> code = assemble(target(), source, error);
  EXPECT_FALSE(code.empty()) << error;
  if (code.empty()) {
    isa::Fault fault;
    fault.kind = isa::FaultKind::kBadDispatch;
    fault.text = error;
    return fault;
  }
  load(code, launch);
  return run(launch);
}

std::vector<Row> Machine::evaluate(const std::string& body, const std::vector<Row>& inputs,
                                   int outputs, const Launch& launch) {
  std::string source = "s_load_dwordx4 s[4:7], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\n";
  if (target() == isa::Target::gfx90a && launch.private_bytes != 0) {
    source = "s_mov_b32 s12, s4\ns_mov_b32 s13, s5\ns_mov_b64 s[16:17], s[0:1]\n"
             "s_mov_b64 s[18:19], s[2:3]\ns_load_dwordx4 s[4:7], s[12:13], 0x0\n";
  }
  source += "v_lshlrev_b32_e32 v255, 2, v0\n";
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::memcpy(at(kInput + 256 * i), inputs[i].data(), 256);
    source += "v_add_u32_e32 v254, " + std::to_string(256 * i) + ", v255\n";
    source += "global_load_dword v" + std::to_string(i + 1) + ", v254, s[4:5]\n";
  }
  source += "s_waitcnt vmcnt(0)\n" + body + "\n";
  source += "s_mov_b64 exec, -1\n";
  for (int i = 0; i < outputs; ++i) {
    source += "v_add_u32_e32 v254, " + std::to_string(256 * i) + ", v255\n";
    source += "global_store_dword v254, v" + std::to_string(20 + i) + ", s[6:7]\n";
  }
  source += "s_endpgm\n";
  std::memset(at(kOutput), 0xcc, 256 * static_cast<size_t>(outputs));
  fault = run(source, launch);
  EXPECT_EQ(fault.kind, isa::FaultKind::kNone) << fault.text;
  std::vector<Row> result;
  for (int i = 0; i < outputs; ++i) {
    const uint32_t* row = words(kOutput + 256 * static_cast<uint64_t>(i));
    result.emplace_back(row, row + kLanes);
  }
  return result;
}

Row sample(uint32_t seed) {
  static constexpr uint32_t kEdges[] = {0,          1,          2,          0xffffffffu,
                                        0x7fffffffu, 0x80000000u, 0x80000001u, 0xffffu,
                                        0x10000u,   31,         32,         0xff00ff00u};
  std::mt19937 random(seed);
  Row row(kLanes);
  for (int l = 0; l < kLanes; ++l) {
    row[l] = static_cast<uint32_t>(random());
    if (random() % 3 == 0) row[l] = kEdges[random() % std::size(kEdges)];
    if (random() % 5 == 0) row[l] &= 63;
  }
  return row;
}

Row sample_floats(uint32_t seed) {
  static constexpr uint32_t kEdges[] = {0,          0x80000000u, 0x3f800000u, 0xbf800000u,
                                        0x7f800000u, 0xff800000u, 0x7fc00000u, 0x00000001u,
                                        0x807fffffu, 0x7f7fffffu, 0x00800000u, 0x40490fdbu};
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> near(-1000.0f, 1000.0f);
  Row row(kLanes);
  for (int l = 0; l < kLanes; ++l) {
    row[l] = as_bits(near(random));
    if (random() % 4 == 0) row[l] = static_cast<uint32_t>(random());
    if (random() % 4 == 0) row[l] = kEdges[random() % std::size(kEdges)];
  }
  return row;
}

Row sample_halves(uint32_t seed) {
  static constexpr uint16_t kEdges[] = {0,      0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00,
                                        0x7e00, 0x0001, 0x83ff, 0x7bff, 0x0400, 0x3555};
  std::mt19937 random(seed);
  Row row(kLanes);
  for (int l = 0; l < kLanes; ++l) {
    uint32_t half[2];
    for (uint32_t& h : half) {
      h = 0x3000u + static_cast<uint32_t>(random() % 0x1800u) + (random() & 0x8000u);
      if (random() % 4 == 0) h = static_cast<uint32_t>(random()) & 0xffff;
      if (random() % 4 == 0) h = kEdges[random() % std::size(kEdges)];
    }
    row[l] = half[0] | half[1] << 16;
  }
  return row;
}

Row broadcast(uint32_t value) { return Row(kLanes, value); }

Row map(const std::function<uint32_t(int lane)>& f) {
  Row row(kLanes);
  for (int l = 0; l < kLanes; ++l) row[l] = f(l);
  return row;
}

float as_float(uint32_t bits) { return __builtin_bit_cast(float, bits); }
uint32_t as_bits(float value) { return __builtin_bit_cast(uint32_t, value); }
double as_double(uint32_t low, uint32_t high) {
  return __builtin_bit_cast(double, static_cast<uint64_t>(high) << 32 | low);
}

}  // namespace xsim::isa_test
