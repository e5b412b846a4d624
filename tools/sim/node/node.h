// SPDX-License-Identifier: Apache-2.0
//
// This process's view of the simulated node: everything behind /dev/kfd and
// the render nodes. Made at the first open of one of them, never destroyed
// (ROCr's threads use it until the very end of the process).
#pragma once

#include <cstdint>
#include <memory>

#include "../base/address_space.h"
#include "../base/options.h"
#include "events.h"
#include "memory.h"
#include "queues.h"
#include "store.h"
#include "svm.h"

namespace xsim {

class Node {
 public:
  // The node, made if need be; null (and one line in the log, once) if the
  // options are bad or the shared memory cannot be had.
  static Node* get();
  // The node if it has been made.
  static Node* current();

  // Descriptors to give out, or -1 with errno set.
  int open_kfd() const;
  int open_render(uint32_t gpu) const;
  bool is_kfd(int fd) const;

  // An ioctl on /dev/kfd. 0, or -1 with errno set.
  int kfd_ioctl(unsigned long request, void* argument);

  const NodeConfig& config() const { return options_.node; }
  Store& store() { return *store_; }
  Memory& memory() { return *memory_; }
  AddressSpace& space() { return space_; }
  Events& events() { return events_; }

 private:
  Node() = default;
  bool start(std::string& error);

  Options options_;
  AddressSpace space_;
  Events events_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Svm> svm_;
  std::unique_ptr<Queues> queues_;
  Device* device_ = nullptr;
  isa::Host host_;
  int kfd_file_ = -1;
  uint64_t kfd_inode_ = 0;

  friend struct KfdCalls;
  friend struct ForkGuard;
};

// True if `fd` is a /dev/kfd of a parent process, opened before fork(). KFD
// refuses every call on such a descriptor.
bool is_inherited_kfd(int fd);

// The options of this process, parsed once; null (after one line in the log)
// if they are bad.
const Options* process_options();

// The 100 MHz counter, as the device and the kernels read it.
uint64_t realtime_ticks();

}  // namespace xsim
