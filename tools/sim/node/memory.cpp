// SPDX-License-Identifier: Apache-2.0
//
// See memory.h. Which error a bad call gives follows amdkfd's kfd_chardev.c.

#include "memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../base/log.h"
#include "../device/device.h"
#include "gpu.h"

namespace xsim {

namespace {

constexpr uint32_t kPlaces = KFD_IOC_ALLOC_MEM_FLAGS_VRAM | KFD_IOC_ALLOC_MEM_FLAGS_GTT |
                             KFD_IOC_ALLOC_MEM_FLAGS_USERPTR | KFD_IOC_ALLOC_MEM_FLAGS_DOORBELL |
                             KFD_IOC_ALLOC_MEM_FLAGS_MMIO_REMAP;
constexpr uint64_t kPage = 4096;
constexpr uint32_t kDmabufMagic = 0x58444d42;  // "XDMB"
constexpr uint32_t kIpcMagic = 0x58490000;     // share_handle[0]: this | gpu

bool one_bit(uint32_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

// What a dmabuf memfd holds: written once, then sealed.
struct DmabufFile {
  uint32_t magic;
  uint32_t gpu;
  uint32_t flags;
  uint32_t pad;
  uint64_t offset;
  uint64_t bytes;
  uint64_t node;  // inode of the GPU's file: another node's buffers are refused
};

}  // namespace

// The second half of an AQL queue's double mapping has no memory of its own;
// only GPUs before gfx9 use it.
uint64_t Memory::mapped_bytes(const Buffer& buffer) {
  const bool twice = buffer.flags & KFD_IOC_ALLOC_MEM_FLAGS_AQL_QUEUE_MEM;
  return twice ? buffer.bytes / 2 : buffer.bytes;
}

uint64_t Memory::add_locked(const Buffer& buffer) {
  // KFD's handle: gpu_id above, a number below.
  const uint64_t handle = static_cast<uint64_t>(gpu_id(buffer.gpu)) << 32 | next_handle_++;
  buffers_[handle] = buffer;
  return handle;
}

int Memory::alloc(kfd_ioctl_alloc_memory_of_gpu_args& args) {
  const int gpu = gpu_index(args.gpu_id, store_.gpus());
  const uint32_t place = args.flags & kPlaces;
  if (gpu < 0 || args.size == 0 || !one_bit(place)) return EINVAL;

  Buffer buffer;
  buffer.gpu = static_cast<uint32_t>(gpu);
  buffer.flags = args.flags;
  buffer.address = args.va_addr;
  buffer.bytes = args.size;
  if (place == KFD_IOC_ALLOC_MEM_FLAGS_USERPTR) {
    if (args.mmap_offset != args.va_addr) {
      // Hardware maps any two; here they share one address space.
      log(LogLevel::kError, "user memory at %#llx cannot be mapped at another GPU address (%#llx)",
          static_cast<unsigned long long>(args.mmap_offset),
          static_cast<unsigned long long>(args.va_addr));
      return EINVAL;
    }
  } else if (place != KFD_IOC_ALLOC_MEM_FLAGS_DOORBELL) {
    if (place == KFD_IOC_ALLOC_MEM_FLAGS_VRAM) {
      if (const int error = device_->reserve_vram(buffer.gpu, args.size)) return error;
    }
    buffer.hold = store_.allocate(buffer.gpu, args.size);
    if (!buffer.hold.valid()) {
      if (place == KFD_IOC_ALLOC_MEM_FLAGS_VRAM) device_->release_vram(buffer.gpu, args.size);
      return ENOMEM;
    }
    args.mmap_offset = buffer.hold.offset;
  }
  std::lock_guard lock(mutex_);
  args.handle = add_locked(buffer);
  log(LogLevel::kCall, "alloc gpu %u va %#llx size %#llx flags %#x: handle %#llx", buffer.gpu,
      static_cast<unsigned long long>(args.va_addr), static_cast<unsigned long long>(args.size),
      args.flags, static_cast<unsigned long long>(args.handle));
  return 0;
}

int Memory::free(uint64_t handle) {
  Buffer buffer;
  {
    std::lock_guard lock(mutex_);
    const auto found = buffers_.find(handle);
    if (found == buffers_.end()) return EINVAL;
    if (found->second.mapped_gpus != 0) return EBUSY;
    buffer = found->second;
    buffers_.erase(found);
  }
  if (!buffer.hold.valid()) return 0;
  store_.release(buffer.hold);
  if (!buffer.imported && (buffer.flags & KFD_IOC_ALLOC_MEM_FLAGS_VRAM)) {
    device_->release_vram(buffer.gpu, buffer.bytes);
  }
  return 0;
}

// Makes a buffer's memory accessible to this process at its GPU address.
int Memory::make_reachable(const Buffer& buffer) const {
  void* address = reinterpret_cast<void*>(static_cast<uintptr_t>(buffer.address));
  if (buffer.imported) {
    // ROCr reserved the address but maps nothing there for a dmabuf.
    if (mmap(address, buffer.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             store_.fd(buffer.gpu), static_cast<off_t>(buffer.hold.offset)) == MAP_FAILED) {
      return errno;
    }
    // As ROCr does for every buffer: a child must not keep it alive.
    madvise(address, buffer.bytes, MADV_DONTFORK);
    return 0;
  }
  // ROCr maps what the host should not touch (scratch, for one) PROT_NONE.
  if (buffer.hold.valid() && mprotect(address, mapped_bytes(buffer), PROT_READ | PROT_WRITE) != 0) {
    const int error = errno;
    log(LogLevel::kError, "buffer at %p (%#llx bytes) is mapped to the GPU but not by the host: %s",
        address, static_cast<unsigned long long>(buffer.bytes), std::strerror(error));
    return EFAULT;
  }
  return 0;
}

int Memory::map(kfd_ioctl_map_memory_to_gpu_args& args) {
  if (args.n_devices == 0 || args.n_success > args.n_devices) return EINVAL;
  if (args.device_ids_array_ptr == 0) return EFAULT;
  const auto* ids =
      reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(args.device_ids_array_ptr));
  std::lock_guard lock(mutex_);
  const auto found = buffers_.find(args.handle);
  if (found == buffers_.end()) return EINVAL;
  Buffer& buffer = found->second;
  for (uint32_t i = args.n_success; i < args.n_devices; ++i) {
    const int gpu = gpu_index(ids[i], store_.gpus());
    if (gpu < 0) return EINVAL;
    const bool kernels_reach_it =
        buffer.address != 0 && !(buffer.flags & KFD_IOC_ALLOC_MEM_FLAGS_DOORBELL);
    if (buffer.mapped_gpus == 0 && kernels_reach_it) {
      if (const int error = make_reachable(buffer)) return error;
      space_.map(buffer.address, mapped_bytes(buffer),
                 buffer.flags & KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE);
    }
    buffer.mapped_gpus |= 1u << gpu;
    args.n_success = i + 1;
  }
  return 0;
}

int Memory::unmap(kfd_ioctl_unmap_memory_from_gpu_args& args) {
  if (args.n_devices == 0 || args.n_success > args.n_devices) return EINVAL;
  if (args.device_ids_array_ptr == 0) return EFAULT;
  const auto* ids =
      reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(args.device_ids_array_ptr));
  std::lock_guard lock(mutex_);
  const auto found = buffers_.find(args.handle);
  if (found == buffers_.end()) return EINVAL;
  Buffer& buffer = found->second;
  for (uint32_t i = args.n_success; i < args.n_devices; ++i) {
    const int gpu = gpu_index(ids[i], store_.gpus());
    if (gpu < 0) return EINVAL;
    const uint32_t before = buffer.mapped_gpus;
    buffer.mapped_gpus &= ~(1u << gpu);
    if (before != 0 && buffer.mapped_gpus == 0) {
      space_.unmap(buffer.address, mapped_bytes(buffer));
    }
    args.n_success = i + 1;
  }
  return 0;
}

