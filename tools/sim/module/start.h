// SPDX-License-Identifier: Apache-2.0
//
// Finding the service of a node, or starting it.
#pragma once

#include <string>

namespace xsim::kmod {

// A connected socket (close-on-exec) in `fd` and 0, or errno and one line.
int connect_to_service(const std::string& node, int& fd, std::string& error);

}  // namespace xsim::kmod
