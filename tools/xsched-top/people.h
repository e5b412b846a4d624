// SPDX-License-Identifier: Apache-2.0
//
// Whose a process is and what was typed to start it, from /proc; remembered,
// since neither changes often.
#pragma once

#include <string>
#include <unordered_map>

#include "snapshot.h"

namespace xsched::top {

// Control and non-ASCII characters end up on terminals: '?' instead.
std::string printable(const std::string& text);

class People {
 public:
  // Below `root` ("" is the machine's own /proc).
  explicit People(std::string root) : root_(std::move(root)) {}

  // Fills in owner and command line of every queue whose process is visible.
  void complete(Snapshot& snapshot);
  // The user's name, or the number if it has none.
  const std::string& name_of(uint32_t uid);

 private:
  struct Process {
    std::optional<uint32_t> uid;
    std::string command;
    uint64_t read_ns = 0;
    uint64_t seen_ns = 0;
  };
  void look(int32_t pid, Process& process) const;

  const std::string root_;
  std::unordered_map<int32_t, Process> processes_;
  std::unordered_map<uint32_t, std::string> names_;
};

}  // namespace xsched::top