int Memory::make_dmabuf(const Dmabuf& content) const {
  const int fd = memfd_create("xsched-sim-dmabuf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  DmabufFile file{};
  file.magic = kDmabufMagic;
  file.gpu = content.gpu;
  file.flags = content.flags;
  file.offset = content.offset;
  file.bytes = content.bytes;
  file.node = store_.inode(content.gpu);
  if (pwrite(fd, &file, sizeof file, 0) != static_cast<ssize_t>(sizeof file) ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    const int saved = errno;
    ::close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

bool Memory::read_dmabuf(int fd, Dmabuf& content) const {
  // The seal proves that nobody changed what make_dmabuf() wrote, and that
  // this is a memfd at all.
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_WRITE)) return false;
  DmabufFile file{};
  if (pread(fd, &file, sizeof file, 0) != static_cast<ssize_t>(sizeof file)) return false;
  if (file.magic != kDmabufMagic || file.gpu >= store_.gpus() ||
      file.node != store_.inode(file.gpu)) {
    return false;
  }
  content = {file.gpu, file.flags, file.offset, file.bytes};
  return true;
}

int Memory::export_dmabuf(abi::ExportDmabufArgs& args) {
  Dmabuf content;
  {
    std::lock_guard lock(mutex_);
    const auto found = buffers_.find(args.handle);
    if (found == buffers_.end()) return EINVAL;
    const Buffer& buffer = found->second;
    if (!buffer.hold.valid()) return EPERM;  // user memory: as amdgpu_gem_prime_export
    content = {buffer.hold.gpu, buffer.flags, buffer.hold.offset, buffer.hold.bytes};
  }
  const int fd = make_dmabuf(content);
  if (fd < 0) return errno;
  args.dmabuf_fd = static_cast<uint32_t>(fd);
  return 0;
}

int Memory::dmabuf_info(kfd_ioctl_get_dmabuf_info_args& args) {
  Dmabuf content;
  if (!read_dmabuf(static_cast<int>(args.dmabuf_fd), content)) return EINVAL;
  args.size = content.bytes;
  args.gpu_id = gpu_id(content.gpu);
  args.flags = content.flags;
  args.metadata_size = 0;  // compute buffers carry none
  return 0;
}

int Memory::import_dmabuf(kfd_ioctl_import_dmabuf_args& args) {
  Dmabuf content;
  if (!read_dmabuf(static_cast<int>(args.dmabuf_fd), content)) return EINVAL;
  if (args.gpu_id != gpu_id(content.gpu)) return EINVAL;
  Buffer buffer;
  buffer.hold = store_.share(content.gpu, content.offset);
  if (!buffer.hold.valid()) return ENOENT;  // freed since
  buffer.gpu = content.gpu;
  buffer.flags = content.flags | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE;
  buffer.address = args.va_addr;
  buffer.bytes = (content.bytes + kPage - 1) / kPage * kPage;
  buffer.imported = true;
  std::lock_guard lock(mutex_);
  args.handle = add_locked(buffer);
  return 0;
}

int Memory::ipc_export(abi::IpcExportArgs& args) {
  std::lock_guard lock(mutex_);
  const auto found = buffers_.find(args.handle);
  if (found == buffers_.end()) return EINVAL;
  const Buffer& buffer = found->second;
  if (!buffer.hold.valid()) return EINVAL;
  // Offsets are unique for the life of the node and 2 MiB apart, so they name
  // the buffer.
  args.share_handle[0] = kIpcMagic | buffer.hold.gpu;
  args.share_handle[1] = args.flags;
  args.share_handle[2] = static_cast<uint32_t>(buffer.hold.offset);
  args.share_handle[3] = static_cast<uint32_t>(buffer.hold.offset >> 32);
  return 0;
}

int Memory::ipc_import(abi::IpcImportArgs& args) {
  const uint32_t gpu = args.share_handle[0] & 0xffff;
  if ((args.share_handle[0] & 0xffff0000) != kIpcMagic || gpu >= store_.gpus()) return EINVAL;
  const uint64_t offset = static_cast<uint64_t>(args.share_handle[3]) << 32 | args.share_handle[2];
  Buffer buffer;
  buffer.hold = store_.share(gpu, offset);
  if (!buffer.hold.valid()) return EINVAL;
  buffer.gpu = gpu;
  buffer.flags = KFD_IOC_ALLOC_MEM_FLAGS_VRAM | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE;
  buffer.address = args.va_addr;
  buffer.bytes = (buffer.hold.bytes + kPage - 1) / kPage * kPage;
  buffer.imported = true;
  args.mmap_offset = buffer.hold.offset;
  args.flags = args.share_handle[1];
  std::lock_guard lock(mutex_);
  args.handle = add_locked(buffer);
  return 0;
}

}  // namespace xsim
