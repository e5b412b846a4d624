// SPDX-License-Identifier: Apache-2.0
//
// How a simulated GPU names itself: the numbers that topology, ioctls and
// libdrm must agree on.
#pragma once

#include <cstdint>

#include "../device/device.h"

namespace xsim {

// KFD's gpu_id is a hash over the device; here it only has to be unique and
// non-zero.
constexpr uint32_t kFirstGpuId = 0xa300;
constexpr uint32_t gpu_id(uint32_t gpu) {
  return kFirstGpuId + gpu * 0x11;
}
// The index, or -1.
constexpr int gpu_index(uint32_t id, uint32_t gpus) {
  for (uint32_t gpu = 0; gpu < gpus; ++gpu) {
    if (gpu_id(gpu) == id) return static_cast<int>(gpu);
  }
  return -1;
}

constexpr uint32_t kFirstRenderMinor = 128;

struct GpuModel {
  const char* name;         // marketing name
  uint32_t device_id;       // PCI
  uint32_t target_version;  // major * 10000 + minor * 100 + stepping
  uint32_t family;          // AMDGPU_FAMILY_AI
  uint32_t xccs;            // accelerated compute dies behind one device
  uint32_t l2_kb;
  uint32_t infinity_cache_kb;
};

inline const GpuModel& gpu_model(isa::Target target) {
  // PCI ids and caches: the kernel's amdgpu (kfd_crat.c, kfd_device.c) and
  // libdrm's amdgpu.ids.
  static constexpr GpuModel kMi308x{
      "AMD Instinct MI308X (simulated)", 0x74a2, 90402, 141, 4, 4096, 262144};
  static constexpr GpuModel kMi210{
      "AMD Instinct MI210 (simulated)", 0x740f, 90010, 141, 1, 8192, 0};
  return target == isa::Target::gfx942 ? kMi308x : kMi210;
}

// Dies that the topology reports: the compute units must divide evenly.
inline uint32_t reported_xccs(const NodeConfig& config) {
  const uint32_t xccs = gpu_model(config.target).xccs;
  return config.cus % xccs == 0 ? xccs : 1;
}

}  // namespace xsim
