// SPDX-License-Identifier: Apache-2.0
//
// The node's memory: one file for each GPU (its VRAM and the system memory
// that KFD allocates for it), shared by all processes of the node.
//
// The files are memfds, so that nothing is left behind when the last process
// dies, however it dies, and no size limit of /dev/shm applies. A process
// finds them through /proc/PID/fd of any living process of the node; a small
// registry file in /dev/shm says which.
//
// A buffer is (GPU, offset). Offsets are never used again, so a stale one
// cannot reach another buffer; its pages go back when its last holder
// releases it or is found dead.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace xsim {

class Store {
 public:
  static constexpr uint32_t kMaxGpus = 8;

  // Null and one line in `error` on failure.
  static std::unique_ptr<Store> open(const std::string& node_name, uint32_t gpus,
                                     std::string& error);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // This process's hold on a buffer; invalid if `slot` is negative.
  struct Hold {
    int32_t slot = -1;
    uint32_t gpu = 0;
    uint64_t offset = 0;
    uint64_t bytes = 0;
    bool valid() const { return slot >= 0; }
  };

  // An invalid hold if the table of buffers is full.
  Hold allocate(uint32_t gpu, uint64_t bytes);
  // One more hold on an existing buffer (of any process of the node); invalid
  // if there is no such buffer any more.
  Hold share(uint32_t gpu, uint64_t offset);
  void release(const Hold& hold);

  // The file behind a GPU; what render nodes give out is a duplicate of it.
  int fd(uint32_t gpu) const { return gpu_fds_[gpu]; }
  uint32_t gpus() const { return gpus_; }
  uint64_t inode(uint32_t gpu) const { return gpu_inodes_[gpu]; }
  // Which GPU a descriptor's file belongs to, or -1.
  int gpu_of(int fd) const;

 private:
  struct Table;
  struct Registry;
  Store() = default;
  bool create(std::string& error);
  bool join(const Registry& registry, std::string& error);
  bool map_table(std::string& error);
  void drop_files();
  class Lock;
  void reap_locked();
  void free_slot_locked(int32_t slot);

  uint32_t gpus_ = 0;
  uint64_t own_start_ = 0;  // of this process; a forked child opens its own store
  int table_fd_ = -1;
  int gpu_fds_[kMaxGpus] = {-1, -1, -1, -1, -1, -1, -1, -1};
  uint64_t gpu_inodes_[kMaxGpus] = {};
  Table* table_ = nullptr;
};

// The registry file of a node, for --remove.
std::string store_registry_path(const std::string& node_name);

}  // namespace xsim
