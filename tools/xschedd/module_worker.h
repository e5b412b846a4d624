// SPDX-License-Identifier: Apache-2.0
//
// The daemon's side of /dev/xsched: suspends hardware queues of all clients,
// one SUSPEND and one RESUME a decision.
//
// A thread of its own makes the calls: a pass takes as long as the hardware
// needs to save its waves, and the loop must go on meanwhile. The loop says
// which handles are to be suspended (the whole set, the last word counts); the
// thread brings the module in line and reports. Leases are renewed only when
// the loop says so, so that a loop that hangs loses them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/module_file.h"
#include "sched/fd.h"

namespace xsched {

// A handle that a client claims for a queue of its own.
struct ModuleClaim {
  uint64_t handle;
  int32_t pid;
  uint32_t gpu_id;
  uint32_t kfd_queue_id;
};

struct ModuleReport {
  struct Checked {
    ModuleClaim claim;
    bool true_claim;
  };
  struct Failed {
    uint64_t handle;
    int error;  // errno
  };
  std::vector<Checked> checked;
  std::vector<Failed> failed;
  // Suspended now, ascending, as of want() number `version`, at `time_ns`.
  std::vector<uint64_t> held;
  uint64_t version = 0;
  uint64_t time_ns = 0;
  uint64_t refused = 0;  // suspends that the rate limit turned away, all in all
  int broken = 0;        // errno: the module does not serve us any more
};

class ModuleWorker {
 public:
  ModuleWorker() = default;
  ~ModuleWorker() { stop(); }

  // Takes the device over and starts the thread. `event` is written when there
  // is a report. False if there is no thread to be had.
  bool start(ModuleFile file, int event);
  // Ends the thread; everything runs.
  void stop();
  bool running() const { return thread_.joinable(); }
  uint64_t renew_period_ns() const { return renew_period_ns_; }

  void check(const ModuleClaim& claim);
  // The set to be suspended, ascending; its number. The old number if it has
  // not changed.
  uint64_t want(const std::vector<uint64_t>& handles);
  void renew();
  // What happened since the last call; `out` is overwritten, and its memory used.
  void report(ModuleReport& out);

 private:
  void run();
  void check_claims(std::unique_lock<std::mutex>& lock);
  void bring_in_line(std::unique_lock<std::mutex>& lock);
  int suspend_missing(ModuleReport& news);
  void resume_surplus();

  ModuleFile file_;
  int event_ = -1;
  uint64_t renew_period_ns_ = 0;
  std::thread thread_;

  std::mutex mutex_;  // guards the following
  std::condition_variable changed_;
  std::vector<ModuleClaim> claims_;
  std::vector<uint64_t> wanted_;
  uint64_t version_ = 0;
  bool renew_ = false;
  bool stop_ = false;
  ModuleReport report_;

  // The thread's own.
  std::vector<uint64_t> target_;
  uint64_t target_version_ = 0;
  std::vector<uint64_t> held_;
  std::vector<uint64_t> refused_;  // failed, and not to be tried again until it was let go
  uint64_t retry_at_ns_ = 0;       // the module's rate limit
  std::vector<xsched_item> items_;
};

}  // namespace xsched
