// SPDX-License-Identifier: Apache-2.0
//
// What the shared file of a node looks like. Every process that maps it must
// agree on this to the byte: change anything here and kLayoutVersion changes.
//
// Who may touch what: fields that are not atomic, and every change of
// used/demand/run, only under Layout::mutex. The atomics besides are hints and
// counters that their owner may write and anybody may read without it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "clock.h"

namespace xsim::dev {

inline constexpr uint64_t kMagic = 0x45444f4e4d495358ull;  // "XSIMNODE"
inline constexpr uint32_t kLayoutVersion = 4;
inline constexpr uint32_t kMaxGpus = 8;
inline constexpr uint32_t kQueuesPerGpu = 1024;
inline constexpr uint32_t kMaxProcesses = 512;
// What a compute unit is divided into, for accounting: 64 KiB of LDS, 32 waves
// and 4 x 512 vector registers a lane, whichever a workgroup needs most of.
inline constexpr uint32_t kUnitsPerCu = 64;

// Why a hardware queue may not run. isa::Workgroup::run() watches this word.
enum StopBit : uint32_t {
  kStopUnmapped = 1,  // percent 0 (KFD's UPDATE_QUEUE)
  kStopEvicted = 2,   // the run list wants the slot for another queue
  kStopDestroyed = 4,
  kStopError = 8,
};

// The part of NodeConfig that all processes of a node must share.
struct SharedConfig {
  uint32_t target = 0, gpus = 0, cus = 0, hw_slots = 0;
  uint32_t quantum_us = 0, preempt_us = 0, restore_us = 0, reserved = 0;
  uint64_t vram_bytes = 0;
  bool operator==(const SharedConfig&) const = default;
};

// A process that has the node open. pid alone is not an identity (pids are
// used again); pid and start time (field 22 of /proc/PID/stat) are.
struct ProcessEntry {
  std::atomic<uint32_t> used;
  uint32_t pid;
  uint64_t start_time;
  uint64_t vram[kMaxGpus];
};

struct alignas(64) QueueSlot {
  std::atomic<uint32_t> used;
  uint32_t process;  // index into Layout::process
  uint32_t pid;
  uint32_t queue_id;
  uint32_t type;
  std::atomic<uint32_t> percent;
  std::atomic<uint32_t> priority;
  std::atomic<uint32_t> stop;  // StopBit
  WakeWord wake;               // its command processor sleeps here

  // For hands from outside its process (foreign_queue.cpp).
  std::atomic<uint64_t> generation;  // counts the queues that stood here
  uint64_t ring_base;                // in its process
  uint64_t ring_bytes;
  uint32_t held;                  // percent before it was unmapped from outside, or 0
  std::atomic<uint32_t> at_rest;  // nothing of it is on the GPU, or will be while `stop` is set
  WakeWord rested;                // whoever waits for at_rest from outside sleeps here
  // When its units were taken from outside, because its process is stopped
  // (SIGSTOP) and so is its command processor; 0: they were not.
  std::atomic<uint64_t> revoked_ns;

  // Compute units. `demand` is (workgroups wanted) << 32 | (granted, not yet
  // taken): one word, so that a grant is one store and a process that is
  // killed while it grants to another leaves no half of it.
  std::atomic<uint64_t> demand;
  uint32_t unit_cost;              // units a workgroup of the kernel that is running
  uint32_t gang;                   // all that is wanted at once or nothing
  std::atomic<uint32_t> resident;  // workgroups whose units its process has taken
  uint64_t ticket;                 // order of arrival among waiters

  // The run list (compute queues only).
  std::atomic<uint32_t> run;     // stands in a hardware slot
  std::atomic<uint32_t> active;  // its command processor is at work: not to be unmapped unasked
  uint32_t wants_run;
  uint64_t run_ticket;
  uint64_t run_since_ns;

  std::atomic<uint32_t> has_work;
  std::atomic<uint64_t> dispatches;
  std::atomic<uint64_t> preemptions;
  std::atomic<uint64_t> busy_ns;
  std::atomic<uint64_t> busy_since_ns;  // 0: no workgroup on a compute unit

  uint32_t want() const { return static_cast<uint32_t>(demand.load() >> 32); }
  uint32_t granted() const { return static_cast<uint32_t>(demand.load()); }
  void set_demand(uint32_t want, uint32_t granted) {
    demand.store(static_cast<uint64_t>(want) << 32 | granted);
  }
  uint32_t held_units() const { return (resident.load() + granted()) * unit_cost; }
};

struct alignas(64) Gpu {
  // Derived from the slots; rebuilt when a lock owner was killed.
  uint32_t free_units;
  uint32_t high_water;                // slots at and above were never used
  std::atomic<uint32_t> waiters;      // queues that want units
  std::atomic<uint32_t> run_waiters;  // queues that want a hardware slot
  uint64_t next_ticket;
  QueueSlot queue[kQueuesPerGpu];
};

struct Layout {
  std::atomic<uint64_t> magic;  // written last
  uint32_t version;
  uint32_t reserved;
  uint64_t bytes;  // sizeof(Layout)
  SharedConfig config;
  pthread_mutex_t mutex;  // process-shared, robust, inherits priority
  std::atomic<uint64_t> last_reap_ns;
  ProcessEntry process[kMaxProcesses];
  Gpu gpu[kMaxGpus];
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace xsim::dev
