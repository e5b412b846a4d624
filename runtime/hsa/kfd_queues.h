// SPDX-License-Identifier: Apache-2.0
//
// What KFD knows of this process's queues, learnt by watching ioctl(2).
// libhsakmt is part of libhsa-runtime64 since ROCm 6 and calls libc's ioctl
// through the PLT, so the preloaded library's ioctl() sees every call.
#pragma once

#include <cstdint>
#include <mutex>

struct kfd_ioctl_create_queue_args;

namespace xsched {

// A queue as CREATE_QUEUE made it. Lives until DESTROY_QUEUE; the address is
// stable meanwhile.
struct KfdQueue;

// The queue whose write index stands at this address, or null. ROCr passes
// &amd_queue_t::write_dispatch_id.
KfdQueue* find_kfd_queue(const void* write_index_address) noexcept;

// The last compute queue that this thread created since reset_last_created();
// for queues whose HSA handle is a tool's.
void reset_last_created() noexcept;
KfdQueue* last_created() noexcept;

// True if KFD can take the queue off the GPU with waves running: an AQL compute
// queue that was created with an area to save them in (CWSR). Without one, KFD
// drains the waves, or resets the queue that will not drain.
bool can_save(const KfdQueue& queue) noexcept;

uint32_t kfd_queue_id(const KfdQueue& queue) noexcept;
uint32_t kfd_gpu_id(const KfdQueue& queue) noexcept;
const uint64_t* kfd_write_index(const KfdQueue& queue) noexcept;
const uint64_t* kfd_read_index(const KfdQueue& queue) noexcept;

// Percent 0 (true) or what ROCr last asked for (false), by UPDATE_QUEUE with
// the ring of creation. While a hold is on, ROCr's own percent writes
// (SetPriority, scratch) are remembered and not passed on. 0 or errno.
int hold_kfd_queue(KfdQueue& queue, bool on) noexcept;

// What KFD was told: at creation, and of percentage and priority what ROCr
// last asked for. Caller holds kfd_mutex().
struct KfdQueueFacts {
  uint32_t queue_id;
  uint32_t gpu_id;
  uint64_t ring_base;
  uint32_t ring_size;  // bytes
  uint32_t type;       // KFD_IOC_QUEUE_TYPE_*
  uint32_t percentage;
  uint32_t priority;
};
KfdQueueFacts kfd_facts(const KfdQueue& queue) noexcept;

// Who carries out what ROCr writes of percentage and priority, instead of KFD:
// while somebody else may suspend the queue, a write of our own would undo it.
// Called with kfd_mutex() held.
class KfdDelegate {
 public:
  virtual ~KfdDelegate() = default;
  static constexpr int kPassOn = -1;  // KFD shall have it after all
  virtual int update(uint32_t percentage, uint32_t priority) noexcept = 0;  // errno, or kPassOn
  virtual void destroying() noexcept = 0;                                   // before DESTROY_QUEUE
};
// Null: KFD again. Caller holds kfd_mutex().
void set_kfd_delegate(KfdQueue& queue, KfdDelegate* delegate) noexcept;
KfdDelegate* kfd_delegate(const KfdQueue& queue) noexcept;
// Held across every call that suspends or changes the queue, so that the
// order of the kernel's view is ours.
std::mutex& kfd_mutex(KfdQueue& queue) noexcept;

// Waits until one of `count` KFD events fires, at most `timeout_ms`. False if
// the kernel refused to wait (an event is gone), which takes no time. ROCr's
// own blocked wait spins for 200 us first; this does not.
bool wait_kfd_events(const uint32_t* event_ids, uint32_t count, uint32_t timeout_ms) noexcept;
// Fires one, from the CPU.
void set_kfd_event(uint32_t event_id) noexcept;

// What hooked_ioctl() does when KFD has made a queue, and has destroyed it.
KfdQueue* remember_kfd_queue(int fd, const kfd_ioctl_create_queue_args& created);
void forget_kfd_queue(uint32_t queue_id) noexcept;

// Which of KFD's calls that we look at a request is, from a thunk of any age.
enum class KfdCall { kOther, kCreateQueue, kUpdateQueue, kDestroyQueue };
KfdCall kfd_call(unsigned long request) noexcept;

// The body of the interposed ioctl(2) (exported by shim/).
int hooked_ioctl(int fd, unsigned long request, void* argument);

}  // namespace xsched
