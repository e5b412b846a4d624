// SPDX-License-Identifier: Apache-2.0
//
// The sysfs files that ROCm reads to find out what GPUs there are.
//
// They are real files, in a directory that is made once for each set-up of a
// node and shared by its processes: opendir(), readdir() and friends then
// need no help, only the path is another.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "../device/device.h"

namespace xsim {

// Relative path to content, for a node of this make on a host with so many
// processors and so much memory.
std::map<std::string, std::string> topology_files(const NodeConfig& config, uint32_t host_cpus,
                                                  uint64_t host_memory);

// The part of the simulated tree that an absolute path belongs to
// ("topology/nodes", "module/amdgpu/version"), or null. Cheap: it is asked
// about every path that the process opens.
const char* simulated_sysfs_path(const char* path, char* buffer, size_t size);

// The directory with the files, made if need be; empty (after a line in the
// log) on failure.
const std::string& topology_directory(const NodeConfig& config);

// Removes every such directory of a node.
void remove_topology(const std::string& node_name);

}  // namespace xsim
