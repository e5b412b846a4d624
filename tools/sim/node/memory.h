// SPDX-License-Identifier: Apache-2.0
//
// KFD's memory calls: buffers, their mapping into the GPU's page table, and
// sharing between processes (dmabuf and AMD's older IPC handles).
//
// GPU and CPU addresses are equal, so mapping a buffer to the GPU also makes
// sure that this process can reach it at its GPU address.
//
// The processes' page table is one for all GPUs of the node: a buffer mapped
// to one GPU is reachable from the others as well (hardware has one each).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "../base/address_space.h"
#include "kfd_abi.h"
#include "store.h"

namespace xsim {

class Device;

class Memory {
 public:
  Memory(Store& store, AddressSpace& space) : store_(store), space_(space) {}
  void set_device(Device* device) { device_ = device; }

  // All return 0 or an errno value, as the ioctl of that name does.
  int alloc(kfd_ioctl_alloc_memory_of_gpu_args& args);
  int free(uint64_t handle);
  int map(kfd_ioctl_map_memory_to_gpu_args& args);
  int unmap(kfd_ioctl_unmap_memory_from_gpu_args& args);
  int export_dmabuf(abi::ExportDmabufArgs& args);
  int dmabuf_info(kfd_ioctl_get_dmabuf_info_args& args);
  int import_dmabuf(kfd_ioctl_import_dmabuf_args& args);
  int ipc_export(abi::IpcExportArgs& args);
  int ipc_import(abi::IpcImportArgs& args);

  // What a dmabuf descriptor of this node stands for.
  struct Dmabuf {
    uint32_t gpu = 0;
    uint32_t flags = 0;  // KFD_IOC_ALLOC_MEM_FLAGS_*
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };
  // A new descriptor, or -1 with errno set.
  int make_dmabuf(const Dmabuf& content) const;
  // False if `fd` is none of this node's.
  bool read_dmabuf(int fd, Dmabuf& content) const;

 private:
  struct Buffer {
    uint32_t gpu = 0;
    uint32_t flags = 0;
    uint64_t address = 0;  // 0: a handle without a place (virtual memory API)
    uint64_t bytes = 0;
    bool imported = false;
    uint32_t mapped_gpus = 0;  // bit mask
    Store::Hold hold;          // invalid for user memory and doorbells
  };
  static uint64_t mapped_bytes(const Buffer& buffer);
  uint64_t add_locked(const Buffer& buffer);
  int make_reachable(const Buffer& buffer) const;

  Store& store_;
  AddressSpace& space_;
  Device* device_ = nullptr;
  std::mutex mutex_;
  std::map<uint64_t, Buffer> buffers_;
  uint32_t next_handle_ = 1;
};

}  // namespace xsim
