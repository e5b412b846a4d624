// SPDX-License-Identifier: Apache-2.0
//
// The libdrm and libdrm_amdgpu functions that ROCr 6.4 calls, answered whole:
// less than answering the ioctls below them. ROCr uses them for names, and
// for the virtual-memory API (hipMemMap), where a buffer is imported as a
// dmabuf and placed with amdgpu_bo_va_op().
//
// The structures are libdrm's (amdgpu.h); this file repeats the ones it needs
// so that the build does not need libdrm's headers. Errors are negative errno
// values, as libdrm gives.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>

#include "gpu.h"
#include "node.h"

#define XSIM_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using xsim::Memory;
using xsim::Node;

constexpr uint32_t kHandleKms = 1;  // enum amdgpu_bo_handle_type
constexpr uint32_t kHandleDmabuf = 2;
constexpr uint32_t kVaMap = 1;  // AMDGPU_VA_OP_*
constexpr uint32_t kVaUnmap = 2;
constexpr uint32_t kVaClear = 3;
constexpr uint32_t kVaReplace = 4;
constexpr uint64_t kPageWriteable = 1u << 2;  // AMDGPU_VM_PAGE_WRITEABLE
constexpr unsigned long kGemMmap = 0x01;      // DRM_AMDGPU_GEM_MMAP

// struct amdgpu_gpu_info
struct GpuInfo {
  uint32_t asic_id, chip_rev, chip_external_rev, family_id;
  uint64_t ids_flags, max_engine_clk, max_memory_clk;  // kHz
  uint32_t num_shader_engines, num_shader_arrays_per_engine;
  uint32_t avail_quad_shader_pipes, max_quad_shader_pipes, cache_entries_per_quad_pipe;
  uint32_t num_hw_gfx_contexts, rb_pipes, enabled_rb_pipes_mask, gpu_counter_freq;
  uint32_t backend_disable[4];
  uint32_t mc_arb_ramcfg, gb_addr_cfg;
  uint32_t gb_tile_mode[32], gb_macro_tile_mode[16];
  uint32_t pa_sc_raster_cfg[4], pa_sc_raster_cfg1[4];
  uint32_t cu_active_number, cu_ao_mask, cu_bitmap[4][4];
  uint32_t vram_type, vram_bit_width, ce_ram_size, vce_harvest_config, pci_rev_id;
};

struct Device {
  uint32_t gpu;
  int fd;
};

// A buffer that was imported through libdrm.
struct Bo {
  Node* node = nullptr;
  xsim::Store::Hold hold;
  uint32_t flags = 0;
  void* host = nullptr;               // amdgpu_bo_cpu_map
  std::map<uint64_t, uint64_t> maps;  // GPU address to bytes
};

struct ImportResult {  // struct amdgpu_bo_import_result
  Bo* buffer;
  uint64_t alloc_size;
};

// GEM handles, which ROCr only passes from amdgpu_bo_export() to GEM_MMAP.
struct Handles {
  std::mutex mutex;
  std::map<uint32_t, Bo*> bos;
  uint32_t next = 1;
};
Handles& handles() {
  static Handles& table = *new Handles;  // leaked: see node.h
  return table;
}

void* pointer(uint64_t address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

void unmap_all(Bo& bo) {
  for (const auto& [address, bytes] : bo.maps) bo.node->space().unmap(address, bytes);
  bo.maps.clear();
}

}  // namespace

XSIM_EXPORT int drmOpenRender(int minor) {
  Node* node = Node::get();
  if (!node || minor < static_cast<int>(xsim::kFirstRenderMinor)) return -1;
  return node->open_render(static_cast<uint32_t>(minor) - xsim::kFirstRenderMinor);
}

XSIM_EXPORT int drmClose(int fd) {
  return close(fd);
}

XSIM_EXPORT int amdgpu_device_initialize(int fd, uint32_t* major, uint32_t* minor,
                                         Device** device) {
  Node* node = Node::get();
  if (!node) return -ENODEV;
  const int gpu = node->store().gpu_of(fd);
  if (gpu < 0) return -EINVAL;
  const int own = node->open_render(static_cast<uint32_t>(gpu));
  if (own < 0) return -errno;
  *major = 3;
  *minor = 64;  // the DRM driver of 6.12
  *device = new Device{static_cast<uint32_t>(gpu), own};
  return 0;
}

XSIM_EXPORT int amdgpu_device_initialize2(int fd, bool, uint32_t* major, uint32_t* minor,
                                          Device** device) {
  return amdgpu_device_initialize(fd, major, minor, device);
}

XSIM_EXPORT int amdgpu_device_deinitialize(Device* device) {
  if (!device) return -EINVAL;
  close(device->fd);
  delete device;
  return 0;
}

XSIM_EXPORT int amdgpu_device_get_fd(Device* device) {
  return device ? device->fd : -1;
}

XSIM_EXPORT const char* amdgpu_get_marketing_name(Device*) {
  Node* node = Node::get();
  return node ? xsim::gpu_model(node->config().target).name : nullptr;
}

