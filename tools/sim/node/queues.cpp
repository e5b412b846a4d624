// SPDX-License-Identifier: Apache-2.0
//
// See queues.h. Which error a bad call gives follows kfd_chardev.c
// (set_queue_properties_from_user and kfd_ioctl_update_queue).

#include "queues.h"

#include <sys/mman.h>

#include <cerrno>

#include "../base/log.h"
#include "gpu.h"

namespace xsim {

namespace {

constexpr uint32_t kMaxPercent = 100;  // KFD_MAX_QUEUE_PERCENTAGE
constexpr uint32_t kMaxPriority = 15;  // KFD_MAX_QUEUE_PRIORITY
// The percentage field carries the PM4 target die in its second byte.
constexpr uint32_t kPercentMask = 0xff;
constexpr uint32_t kSdmaByEngineId = 4;  // KFD_IOC_QUEUE_TYPE_SDMA_BY_ENG_ID, minor 17

bool is_power_of_two(uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

template <typename T>
T* pointer(uint64_t address) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

}  // namespace

uint64_t* Queues::doorbell_locked(uint32_t gpu, uint32_t id) {
  if (!doorbells_[gpu]) {
    void* pages = mmap(nullptr, kDoorbellBytes, PROT_READ | PROT_WRITE, MAP_SHARED, kfd_file_,
                       static_cast<off_t>(doorbell_pages(gpu)));
    if (pages == MAP_FAILED) return nullptr;
    doorbells_[gpu] = static_cast<uint64_t*>(pages);
  }
  return doorbells_[gpu] + id;
}

bool Queues::known(uint32_t id) {
  std::lock_guard lock(mutex_);
  return id < kMaxQueues && ids_[id];
}

// Where ROCr wants a queue's exceptions, if it said so. What it said stands in
// memory that is checked first: a bad address is the queue's misfortune, not
// this process's.
void Queues::find_error_place(const kfd_ioctl_create_queue_args& args, QueueParams& params) const {
  using Header = abi::SaveAreaHeader;
  Range range;
  if (args.ctx_save_restore_size < sizeof(Header)) return;
  if (!space_.lookup(args.ctx_save_restore_address, range) ||
      !range.contains(args.ctx_save_restore_address, sizeof(Header))) {
    return;
  }
  const auto* header = pointer<const Header>(args.ctx_save_restore_address);
  const uint64_t payload = header->error_payload;
  if (payload == 0 || header->error_event == 0 || payload % sizeof(uint64_t) != 0) return;
  if (!space_.lookup(payload, range) || !range.contains(payload, sizeof(uint64_t))) return;
  params.error_reason = pointer<uint64_t>(payload);
  params.error_event = header->error_event;
}

int Queues::create(kfd_ioctl_create_queue_args& args) {
  const int gpu = gpu_index(args.gpu_id, gpus_);
  if (gpu < 0) return EINVAL;
  if ((args.queue_percentage & kPercentMask) > kMaxPercent || args.queue_priority > kMaxPriority) {
    return EINVAL;
  }
  // A null ring needs size 0; KFD takes that, but nothing could run on it.
  if (!is_power_of_two(args.ring_size)) return EINVAL;
  if (args.ring_base_address == 0 || args.write_pointer_address == 0 ||
      args.read_pointer_address == 0) {
    return EFAULT;
  }
  QueueParams params;
  switch (args.queue_type) {
    case KFD_IOC_QUEUE_TYPE_COMPUTE_AQL:
      params.type = QueueType::kComputeAql;
      break;
    case KFD_IOC_QUEUE_TYPE_SDMA:
    case kSdmaByEngineId:
      params.type = QueueType::kSdma;
      break;
    case KFD_IOC_QUEUE_TYPE_SDMA_XGMI:
      params.type = QueueType::kSdmaXgmi;
      break;
    default:
      // PM4 compute queues: nothing in ROCr or HIP makes one.
      return EINVAL;
  }
  params.gpu = static_cast<uint32_t>(gpu);
  params.ring = pointer<uint8_t>(args.ring_base_address);
  params.ring_bytes = args.ring_size;
  params.read_index = pointer<uint64_t>(args.read_pointer_address);
  params.write_index = pointer<uint64_t>(args.write_pointer_address);
  params.percent = args.queue_percentage & kPercentMask;
  params.priority = args.queue_priority;
  find_error_place(args, params);
  {
    std::lock_guard lock(mutex_);
    while (params.id < kMaxQueues && ids_[params.id]) ++params.id;
    if (params.id == kMaxQueues) return ENOMEM;
    params.doorbell = doorbell_locked(params.gpu, params.id);
    if (!params.doorbell) return ENOMEM;
    ids_[params.id] = true;
  }
  const uint64_t idle = params.type == QueueType::kComputeAql ? ~0ull : 0;
  __atomic_store_n(params.doorbell, idle, __ATOMIC_RELEASE);
  if (const int error = device_->create_queue(params)) {
    std::lock_guard lock(mutex_);
    ids_[params.id] = false;
    return error;
  }
  args.queue_id = params.id;
  args.doorbell_offset = doorbell_pages(params.gpu) + params.id * sizeof(uint64_t);
  log(LogLevel::kInfo, "queue %u on gpu %u: type %u, %llu bytes, priority %u, percent %u",
      params.id, params.gpu, args.queue_type, static_cast<unsigned long long>(params.ring_bytes),
      params.priority, params.percent);
  return 0;
}

int Queues::update(const kfd_ioctl_update_queue_args& args) {
  const uint32_t percent = args.queue_percentage & kPercentMask;
  if (percent > kMaxPercent || args.queue_priority > kMaxPriority) return EINVAL;
  if (args.ring_size != 0 && !is_power_of_two(args.ring_size)) return EINVAL;
  if (!known(args.queue_id)) return EINVAL;
  log(LogLevel::kCall, "queue %u: percent %u, priority %u", args.queue_id, percent,
      args.queue_priority);
  const int error = device_->update_queue(args.queue_id, percent, args.queue_priority,
                                          args.ring_base_address, args.ring_size);
  return error < 0 ? -error : error;
}

int Queues::destroy(uint32_t id) {
  if (!known(id)) return EINVAL;
  const int error = device_->destroy_queue(id);
  if (error != 0) return error < 0 ? -error : error;
  std::lock_guard lock(mutex_);
  ids_[id] = false;  // only now: the doorbell was the device's until here
  return 0;
}

int Queues::set_cu_mask(const kfd_ioctl_set_cu_mask_args& args) {
  if (args.num_cu_mask == 0 || args.num_cu_mask % 32 != 0) return EINVAL;
  if (args.cu_mask_ptr == 0) return EFAULT;
  if (!known(args.queue_id)) return EINVAL;
  log(LogLevel::kInfo, "queue %u: a compute-unit mask is accepted but not modelled", args.queue_id);
  return 0;
}

int Queues::alloc_gws(kfd_ioctl_alloc_queue_gws_args& args) {
  if (!known(args.queue_id)) return EINVAL;
  if (const int error = device_->make_cooperative(args.queue_id)) return error;
  args.first_gws = 0;  // KFD does not hand out the number either
  return 0;
}

}  // namespace xsim
