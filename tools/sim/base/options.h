// SPDX-License-Identifier: Apache-2.0
//
// What a simulated node is made of, read from the environment (which
// xsched-sim sets; a user may as well). One place that knows the names, the
// defaults and what is valid.
#pragma once

#include <functional>
#include <string>

#include "../device/device.h"

namespace xsim {

// XSCHED_SIM_MODULE: what this process finds at /dev/xsched.
enum class ModuleAccess {
  kControl,  // "on": as root, or a member of the group xsched, would
  kOwner,    // "owner": as others would where the administrator lets them (0666)
  kDenied,   // "denied": as others would, by the udev rule (EACCES)
  kAbsent,   // "off": the module is not loaded (ENOENT)
};

struct Options {
  NodeConfig node;
  ModuleAccess module = ModuleAccess::kControl;
  int log = 0;
};

// Returns the value of an environment variable or null.
using Getenv = std::function<const char*(const char* name)>;

// False and `error` (one line that names the value and what would be valid)
// if a value cannot be used; `out` is then undefined. An unset or empty
// variable means the default.
bool parse_options(const Getenv& get, Options& out, std::string& error);

// From this process's environment.
bool options_from_environment(Options& out, std::string& error);

// The rule for node names (they become part of file names).
bool valid_node_name(const std::string& name);

}  // namespace xsim
