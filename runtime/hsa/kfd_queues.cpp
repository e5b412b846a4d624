// SPDX-License-Identifier: Apache-2.0
//
// See kfd_queues.h. The interposed ioctl() passes everything but KFD's queue
// calls through untouched, and looks at those only after (create) or before
// (update, destroy) the kernel has.
#include "kfd_queues.h"

#include <dlfcn.h>
#include <linux/kfd_ioctl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace xsched {

struct KfdQueue {
  int fd = -1;
  kfd_ioctl_create_queue_args created{};
  // The merge of two wills; guarded by `mutex`, which is held across the
  // ioctl so that the order of the kernel's view is ours.
  std::mutex mutex;
  uint32_t wanted_percent = 100;
  uint32_t wanted_priority = 7;
  bool held = false;
  KfdDelegate* delegate = nullptr;
};

namespace {

using IoctlFn = int (*)(int, unsigned long, void*);

IoctlFn next_ioctl() noexcept {
  static const auto next = reinterpret_cast<IoctlFn>(dlsym(RTLD_NEXT, "ioctl"));
  return next;
}

// Leaked on purpose: ROCr's threads call ioctl after static destructors ran.
struct Registry {
  std::mutex mutex;
  std::map<uint32_t, std::unique_ptr<KfdQueue>> queues;  // by queue id
  int kfd_fd = -1;
};
Registry& registry() noexcept {
  static auto* r = new Registry;
  return *r;
}

thread_local KfdQueue* t_last_created = nullptr;

int write_percent(KfdQueue& queue, uint32_t percent) noexcept {
  kfd_ioctl_update_queue_args args{};
  // Always the ring of creation: from 6.12 KFD refuses any other.
  args.ring_base_address = queue.created.ring_base_address;
  args.ring_size = queue.created.ring_size;
  args.queue_id = queue.created.queue_id;
  args.queue_percentage = percent;
  args.queue_priority = queue.wanted_priority;
  const int saved = errno;
  const int result = next_ioctl()(queue.fd, AMDKFD_IOC_UPDATE_QUEUE, &args) == 0 ? 0 : errno;
  errno = saved;
  return result;
}

KfdQueue* by_id(uint32_t id) noexcept {
  Registry& r = registry();
  const std::lock_guard<std::mutex> lock(r.mutex);
  const auto found = r.queues.find(id);
  return found == r.queues.end() ? nullptr : found->second.get();
}

// ROCr's own write: remember what it wants, and keep our hold.
int update_queue(int fd, unsigned long request, kfd_ioctl_update_queue_args* args) {
  KfdQueue* queue = by_id(args->queue_id);
  if (queue == nullptr) return next_ioctl()(fd, request, args);
  const std::lock_guard<std::mutex> lock(queue->mutex);
  queue->wanted_percent = args->queue_percentage;
  queue->wanted_priority = args->queue_priority;
  if (queue->delegate != nullptr) {
    const int result = queue->delegate->update(args->queue_percentage, args->queue_priority);
    if (result == 0) return 0;
    if (result != KfdDelegate::kPassOn) {
      errno = result;
      return -1;
    }
  }
  if (!queue->held) return next_ioctl()(fd, request, args);
  kfd_ioctl_update_queue_args merged = *args;
  merged.queue_percentage = 0;
  return next_ioctl()(fd, AMDKFD_IOC_UPDATE_QUEUE, &merged);
}

std::unique_ptr<KfdQueue> take(uint32_t id) noexcept {
  Registry& r = registry();
  const std::lock_guard<std::mutex> lock(r.mutex);
  const auto found = r.queues.find(id);
  if (found == r.queues.end()) return nullptr;
  std::unique_ptr<KfdQueue> queue = std::move(found->second);
  r.queues.erase(found);
  return queue;
}

// Before the kernel's DESTROY_QUEUE: who may suspend it must not touch it any more.
void withdraw_delegate(KfdQueue& queue) noexcept {
  const std::lock_guard<std::mutex> lock(queue.mutex);
  if (KfdDelegate* const delegate = std::exchange(queue.delegate, nullptr)) delegate->destroying();
}

// Forgotten before the kernel's call, because the id may be given to another
// thread's new queue as soon as that returns; remembered again if it fails.
int destroy_queue(int fd, unsigned long request, void* argument) {
  const uint32_t id = static_cast<kfd_ioctl_destroy_queue_args*>(argument)->queue_id;
  Registry& r = registry();
  std::unique_ptr<KfdQueue> queue = take(id);
  if (queue != nullptr) withdraw_delegate(*queue);
  const int result = next_ioctl()(fd, request, argument);
  if (queue != nullptr && result != 0) {
    const std::lock_guard<std::mutex> lock(r.mutex);
    r.queues[id] = std::move(queue);
  } else if (queue.get() == t_last_created) {
    t_last_created = nullptr;
  }
  return result;
}

int kfd_fd() noexcept {
  Registry& r = registry();
  const std::lock_guard<std::mutex> lock(r.mutex);
  return r.kfd_fd;
}

}  // namespace

