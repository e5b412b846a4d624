// SPDX-License-Identifier: Apache-2.0
//
// The parts of xsched-sim: starting a program on a simulated node, saying
// what is simulated, and looking at a node from outside.
#pragma once

#include <string>
#include <vector>

#include "../base/options.h"

namespace xsim::launcher {

// Replaces this process by the program with the library preloaded. Returns
// only on failure: an exit status, after one line on stderr.
int launch(const std::vector<std::string>& program);

// What is simulated, what is only modelled, and where the defaults come from.
void print_info(const Options& options);

// The queues of a node's living processes.
int print_queues(const std::string& node_name, bool json);
// Removes what a node left in shared memory. An exit status.
int remove(const std::string& node_name);

// One line on stderr, "xsched-sim: " in front.
void complain(const std::string& message);

// sysexits-like, as env(1) and nohup(1) use them.
inline constexpr int kUsage = 2;
inline constexpr int kCannotStart = 125;
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

}  // namespace xsim::launcher
