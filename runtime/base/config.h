// SPDX-License-Identifier: Apache-2.0
//
// What the environment asks of the runtime. Read once, at the first queue
// creation; a bad value is one error line naming the value and the valid
// ones, and the default is used. shim/README.md documents every name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "log.h"

namespace xsched {

enum class EngineChoice { kAuto, kKmod, kKfd, kGate };

// XSCHED_STREAM_QUEUES, hardware queues for the streams of one HIP priority: the
// shim gives it to HIP as GPU_MAX_HW_QUEUES, here it is only checked. KFD maps
// 24 queues of an MI300 at a time (num_cp_queues in its topology): the default
// leaves room for HIP's own and for another process.
inline constexpr long kMostStreamQueues = 256;
inline constexpr long kStreamQueues = 16;

struct Config {
  bool enabled = true;   // XSCHED_AUTO_XQUEUE
  int32_t priority = 0;  // XSCHED_PRIORITY, -255..255
  // XSCHED_STREAM_PRIORITY, 0..255: what a step of HIP's stream priority is
  // worth. -1, not set: 1 for XQueues of the C API, nothing for others.
  int32_t stream_priority = -1;
  uint32_t hip_queues = 4;                    // what GPU_MAX_HW_QUEUES says
  uint32_t level = 3;                         // XSCHED_LEVEL, 1..3
  EngineChoice engine = EngineChoice::kAuto;  // XSCHED_ENGINE
  uint32_t window = 4;                        // XSCHED_WINDOW: packets, under competition
  uint32_t latency_budget_us = 0;             // XSCHED_LATENCY_BUDGET_US; 0: none
  LogLevel log = LogLevel::kWarn;             // XSCHED_LOG
  std::string socket;                         // XSCHED_SOCKET; empty: the agent's default
  bool global = true;                         // XSCHED_SCHEDULER: auto, global: true
  std::string policy = "HPF";                 // XSCHED_POLICY, for the local scheduler
  std::string trace;                          // XSCHED_TRACE: a file; empty: no trace
  // Of each XQueue, as if its program had given the hint (xsched/hint.h).
  std::optional<long> utilization;  // XSCHED_AUTO_XQUEUE_UTILIZATION, 0..100 percent
  std::optional<long> deadline_us;  // XSCHED_AUTO_XQUEUE_DEADLINE, 1..
  std::optional<long> laxity_us;    // XSCHED_AUTO_XQUEUE_LAXITY, 1..; critical with `priority`
  // Of the local scheduler.
  std::optional<long> timeslice_us;  // XSCHED_AUTO_XQUEUE_TIMESLICE, 100..10000000
  std::optional<long> concurrency;   // XSCHED_AUTO_XQUEUE_KDEADLINE, 1..
};

// `lookup` stands for getenv(3), so that a test can pass a table.
Config parse_config(const char* (*lookup)(const char* name));

// The process's environment, parsed at the first call; sets the log level.
const Config& config();

const char* to_string(EngineChoice choice) noexcept;

}  // namespace xsched
