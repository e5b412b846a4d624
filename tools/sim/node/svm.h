// SPDX-License-Identifier: Apache-2.0
//
// Shared virtual memory: attributes of ranges of the process's own memory
// (AMDKFD_IOC_SVM). ROCr registers host memory and managed memory with it.
//
// What counts here is which ranges a GPU may touch (XNACK off: those given
// access); location, flags and granularity are kept and reported only, since
// memory does not move on this node.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "../base/address_space.h"
#include "kfd_abi.h"

namespace xsim {

class Svm {
 public:
  Svm(AddressSpace& space, uint32_t gpus) : space_(space), gpus_(gpus) {}
  // 0 or an errno value.
  int call(kfd_ioctl_svm_args& args);

 private:
  struct Attributes {
    uint32_t preferred = KFD_IOCTL_SVM_LOCATION_UNDEFINED;
    uint32_t prefetch = KFD_IOCTL_SVM_LOCATION_UNDEFINED;
    uint32_t flags = 0;
    uint32_t granularity = 9;  // 2 MiB, KFD's default
    uint32_t access = 0;       // GPU masks
    uint32_t in_place = 0;
    bool mapped() const { return (access | in_place) != 0; }
    bool operator==(const Attributes&) const = default;
  };
  struct Piece {
    uint64_t end = 0;
    Attributes attributes;
  };
  int set(const kfd_ioctl_svm_args& args);
  int get(kfd_ioctl_svm_args& args);
  void split_locked(uint64_t at);
  bool check(const kfd_ioctl_svm_args& args) const;

  AddressSpace& space_;
  const uint32_t gpus_;
  std::mutex mutex_;
  std::map<uint64_t, Piece> pieces_;  // by begin; disjoint
};

}  // namespace xsim