KfdQueue* find_kfd_queue(const void* write_index_address) noexcept {
  const auto address = reinterpret_cast<uint64_t>(write_index_address);
  Registry& r = registry();
  const std::lock_guard<std::mutex> lock(r.mutex);
  for (const auto& [id, queue] : r.queues) {
    if (queue->created.write_pointer_address == address) return queue.get();
  }
  return nullptr;
}

void reset_last_created() noexcept {
  t_last_created = nullptr;
}
KfdQueue* last_created() noexcept {
  return t_last_created;
}

KfdQueue* remember_kfd_queue(int fd, const kfd_ioctl_create_queue_args& created) {
  auto queue = std::make_unique<KfdQueue>();
  queue->fd = fd;
  queue->created = created;
  queue->wanted_percent = created.queue_percentage;
  queue->wanted_priority = created.queue_priority;
  KfdQueue* const remembered = queue.get();
  Registry& r = registry();
  const std::lock_guard<std::mutex> lock(r.mutex);
  r.kfd_fd = fd;
  if (created.queue_type == KFD_IOC_QUEUE_TYPE_COMPUTE_AQL) t_last_created = remembered;
  r.queues[created.queue_id] = std::move(queue);
  return remembered;
}

void forget_kfd_queue(uint32_t queue_id) noexcept {
  const std::unique_ptr<KfdQueue> queue = take(queue_id);
  if (queue != nullptr) withdraw_delegate(*queue);
  if (queue != nullptr && queue.get() == t_last_created) t_last_created = nullptr;
}

bool can_save(const KfdQueue& queue) noexcept {
  return queue.created.queue_type == KFD_IOC_QUEUE_TYPE_COMPUTE_AQL &&
         queue.created.ctx_save_restore_address != 0 && queue.created.ctx_save_restore_size != 0;
}

uint32_t kfd_queue_id(const KfdQueue& queue) noexcept {
  return queue.created.queue_id;
}
uint32_t kfd_gpu_id(const KfdQueue& queue) noexcept {
  return queue.created.gpu_id;
}
const uint64_t* kfd_write_index(const KfdQueue& queue) noexcept {
  return reinterpret_cast<const uint64_t*>(queue.created.write_pointer_address);
}
const uint64_t* kfd_read_index(const KfdQueue& queue) noexcept {
  return reinterpret_cast<const uint64_t*>(queue.created.read_pointer_address);
}

int hold_kfd_queue(KfdQueue& queue, bool on) noexcept {
  const std::lock_guard<std::mutex> lock(queue.mutex);
  if (queue.held == on) return 0;
  const int result = write_percent(queue, on ? 0 : queue.wanted_percent);
  // During a GPU reset the flags have flipped although the call fails (EIO):
  // treat it as done (kmod.md).
  if (result == 0 || result == EIO) queue.held = on;
  return result == EIO ? 0 : result;
}

