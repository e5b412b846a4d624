// SPDX-License-Identifier: Apache-2.0
//
// KFD's queue calls: ids, doorbells and argument checks; the queues
// themselves are the device's.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "../base/address_space.h"
#include "../device/device.h"
#include "kfd_abi.h"

namespace xsim {

class Queues {
 public:
  // KFD_MAX_NUM_OF_QUEUES_PER_PROCESS, which also is the number of doorbells
  // in the two pages that ROCr maps for each GPU.
  static constexpr uint32_t kMaxQueues = 1024;
  static constexpr uint64_t kDoorbellBytes = 8192;  // for each GPU
  // Where they stand in the file behind /dev/kfd. KFD says the GPU far above bit
  // 32, and libhsakmt of ROCm 5.2 takes all below it for the place in the pages
  // as long as it has not mapped them.
  static constexpr uint64_t doorbell_pages(uint32_t gpu) { return (gpu + 1ull) << 32; }

  // `kfd_file`: the file behind /dev/kfd.
  Queues(int kfd_file, uint32_t gpus, const AddressSpace& space)
      : kfd_file_(kfd_file), gpus_(gpus), space_(space), doorbells_(gpus) {}
  void set_device(Device* device) { device_ = device; }

  // 0 or an errno value.
  int create(kfd_ioctl_create_queue_args& args);
  int update(const kfd_ioctl_update_queue_args& args);
  int destroy(uint32_t id);
  int set_cu_mask(const kfd_ioctl_set_cu_mask_args& args);
  int alloc_gws(kfd_ioctl_alloc_queue_gws_args& args);

 private:
  uint64_t* doorbell_locked(uint32_t gpu, uint32_t id);
  bool known(uint32_t id);
  void find_error_place(const kfd_ioctl_create_queue_args& args, QueueParams& params) const;

  const int kfd_file_;
  const uint32_t gpus_;
  const AddressSpace& space_;
  Device* device_ = nullptr;
  std::mutex mutex_;  // ids and doorbell pages; not held while the device works
  std::bitset<kMaxQueues> ids_;
  std::vector<uint64_t*> doorbells_;  // each GPU's pages; mapped at its first queue
};

}  // namespace xsim
