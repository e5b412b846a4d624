// SPDX-License-Identifier: Apache-2.0
//
// The commands of xschedctl. Each returns an exit code or throws Failure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xsched::ctl {

// show.cpp
int info(const std::string& socket, bool json);
int list(const std::string& socket, bool json);

// hold.cpp
struct Target {
  int32_t pid;      // 0: all
  uint32_t xqueue;  // or kAllXQueues
};
Target parse_target(const std::string& text);  // PID, PID:XQ or all

int suspend(const std::string& socket, const std::vector<std::string>& targets, uint32_t lease_ms);
int resume(const std::string& socket, const std::vector<std::string>& targets);

struct ChaosOptions {
  uint32_t seconds = 10;  // 0: until a signal
  uint64_t seed = 1;
  int32_t pid = 0;  // 0: all
  uint32_t period_ms = 5;
};
int chaos(const std::string& socket, const ChaosOptions& options);

}  // namespace xsched::ctl