XSIM_EXPORT int amdgpu_query_gpu_info(Device*, GpuInfo* info) {
  Node* node = Node::get();
  if (!node) return -ENODEV;
  const xsim::GpuModel& model = xsim::gpu_model(node->config().target);
  *info = {};
  info->asic_id = model.device_id;
  info->family_id = model.family;
  info->max_engine_clk = 2'100'000;
  info->max_memory_clk = 1'300'000;
  info->gpu_counter_freq = 100'000;
  info->cu_active_number = node->config().cus;
  info->vram_bit_width = 8192;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_import(Device* device, uint32_t type, uint32_t shared,
                                 ImportResult* result) {
  Node* node = Node::get();
  if (!node || !device || type != kHandleDmabuf) return -EINVAL;
  Memory::Dmabuf content;
  if (!node->memory().read_dmabuf(static_cast<int>(shared), content)) return -EINVAL;
  const auto hold = node->store().share(content.gpu, content.offset);
  if (!hold.valid()) return -ENOENT;
  auto* bo = new Bo;
  bo->node = node;
  bo->hold = hold;
  bo->flags = content.flags;
  result->buffer = bo;
  result->alloc_size = content.bytes;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_cpu_unmap(Bo* bo) {
  if (!bo || !bo->host) return -EINVAL;
  munmap(bo->host, bo->hold.bytes);
  bo->host = nullptr;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_cpu_map(Bo* bo, void** host) {
  if (!bo) return -EINVAL;
  if (!bo->host) {
    void* memory = mmap(nullptr, bo->hold.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                        bo->node->store().fd(bo->hold.gpu), static_cast<off_t>(bo->hold.offset));
    if (memory == MAP_FAILED) return -errno;
    bo->host = memory;
  }
  *host = bo->host;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_free(Bo* bo) {
  if (!bo) return -EINVAL;
  {
    std::lock_guard lock(handles().mutex);
    std::erase_if(handles().bos, [bo](const auto& entry) { return entry.second == bo; });
  }
  unmap_all(*bo);
  amdgpu_bo_cpu_unmap(bo);
  bo->node->store().release(bo->hold);
  delete bo;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_export(Bo* bo, uint32_t type, uint32_t* shared) {
  if (!bo) return -EINVAL;
  if (type == kHandleDmabuf) {
    const int fd =
        bo->node->memory().make_dmabuf({bo->hold.gpu, bo->flags, bo->hold.offset, bo->hold.bytes});
    if (fd < 0) return -errno;
    *shared = static_cast<uint32_t>(fd);
    return 0;
  }
  if (type != kHandleKms) return -EINVAL;
  std::lock_guard lock(handles().mutex);
  for (const auto& [number, known] : handles().bos) {
    if (known == bo) {
      *shared = number;
      return 0;
    }
  }
  *shared = handles().next++;
  handles().bos[*shared] = bo;
  return 0;
}

XSIM_EXPORT int amdgpu_bo_va_op(Bo* bo, uint64_t offset, uint64_t bytes, uint64_t address,
                                uint64_t flags, uint32_t operation) {
  if (!bo) return -EINVAL;
  xsim::AddressSpace& space = bo->node->space();
  const auto known = bo->maps.find(address);
  switch (operation) {
    case kVaMap:
    case kVaReplace: {
      if (bytes == 0 || offset > bo->hold.bytes || bytes > bo->hold.bytes - offset) return -EINVAL;
      // ROCr maps the address for the host only if the host was given access;
      // kernels run on the host here and always need it.
      if (!bo->host || address != reinterpret_cast<uintptr_t>(bo->host)) {
        if (mmap(pointer(address), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                 bo->node->store().fd(bo->hold.gpu),
                 static_cast<off_t>(bo->hold.offset + offset)) == MAP_FAILED) {
          return -errno;
        }
      }
      // The new mapping before the old one goes: kernels run meanwhile.
      // ROCr gives no flags when it means all permissions.
      space.map(address, bytes, flags == 0 || (flags & kPageWriteable));
      if (known != bo->maps.end()) space.unmap(address, known->second);
      bo->maps[address] = bytes;
      return 0;
    }
    case kVaUnmap:
    case kVaClear:
      if (known == bo->maps.end()) return -ENOENT;
      space.unmap(address, known->second);
      bo->maps.erase(known);
      return 0;
    default:
      return -EINVAL;
  }
}

XSIM_EXPORT int drmCommandWriteRead(int fd, unsigned long command, void* data, unsigned long size) {
  Node* node = Node::get();
  if (!node || node->store().gpu_of(fd) < 0) return -EINVAL;
  if (command != kGemMmap || size < sizeof(uint64_t)) return -EINVAL;
  // union drm_amdgpu_gem_mmap: the handle in, the mmap offset out.
  const uint32_t handle = *static_cast<const uint32_t*>(data);
  std::lock_guard lock(handles().mutex);
  const auto found = handles().bos.find(handle);
  if (found == handles().bos.end()) return -ENOENT;
  *static_cast<uint64_t*>(data) = found->second->hold.offset;
  return 0;
}
