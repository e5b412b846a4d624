// SPDX-License-Identifier: Apache-2.0
//
// What the sources see: hardware queues and GPUs at one moment. A field that
// a source does not know stays empty and is shown as N/A, never as 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xsched::top {

enum class State {
  kUnknown,
  kIdle,        // may run, has no packets
  kRunning,     // may run, has packets
  kSuspending,  // told to stop, not yet stopped
  kSuspended,
  kUnmapped,  // may run, but stands in no hardware slot now
  kDead,
};

enum class QueueType { kUnknown, kCompute, kSdma };

struct Queue {  // one hardware queue
  int32_t pid = 0;
  std::optional<uint32_t> uid;
  std::string user;  // uid's name, or its number
  std::string command;
  QueueType type = QueueType::kUnknown;
  std::optional<uint32_t> gpu_id;    // KFD's, as in the topology
  std::optional<uint32_t> queue_id;  // KFD's, unique in the process
  std::optional<uint32_t> xq;        // XQueue id, unique in the process
  std::optional<uint32_t> streams;   // HIP streams that share it
  std::optional<int32_t> priority;   // -255..255
  std::optional<uint32_t> level_wanted, level_actual;
  std::string engine;  // "" if unknown
  State state = State::kUnknown;
  std::optional<bool> held;          // by an operator
  std::optional<uint64_t> depth;     // packets written, not yet passed on
  std::optional<uint64_t> inflight;  // packets in the hardware queue
  // Counters since its creation.
  std::optional<uint64_t> suspends;
  std::optional<uint64_t> last_suspend_ns;  // how long the last suspend took
  std::optional<uint64_t> max_suspend_ns;
  std::optional<uint64_t> suspended_ns;  // time spent suspended
  std::optional<uint64_t> busy_ns;       // time with a kernel on compute units
  std::optional<uint64_t> handle;        // of /dev/xsched
};

struct Gpu {
  uint32_t gpu_id = 0;
  std::optional<uint32_t> index;  // as ROCm counts them
  std::string name;               // "" if unknown
  std::optional<double> used;     // 0..1
  std::string used_what;          // what `used` is a share of
  // Counters since the module was loaded.
  std::optional<uint64_t> passes;   // preempt-and-remap passes
  std::optional<uint64_t> errors;   // operations on queues that failed
  std::optional<uint64_t> limited;  // calls turned away by the rate limit
};

struct SourceStatus {
  std::string name;
  bool ok = false;
  std::string text;  // what it is, or why there is nothing
};

struct Snapshot {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::vector<Queue> queues;
  std::vector<Gpu> gpus;
  std::vector<SourceStatus> sources;
  std::string policy;  // xschedd's; "" if there is none
};

// Adds what a less complete source knows: fills empty fields of the queues
// and GPUs that are there, appends those that are not. A queue is the same if
// process and KFD queue id are: KFD numbers queues within a process.
void merge(Snapshot& into, Snapshot&& from);

}  // namespace xsched::top
