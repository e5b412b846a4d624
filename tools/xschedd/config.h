// SPDX-License-Identifier: Apache-2.0
//
// xschedd's configuration: a TOML file that says, per user, cgroup and command,
// what a process gets. It is taken whole or not at all: what is wrong is
// reported with line and reason, and nothing of the file counts.
//
//     policy = "CFS"              # README.md of runtime/policy has the names
//     timeslice_us = 2000         # 100..10000000; default: the policy's own
//     concurrency = 1             # KEDF's k, 1..1024
//
//     [default]                   # for what the rule that matches leaves out
//     level = 3                   # 1..3, the highest to use
//
//     [[rule]]                    # the first that matches counts
//     user = "alice"              # a name or a number
//     cgroup = "/system.slice/*"  # patterns: * is any text, ? any character
//     command = "*python*serve*"
//     priority = 10               # -255..255
//     share = 60                  # percent, 0..100
//     latency_budget_us = 2000    # 1..10000000
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xsched {

// What a rule sets; what it does not set stays as the process asked for it.
struct ProcessSettings {
  std::optional<int32_t> priority;
  std::optional<int16_t> share;
  std::optional<uint32_t> level;
  std::optional<uint64_t> latency_budget_ns;
  bool operator==(const ProcessSettings&) const = default;
};

struct ConfigRule {
  std::optional<uint32_t> uid;
  std::optional<std::string> cgroup;   // pattern
  std::optional<std::string> command;  // pattern
  ProcessSettings settings;
};

// What rules look at. Strings are as the kernel gives them and may hold
// anything: cgroup is the path in /proc/PID/cgroup's "0::" line, command the
// arguments of /proc/PID/cmdline with a blank between them.
struct Process {
  uint32_t uid = 0;
  std::string_view cgroup;
  std::string_view command;
};

struct Config {
  std::string policy = "HPF";
  uint64_t timeslice_ns = 0;  // 0: the policy's own
  uint32_t concurrency = 1;
  ProcessSettings defaults;
  std::vector<ConfigRule> rules;

  ProcessSettings settings_for(const Process& process) const;
};

// A user's number, or nothing if there is no such user.
using UserLookup = std::function<std::optional<uint32_t>(const std::string& name)>;
std::optional<uint32_t> system_user(const std::string& name);

// Nothing and `error` ("FILE:LINE: reason", one line) if the text is wrong.
std::optional<Config> parse_config(std::string_view text, const std::string& file,
                                   std::string& error, const UserLookup& user = system_user);
// The same for a file; also nothing if it cannot be read.
std::optional<Config> load_config(const std::string& file, std::string& error);

// `*` is any text, also none and across '/'; `?` one byte. Takes time in
// proportion to text times pattern at most, since a process chooses its command.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace xsched
