// SPDX-License-Identifier: Apache-2.0
//
// See kmod_engine.h.
#include "kmod_engine.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../base/clock.h"
#include "../base/log.h"

namespace xsched {
namespace {

constexpr uint64_t kRenewalsALease = 2;
// ROCr's own change of a queue may find the node's rate limit; then it comes
// with the next resume.
constexpr int kRefreshTries = 10;
constexpr uint32_t kLongestPauseUs = 5000;

ModuleFile open_device(std::string& why) {
  return ModuleFile::open(false, why);
}

KmodEngine::Opener g_opener = open_device;

void pause_us(uint32_t us) {
  const timespec pause{0, static_cast<long>(std::min(us, kLongestPauseUs)) * 1000};
  nanosleep(&pause, nullptr);
}

std::string reason_of_register(int error) {
  switch (error) {
    case ENOSPC:
      return "the xsched module takes no more queues of this process: raise its parameter "
             "max_queues";
    case EEXIST:
      return "another file of this process has registered the queue with the xsched module";
    default:
      return std::string("the xsched module did not take the queue: ") + strerror(error);
  }
}

}  // namespace

// One registered queue; guarded by the kfd_mutex() of its KfdQueue. ROCr's own
// percentage and priority go through it.
struct KmodEngine::Queue final : KfdDelegate {
  Queue(KmodEngine& engine_in, KfdQueue& kfd_in) : engine(engine_in), kfd(kfd_in) {}

  int update(uint32_t percentage, uint32_t priority) noexcept override {
    // The upper bits are not the percentage's (kfd_ioctl.h: pm4_target_xcc).
    percentage &= 0xff;
    if (percentage == 0) {  // ROCr stops it: a hold beside the XQueue's
      stopped = true;
      const int error = engine.hold(*this);
      return error == 0 || error == EAGAIN ? error : kPassOn;
    }
    registered.percentage = std::min(percentage, 100u);
    registered.priority = std::min(priority, 15u);
    if (engine.file_.replace_queue(registered) != 0) return kPassOn;
    stopped = false;
    return engine.refresh(*this);
  }
  void destroying() noexcept override {
    engine.remove(*this);
    delete this;
  }

  KmodEngine& engine;
  KfdQueue& kfd;
  xsched_register_queue registered{};
  bool wanted = false;   // suspended by the XQueue
  bool stopped = false;  // ... by ROCr
  bool held = false;     // in the module, by our file
};

KmodEngine::Queue* KmodEngine::find(KfdQueue& queue) const noexcept {
  return static_cast<Queue*>(kfd_delegate(queue));
}

bool KmodEngine::open(std::string& why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (file_) return true;
  // Tried again with every queue: the module may come later.
  file_ = opener_(why);
  if (!file_) return false;
  log(LogLevel::kInfo, "engine kmod: /dev/xsched, %s", file_.description().c_str());
  return true;
}

// kfd_mutex() held. 0, or an errno value and why.
int KmodEngine::enter(KfdQueue& queue, std::string& why) {
  if (find(queue) != nullptr) return 0;
  const KfdQueueFacts facts = kfd_facts(queue);
  auto entry = std::make_unique<Queue>(*this, queue);
  xsched_register_queue& r = entry->registered;
  r.queue_id = facts.queue_id;
  r.gpu_id = facts.gpu_id;
  r.ring_base = facts.ring_base;
  r.ring_size = facts.ring_size;
  r.type = facts.type;
  r.priority = std::min(facts.priority, 15u);
  r.percentage = facts.percentage & 0xff;
  if (r.percentage == 0) {
    why = "the queue is stopped by its owner (percentage 0)";
    return EBUSY;
  }
  if (const int error = file_.register_queue(r)) {
    why = reason_of_register(error);
    return error;
  }
  set_kfd_delegate(queue, entry.release());
  return 0;
}

uint32_t KmodEngine::reaches(KfdQueue* queue, std::string& why) {
  if (queue == nullptr) {
    why = "engine kmod saw no CREATE_QUEUE for this queue (is the shim preloaded?)";
    return 2;
  }
  if (!can_save(*queue)) {
    why = "kfd queue without an area to save running waves in (no CWSR)";
    return 2;
  }
  if (!open(why)) return 2;
  const std::lock_guard<std::mutex> lock(kfd_mutex(*queue));
  return enter(*queue, why) == 0 ? 3 : 2;
}

// --- holds; kfd_mutex() of the queue is held --------------------------------

int KmodEngine::hold(Queue& queue) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (queue.held) return 0;
  xsched_item item{};
  item.handle = queue.registered.handle;
  uint32_t retry_us = 0;
  const int error = file_.suspend({&item, 1}, retry_us);
  if (error == EAGAIN)
    retry_ns_.store(std::max(retry_us, 100u) * uint64_t{1000}, std::memory_order_relaxed);
  if (error != 0) return error;
  if (item.status != 0) return -item.status;
  queue.held = true;
  held_.push_back(item.handle);
  if (held_.size() == 1) {
    renew_at_ns_ = now_ns() + renew_period_ns();
    if (wake_ != nullptr) wake_(wake_context_);
  }
  return 0;
}

