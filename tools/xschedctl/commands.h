// SPDX-License-Identifier: Apache-2.0
//
// The commands of xschedctl. Each returns an exit code or throws Failure.
#pragma once

#include <cstdint>
#include <optional>
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

int suspend(const std::string& socket, const std::vector<std::string>& targets, uint32_t lease_ms,
            bool json);
int resume(const std::string& socket, const std::vector<std::string>& targets, bool json);

struct ChaosOptions {
  uint32_t seconds = 10;  // 0: until a signal
  uint64_t seed = 1;
  int32_t pid = 0;  // 0: all
  uint32_t period_ms = 5;
  bool watch = false;  // a line for each XQueue that is seen suspended
};
int chaos(const std::string& socket, const ChaosOptions& options);

// change.cpp
struct Change {               // one of
  std::optional<int32_t> to;  // the priority
  std::optional<int32_t> by;
  std::optional<int32_t> share;       // percent
  std::optional<std::string> active;  // on, off
};
int set(const std::string& socket, const std::vector<std::string>& targets, const Change& change,
        bool json);
// Without a name: which it is, and which there are.
int policy(const std::string& socket, const std::optional<std::string>& name, bool json);

// run.cpp
struct RunOptions {
  // XSCHED_* without the prefix -> value; what is not given stays as it is.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string shim;  // empty: the one installed with this program
  std::vector<std::string> command;
};
int run(const RunOptions& options);
// The preload library of this installation; empty if it is not there.
std::string find_shim();

// doctor.cpp
struct DoctorOptions {
  std::string socket;
  std::string root;  // tests: where /dev, /sys, ... are; empty: here
  std::string user;  // whose rights; empty: the caller, or who called sudo
  bool json = false;
};
int doctor(const DoctorOptions& options);

}  // namespace xsched::ctl
