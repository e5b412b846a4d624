// SPDX-License-Identifier: Apache-2.0
//
// Kernel descriptor and dispatch packet: checks, resources, and the initial
// registers of a wave. Source of the layouts: LLVM's AMDGPUUsage ("Kernel
// Descriptor", "Initial Kernel Execution State").

#include "kernel.h"

#include <algorithm>
#include <cstdio>
#include <new>

#include "decode.h"

namespace xsim::isa {

namespace {

// Kernel properties: which user SGPRs there are, in this order.
enum : u32 {
  kPrivateSegmentBuffer = 1u << 0,
  kDispatchPtr = 1u << 1,
  kQueuePtr = 1u << 2,
  kKernargPtr = 1u << 3,
  kDispatchId = 1u << 4,
  kFlatScratchInit = 1u << 5,
  kPrivateSegmentSize = 1u << 6,
};

// COMPUTE_PGM_RSRC2.
enum : u32 {
  kPrivateSegment = 1u << 0,
  kUserSgprShift = 1,
  kWorkgroupIdX = 1u << 7,
  kWorkgroupInfo = 1u << 10,
};

// Words 2 and 3 of a buffer resource for private memory: no bounds, 4-byte
// elements, index stride 64, swizzled, lane number added to the index.
constexpr u32 kScratchRecords = 0xffffffffu;
constexpr u32 kScratchWord3 = 1u << 19 | 3u << 21 | 1u << 23 | 4u << 15;
constexpr u32 kSwizzleEnable = 1u << 31;  // of word 1

void refuse(Fault& fault, u64 descriptor, const std::string& text) {
  char at[48];
  snprintf(at, sizeof at, "bad dispatch of kernel object 0x%llx: ",
           static_cast<unsigned long long>(descriptor));
  fault.kind = FaultKind::kBadDispatch;
  fault.address = descriptor;
  fault.text = at + text;
}

}  // namespace

KernelImage::KernelImage(const Host& host, const DispatchPacket& packet, u64 packet_address,
                         u64 amd_queue)
    : host_(host), packet_(packet), packet_address_(packet_address), amd_queue_(amd_queue) {}

bool KernelImage::check_grid(Fault& fault) const {
  const u64 object = packet_.kernel_object;
  u64 items = 1;
  for (int i = 0; i < 3; ++i) {
    if (packet_.workgroup[i] == 0 || packet_.grid[i] == 0) {
      refuse(fault, object, "a grid or workgroup dimension is 0");
      return false;
    }
    items *= packet_.workgroup[i];
  }
  if (items > 1024) {
    refuse(fault, object, "workgroup of " + std::to_string(items) + " work-items (at most 1024)");
    return false;
  }
  if (footprint_.lds_bytes > 64 * 1024) {
    refuse(fault, object,
           "group segment of " + std::to_string(footprint_.lds_bytes) + " bytes (at most 65536)");
    return false;
  }
  // The driver gives at most 128 KiB a work-item on these targets.
  if (private_bytes_ > 128 * 1024) {
    refuse(fault, object, "private segment of " + std::to_string(private_bytes_) + " bytes");
    return false;
  }
  return true;
}

bool KernelImage::load(Fault& fault) {
  const u64 object = packet_.kernel_object;
  Memory memory(host_.memory);
  if (object % 64 != 0 || !memory.allowed(object, sizeof descriptor_, false)) {
    refuse(fault, object, "its descriptor is not in mapped memory");
    return false;
  }
  std::memcpy(&descriptor_, reinterpret_cast<const void*>(object), sizeof descriptor_);
  entry_ = object + static_cast<u64>(descriptor_.entry_offset);

  // The packet's sizes include the dynamic part; the descriptor's are minima.
  footprint_.lds_bytes = std::max(packet_.group_segment_bytes, descriptor_.group_segment_bytes);
  private_bytes_ = std::max(packet_.private_segment_bytes, descriptor_.private_segment_bytes);
  private_bytes_ = (private_bytes_ + 3) & ~3u;
  if (!check_grid(fault)) return false;

  u32 items = 1;
  for (int i = 0; i < 3; ++i) {
    size_[i] = packet_.workgroup[i];
    items *= size_[i];
    groups_[i] = (static_cast<u64>(packet_.grid[i]) + size_[i] - 1) / size_[i];
  }
  footprint_.waves = (items + kLanes - 1) / kLanes;

  // gfx90a on: registers are allocated by 8, and one file holds both kinds,
  // the accumulation ones from accum_offset on.
  footprint_.vgprs = ((descriptor_.resource1 & 63) + 1) * 8;
  arch_vgprs_ = std::min(((descriptor_.resource3 & 63) + 1) * 4, footprint_.vgprs);
  acc_vgprs_ = footprint_.vgprs - arch_vgprs_;
  arch_vgprs_ = std::min(arch_vgprs_, 256u);
  acc_vgprs_ = std::min(acc_vgprs_, 256u);

  preload_count_ = std::min<u32>(descriptor_.kernarg_preload & 127, 16);
  if (preload_count_ != 0) {
    const u64 from = packet_.kernarg + 4ull * (descriptor_.kernarg_preload >> 7);
    if (!memory.allowed(from, 4ull * preload_count_, false)) {
      refuse(fault, object, "its kernel arguments are not in mapped memory");
      return false;
    }
    std::memcpy(preload_, reinterpret_cast<const void*>(from), 4ull * preload_count_);
    // Behind 256 bytes of code that loads the same arguments for firmware
    // that cannot preload.
    entry_ += 256;
  }
  name_ = find_kernel_name(*host_.memory, object);
  return true;
}

void KernelImage::init_scalars(Wave& wave, const u32 group[3], u32 number) const {
  std::memset(wave.s, 0, sizeof wave.s);
  wave.set_scalar64(kSharedBase, kSharedAperture);
  wave.set_scalar64(kPrivateBase, kPrivateAperture);
  wave.set_scalar64(kSharedLimit, kSharedAperture + 0xffffffffu);
  wave.set_scalar64(kPrivateLimit, kPrivateAperture + 0xffffffffu);
  const u64 scratch = reinterpret_cast<u64>(wave.scratch);
  wave.set_scalar64(kFlatScratch, scratch);

  u32 next = 0;
  const auto give = [&](u32 value) { wave.s[next++] = value; };
  const auto give64 = [&](u64 value) {
    give(low32(value));
    give(high32(value));
  };
  const u32 properties = descriptor_.properties;
  if (properties & kPrivateSegmentBuffer) {
    give(low32(scratch));
    give((high32(scratch) & 0xffff) | kSwizzleEnable);
    give(kScratchRecords);
    give(kScratchWord3);
  }
  if (properties & kDispatchPtr) give64(packet_address_);
  if (properties & kQueuePtr) give64(amd_queue_);
  if (properties & kKernargPtr) give64(packet_.kernarg);
  if (properties & kDispatchId) give64(0);
  if (properties & kFlatScratchInit) give64(scratch);
  if (properties & kPrivateSegmentSize) give(private_bytes_);
  for (u32 i = 0; i < preload_count_; ++i) give(preload_[i]);

  // System SGPRs follow the user ones.
  const u32 resource2 = descriptor_.resource2;
  next = std::max(next, resource2 >> kUserSgprShift & 31);
  for (int i = 0; i < 3; ++i) {
    if (resource2 & kWorkgroupIdX << i) give(group[i]);
  }
  if (resource2 & kWorkgroupInfo) give(number == 0 ? 0x80000000u | footprint_.waves : 0);
  // The wave's offset into the queue's scratch, where scratch is not set up by
  // the hardware: 0, since the bases above are the wave's own.
  if (host_.target == Target::gfx90a && (resource2 & kPrivateSegment)) give(0);

  wave.s[kTtmp0 + 9] = group[0];
  wave.s[kTtmp0 + 7] = (group[1] & 0xffff) | group[2] << 16;
}

void KernelImage::init_vectors(Wave& wave, const u32 group[3], u32 number) const {
  std::memset(wave.v[0], 0, arch_vgprs_ * sizeof wave.v[0]);
  std::memset(wave.v[kAccumulation], 0, acc_vgprs_ * sizeof wave.v[0]);
  // Edge workgroups are smaller when the grid is no multiple of the workgroup.
  u32 size[3];
  for (int i = 0; i < 3; ++i) {
    const u64 left = packet_.grid[i] - static_cast<u64>(group[i]) * size_[i];
    size[i] = static_cast<u32>(std::min<u64>(size_[i], left));
  }
  const u32 items = size[0] * size[1] * size[2];
  u64 exec = 0;
  for (u32 l = 0; l < kLanes; ++l) {
    const u32 item = number * kLanes + l;
    if (item >= items) break;
    exec |= 1ull << l;
    const u32 x = item % size[0];
    const u32 y = item / size[0] % size[1];
    const u32 z = item / size[0] / size[1];
    wave.v[0][l] = x | y << 10 | z << 20;
  }
  wave.set_exec(exec);
}

void KernelImage::start_wave(Wave& wave, u64 index, u32 number) const {
  const u32 group[3] = {static_cast<u32>(index % groups_[0]),
                        static_cast<u32>(index / groups_[0] % groups_[1]),
                        static_cast<u32>(index / groups_[0] / groups_[1])};
  init_scalars(wave, group, number);
  init_vectors(wave, group, number);
  wave.pc = entry_;
  wave.scc = 0;
  wave.mode = descriptor_.resource1 >> 12 & 0xff;
  if (descriptor_.resource1 >> 21 & 1) wave.mode |= kModeDx10Clamp;
  if (descriptor_.resource1 >> 23 & 1) wave.mode |= kModeIeee;
  wave.indexing = false;
  wave.update_plain();
  wave.state = wave.exec() != 0 ? WaveState::kRunning : WaveState::kEnded;
  wave.yield = false;
  wave.sleep_cycles = 0;
  // HW_ID: wave slot and SIMD, as far as anybody can tell.
  wave.hw_id = (number / 4 & 15) | (number & 3) << 4;
}

std::shared_ptr<const Kernel> Kernel::create(const Host& host, const void* packet,
                                             uint64_t packet_address, const void* amd_queue,
                                             Fault& fault) {
  DispatchPacket copy;
  std::memcpy(&copy, packet, sizeof copy);
  try {
    auto kernel = std::make_shared<KernelImage>(host, copy, packet_address,
                                                reinterpret_cast<u64>(amd_queue));
    if (kernel->load(fault)) return kernel;
  } catch (const std::bad_alloc&) {
    refuse(fault, copy.kernel_object, "out of host memory");
  }
  return nullptr;
}

}  // namespace xsim::isa