// The hold is gone whatever is returned; what fails to run again is the
// module's to retry.
int KmodEngine::let_go(Queue& queue) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!queue.held) return 0;
  queue.held = false;
  std::erase(held_, queue.registered.handle);
  xsched_item item{};
  item.handle = queue.registered.handle;
  const int error = file_.resume({&item, 1});
  if (error != 0) return error;
  // ENOENT: the lease had ended, so it runs already.
  if (item.status != 0 && item.status != -ENOENT) {
    log(LogLevel::kWarn, "the xsched module could not resume queue %u yet (%s): it tries again",
        queue.registered.queue_id, strerror(-item.status));
  }
  return 0;
}

// Has the module write what was registered anew: it does so when the queue
// resumes. A write of our own could undo a suspend that comes meanwhile.
int KmodEngine::refresh(Queue& queue) noexcept {
  if (queue.wanted) return 0;
  for (int i = 0; i < kRefreshTries; ++i) {
    const int error = hold(queue);
    if (error != EAGAIN) break;
    pause_us(static_cast<uint32_t>(retry_ns() / 1000));
  }
  return let_go(queue);
}

void KmodEngine::remove(Queue& queue) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase(held_, queue.registered.handle);
  // Resumes it first, whoever held it.
  file_.unregister_queue(queue.registered.handle);
}

int KmodEngine::suspend(KfdQueue& kfd) noexcept {
  const std::lock_guard<std::mutex> lock(kfd_mutex(kfd));
  Queue* queue = find(kfd);
  if (queue == nullptr) {  // withdrawn since
    try {
      std::string why;
      if (const int error = enter(kfd, why)) return error;
    } catch (...) {
      return ENOMEM;
    }
    queue = find(kfd);
  }
  const int error = hold(*queue);
  queue->wanted = error == 0;
  return error;
}

int KmodEngine::resume(KfdQueue& kfd) noexcept {
  const std::lock_guard<std::mutex> lock(kfd_mutex(kfd));
  Queue* queue = find(kfd);
  if (queue == nullptr) return 0;
  queue->wanted = false;
  return queue->stopped ? 0 : let_go(*queue);
}

uint64_t KmodEngine::handle(KfdQueue& kfd) const noexcept {
  const std::lock_guard<std::mutex> lock(kfd_mutex(kfd));
  const Queue* queue = find(kfd);
  return queue == nullptr ? 0 : queue->registered.handle;
}

void KmodEngine::withdraw(KfdQueue& kfd) noexcept {
  const std::lock_guard<std::mutex> lock(kfd_mutex(kfd));
  Queue* const queue = find(kfd);
  if (queue == nullptr) return;
  set_kfd_delegate(kfd, nullptr);
  queue->destroying();
}

// --- leases -------------------------------------------------------------------

void KmodEngine::set_wake(void (*wake)(void*), void* context) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  wake_ = wake;
  wake_context_ = context;
}

uint64_t KmodEngine::renew_period_ns() const noexcept {
  return uint64_t{file_.lease_ms()} * 1'000'000 / kRenewalsALease;
}

uint64_t KmodEngine::upkeep(uint64_t now) noexcept {
  // A holder that is in the module now has a fresh lease.
  const std::unique_lock<std::mutex> lock(mutex_);
  if (held_.empty()) return 0;
  // Called a little early, since the agent looks after its daemon's lease, too: then
  // both from now on at one wake-up, which costs more than the renewal.
  if (now + renew_period_ns() / 4 < renew_at_ns_) return renew_at_ns_;
  renew_at_ns_ = now + renew_period_ns();
  uint32_t renewed = 0;
  const int error = file_.renew(renewed);
  if (error == 0 && renewed >= held_.size()) return renew_at_ns_;
  // This process was stopped, or slow, for a lease: its queues run. Again.
  std::array<xsched_item, XSCHED_MAX_BATCH> items;
  for (size_t done = 0; done < held_.size(); done += items.size()) {
    const size_t count = std::min(items.size(), held_.size() - done);
    for (size_t i = 0; i < count; ++i) {
      items[i] = {};
      items[i].handle = held_[done + i];
    }
    uint32_t retry_us = 0;
    const int again = file_.suspend({items.data(), count}, retry_us);
    if (again == EAGAIN) renew_at_ns_ = now + std::max(retry_us, 100u) * uint64_t{1000};
    if (again != 0) break;
  }
  return renew_at_ns_;
}

KmodEngine& kmod_engine() {
  static auto* engine = new KmodEngine([](std::string& why) { return g_opener(why); });
  return *engine;
}

void set_module_opener(KmodEngine::Opener opener) noexcept {
  g_opener = opener;
}

}  // namespace xsched
