// SPDX-License-Identifier: Apache-2.0
//
// The shared half of the device: opening the node's file, who is alive, VRAM
// accounting, compute units (compute_units.cpp) and the run list
// (run_list.cpp). Every function takes the node's one mutex for a short,
// bounded time and never calls out while it holds it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device.h"
#include "shared_layout.h"

namespace xsim::dev {

// A hardware queue's place in shared memory.
struct SlotRef {
  uint32_t gpu = 0;
  uint32_t index = 0;
  QueueSlot* slot = nullptr;
  explicit operator bool() const { return slot != nullptr; }
};

// A queue of another process, as the kernel module knows it.
struct ForeignQueue {
  uint32_t pid = 0;
  uint64_t start_time = 0;  // of the process, as process_start() gives it
  uint32_t queue_id = 0;
  uint64_t ring_base = 0;
  uint64_t ring_bytes = 0;
};

// A slot, as long as the same queue stands in it.
struct ForeignRef {
  SlotRef slot;
  uint64_t generation = 0;
};

class SharedNode {
 public:
  // Creates the file if there is none and registers this process (`process`,
  // as attach() gives it). Null and one line in `error` otherwise.
  static std::shared_ptr<SharedNode> open(const NodeConfig& config, int& process,
                                          std::string& error);
  // Null if the node does not exist or was made by another version.
  static std::shared_ptr<SharedNode> open_existing(const std::string& name, std::string& error);
  // 0 or errno: EBUSY while a living process has it open.
  static int remove(const std::string& name);
  ~SharedNode();
  SharedNode(const SharedNode&) = delete;
  SharedNode& operator=(const SharedNode&) = delete;

  const SharedConfig& config() const { return layout_->config; }
  uint32_t total_units() const { return layout_->config.cus * kUnitsPerCu; }  // of each GPU

  // --- processes ---
  // Registers this process (again, after a fork); the index that the rest
  // takes, or -1 if the node is full.
  int attach();
  void detach(int process);
  // Gives back what dead processes held. Looks at most every kReapEveryNs
  // unless `now` is asked for; cheap enough to call from any wait loop.
  void reap(bool now = false);
  static constexpr uint64_t kReapEveryNs = 10'000'000;

  // --- queues ---
  SlotRef add_queue(int process, const QueueParams& params);
  void remove_queue(const SlotRef& ref);
  // Percent and priority. Sets or clears kStopUnmapped and wakes the queue.
  void set_share(const SlotRef& ref, uint32_t percent, uint32_t priority);
  std::vector<QueueView> list();

  // --- queues of other processes (foreign_queue.cpp) ---
  // Percent 0 for a queue of another process, as its own UPDATE_QUEUE would
  // set it, without waiting: 0 or ESRCH (process), EFAULT (queue or ring), as
  // KFD's function answers the module. A queue that its process has unmapped
  // itself stays as it is.
  int unmap_foreign(const ForeignQueue& queue, uint32_t priority, ForeignRef& ref);
  // Undoes that, unless the process said something else meanwhile.
  int map_foreign(const ForeignQueue& queue, uint32_t percent, uint32_t priority);
  // Sleeps until the queue is at rest (0), no more (ESRCH) or the time has
  // come (ETIME).
  int wait_foreign(const ForeignRef& ref, uint64_t deadline);
  // The queue's process is stopped (SIGSTOP): what a GPU would save by itself
  // is taken off it here; its process learns of it when it goes on. For a queue
  // that unmap_foreign() was called for. 0 or ESRCH.
  int revoke_foreign(const ForeignRef& ref);
  // Maps every queue that was unmapped from outside: its module is gone.
  void map_all_foreign();

  // --- VRAM ---
  int reserve_vram(int process, uint32_t gpu, uint64_t bytes);
  void release_vram(int process, uint32_t gpu, uint64_t bytes);
  uint64_t vram_available(uint32_t gpu);

  // --- compute units (compute_units.cpp) ---
  // One step for a queue whose workgroups cost `unit_cost` units each: gives
  // back the units of `release` workgroups, asks for `want` more in all, and
  // returns how many were granted by now (they count as taken). What is not
  // granted stays asked for; the queue's wake word is woken when it is.
  // Order: higher priority first, then arrival; the first in line blocks those
  // behind it until its first workgroup fits, so a large one cannot starve.
  // A queue that got only a part goes to the end of the line with the rest.
  // `gang`: the queue wants all of them at once or none.
  uint32_t settle(const SlotRef& ref, uint32_t unit_cost, uint32_t release, uint32_t want,
                  bool gang = false);
  // Gives back everything and asks for nothing.
  void withdraw(const SlotRef& ref);
  // True if another queue waits for units. A hint, read without the lock.
  bool others_wait(const SlotRef& ref) const;

  // --- the run list (run_list.cpp) ---
  // True if the queue now stands in a hardware slot and may run. Otherwise it
  // is queued, a victim has been asked to go if there is one, and the wake
  // word is woken when the slot is there; call again at `retry_ns` at the
  // latest.
  bool enter_run_list(const SlotRef& ref, uint64_t& retry_ns);
  // The queue has nothing to run: it keeps its slot until somebody wants it.
  void idle_in_run_list(const SlotRef& ref);
  // Gives the slot up (evicted, unmapped, failed or gone).
  void leave_run_list(const SlotRef& ref);

  // Takes the mutex and keeps it: for a test that is then killed.
  void lock_for_test() { pthread_mutex_lock(&layout_->mutex); }

 private:
  class Guard;
  SharedNode() = default;
  bool map_file(int fd, std::string& error);
  static void initialise(Layout& layout, const SharedConfig& config);
  void recover();
  bool any_living_process();
  void drop_queue(uint32_t gpu, uint32_t index);
  void drop_process(uint32_t index);
  void share(const SlotRef& ref, uint32_t percent, uint32_t priority, Guard& guard);
  SlotRef find_foreign(const ForeignQueue& queue, bool& process_known);
  void grant(uint32_t gpu, Guard& guard);
  void hand_over_run_slot(uint32_t gpu, Guard& guard);
  uint32_t run_count(uint32_t gpu) const;
  Layout* layout_ = nullptr;
};

// The file behind a node, "" if the name is not letters, digits, '-' and '_'.
std::string node_path(const std::string& name);

}  // namespace xsim::dev
