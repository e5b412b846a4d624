// SPDX-License-Identifier: Apache-2.0
//
// Engine kmod: this process's hardware queues through /dev/xsched. Registering
// a queue lets a scheduler with the control role (xschedd) suspend it without
// this process's help; what this process suspends itself goes through the same
// file, so that several holds add up in the module and nobody undoes another's.
//
// One file a process, opened with the first queue that needs it. A forked child
// closes it. Lock order: kfd_mutex() of a queue, then `mutex_`.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine.h"
#include "module_file.h"

namespace xsched {

class KmodEngine final : public Engine {
 public:
  using Opener = ModuleFile (*)(std::string& why);
  explicit KmodEngine(Opener opener) : opener_(opener) {}

  EngineKind kind() const noexcept override { return EngineKind::kKmod; }
  uint32_t reaches(KfdQueue* queue, std::string& why) override;  // registers it
  int suspend(KfdQueue& queue) noexcept override;
  int resume(KfdQueue& queue) noexcept override;
  uint64_t retry_ns() const noexcept override { return retry_ns_.load(std::memory_order_relaxed); }
  uint64_t handle(KfdQueue& queue) const noexcept override;
  void withdraw(KfdQueue& queue) noexcept override;

  // `wake` is called when a first hold has a lease that upkeep() must renew.
  void set_wake(void (*wake)(void* context), void* context) noexcept;
  // Renews the leases of what this process holds, when that is due or soon. Returns
  // when to call it again, 0 for never.
  uint64_t upkeep(uint64_t now_ns) noexcept;
  // Nothing here is touched any more; async-signal-safe.
  void forget_after_fork() noexcept { file_.close_after_fork(); }

 private:
  struct Queue;
  Queue* find(KfdQueue& queue) const noexcept;
  bool open(std::string& why);
  int enter(KfdQueue& queue, std::string& why);
  int hold(Queue& queue) noexcept;
  int let_go(Queue& queue) noexcept;
  int refresh(Queue& queue) noexcept;
  void remove(Queue& queue) noexcept;
  uint64_t renew_period_ns() const noexcept;

  const Opener opener_;
  std::atomic<uint64_t> retry_ns_{0};

  mutable std::mutex mutex_;  // guards the following; held across SUSPEND and RESUME
  ModuleFile file_;
  std::vector<uint64_t> held_;  // handles
  uint64_t renew_at_ns_ = 0;
  void (*wake_)(void*) = nullptr;
  void* wake_context_ = nullptr;
};

// The process's. Outlives exit().
KmodEngine& kmod_engine();
// Another device, for tests: before the process's engine opens its file.
void set_module_opener(KmodEngine::Opener opener) noexcept;

}  // namespace xsched
