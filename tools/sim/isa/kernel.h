// SPDX-License-Identifier: Apache-2.0
//
// A checked dispatch: what the kernel descriptor and the AQL packet say,
// unpacked into what starting a wave needs.
#pragma once

#include <string>

#include "isa.h"
#include "types.h"
#include "wave.h"

namespace xsim::isa {

// The AMDHSA kernel descriptor, version 3 (LLVM's AMDGPUUsage, "Kernel
// Descriptor"): 64 bytes, the symbol NAME.kd.
struct KernelDescriptor {
  u32 group_segment_bytes;
  u32 private_segment_bytes;
  u32 kernarg_bytes;
  u32 reserved0;
  i64 entry_offset;  // from the descriptor's own address
  u8 reserved1[20];
  u32 resource3;
  u32 resource1;
  u32 resource2;
  u16 properties;
  u16 kernarg_preload;
  u32 reserved2;
};
static_assert(sizeof(KernelDescriptor) == 64);

// hsa_kernel_dispatch_packet_t.
struct DispatchPacket {
  u16 header;
  u16 setup;
  u16 workgroup[3];
  u16 reserved0;
  u32 grid[3];
  u32 private_segment_bytes;
  u32 group_segment_bytes;
  u64 kernel_object;
  u64 kernarg;
  u64 reserved2;
  u64 completion_signal;
};
static_assert(sizeof(DispatchPacket) == 64);

class KernelImage final : public Kernel {
 public:
  KernelImage(const Host& host, const DispatchPacket& packet, u64 packet_address, u64 amd_queue);

  // Reads and checks the descriptor; false and `fault` if it cannot run.
  bool load(Fault& fault);

  const Footprint& footprint() const override { return footprint_; }
  uint64_t workgroups() const override { return groups_[0] * groups_[1] * groups_[2]; }
  const std::string& name() const override { return name_; }

  const Host& host() const { return host_; }
  u32 private_bytes() const { return private_bytes_; }
  u32 lds_bytes() const { return footprint_.lds_bytes; }

  // Sets wave number `number` of workgroup `index` to its first instruction.
  void start_wave(Wave& wave, u64 index, u32 number) const;

 private:
  bool check_grid(Fault& fault) const;
  void init_scalars(Wave& wave, const u32 group[3], u32 number) const;
  void init_vectors(Wave& wave, const u32 group[3], u32 number) const;

  const Host& host_;
  DispatchPacket packet_;
  u64 packet_address_;
  u64 amd_queue_;
  KernelDescriptor descriptor_ = {};
  u64 entry_ = 0;
  u64 groups_[3] = {1, 1, 1};
  u32 size_[3] = {1, 1, 1};    // workgroup
  u32 preload_[32] = {};       // kernel arguments that come in SGPRs
  u32 preload_count_ = 0;
  u32 arch_vgprs_ = 0;
  u32 acc_vgprs_ = 0;
  u32 private_bytes_ = 0;
  Footprint footprint_;
  std::string name_;
};

// elf_name.cpp: the symbol of the kernel descriptor at `descriptor`, without
// its ".kd"; "" if no symbol table can be found.
std::string find_kernel_name(const AddressSpace& memory, u64 descriptor);

}  // namespace xsim::isa