KfdQueueFacts kfd_facts(const KfdQueue& queue) noexcept {
  return {queue.created.queue_id,  queue.created.gpu_id,     queue.created.ring_base_address,
          queue.created.ring_size, queue.created.queue_type, queue.wanted_percent,
          queue.wanted_priority};
}
void set_kfd_delegate(KfdQueue& queue, KfdDelegate* delegate) noexcept {
  queue.delegate = delegate;
}
KfdDelegate* kfd_delegate(const KfdQueue& queue) noexcept {
  return queue.delegate;
}
std::mutex& kfd_mutex(KfdQueue& queue) noexcept {
  return queue.mutex;
}

bool wait_kfd_events(const uint32_t* event_ids, uint32_t count, uint32_t timeout_ms) noexcept {
  constexpr uint32_t kMost = 64;
  kfd_event_data events[kMost] = {};
  if (count > kMost) count = kMost;
  for (uint32_t i = 0; i < count; ++i) events[i].event_id = event_ids[i];
  kfd_ioctl_wait_events_args args{};
  args.events_ptr = reinterpret_cast<uint64_t>(events);
  args.num_events = count;
  args.timeout = timeout_ms;
  const int fd = kfd_fd();
  if (fd < 0) return false;
  return next_ioctl()(fd, AMDKFD_IOC_WAIT_EVENTS, &args) == 0 &&
         args.wait_result != KFD_IOC_WAIT_RESULT_FAIL;
}

void set_kfd_event(uint32_t event_id) noexcept {
  kfd_ioctl_set_event_args args{};
  args.event_id = event_id;
  const int fd = kfd_fd();
  const int saved = errno;
  if (fd >= 0) next_ioctl()(fd, AMDKFD_IOC_SET_EVENT, &args);
  errno = saved;
}

KfdCall kfd_call(unsigned long request) noexcept {
  // Field by field and not by the whole request: it has the structure's size
  // in it, and CREATE_QUEUE's grew (88 bytes in ROCm 5.7, 96 in 6.4).
  if (_IOC_TYPE(request) != AMDKFD_IOCTL_BASE) return KfdCall::kOther;
  constexpr size_t kCreateBytes = offsetof(kfd_ioctl_create_queue_args, ctl_stack_size) +
                                  sizeof(kfd_ioctl_create_queue_args::ctl_stack_size);
  switch (_IOC_NR(request)) {
    case _IOC_NR(AMDKFD_IOC_CREATE_QUEUE):
      return _IOC_SIZE(request) >= kCreateBytes ? KfdCall::kCreateQueue : KfdCall::kOther;
    case _IOC_NR(AMDKFD_IOC_UPDATE_QUEUE):
      return _IOC_SIZE(request) >= sizeof(kfd_ioctl_update_queue_args) ? KfdCall::kUpdateQueue
                                                                       : KfdCall::kOther;
    case _IOC_NR(AMDKFD_IOC_DESTROY_QUEUE):
      return _IOC_SIZE(request) >= sizeof(kfd_ioctl_destroy_queue_args) ? KfdCall::kDestroyQueue
                                                                        : KfdCall::kOther;
    default:
      return KfdCall::kOther;
  }
}

// The interposer's body; the exported ioctl() is in shim/, because only the
// preloaded object itself comes before libc.
int hooked_ioctl(int fd, unsigned long request, void* argument) {
  if (_IOC_TYPE(request) != AMDKFD_IOCTL_BASE || argument == nullptr) {
    return next_ioctl()(fd, request, argument);
  }
  switch (kfd_call(request)) {
    case KfdCall::kCreateQueue: {
      const int result = next_ioctl()(fd, request, argument);
      if (result == 0) {
        kfd_ioctl_create_queue_args created{};
        std::memcpy(&created, argument, std::min<size_t>(_IOC_SIZE(request), sizeof created));
        remember_kfd_queue(fd, created);
      }
      return result;
    }
    case KfdCall::kUpdateQueue:
      return update_queue(fd, request, static_cast<kfd_ioctl_update_queue_args*>(argument));
    case KfdCall::kDestroyQueue:
      return destroy_queue(fd, request, argument);
    case KfdCall::kOther:
      break;
  }
  return next_ioctl()(fd, request, argument);
}

}  // namespace xsched
