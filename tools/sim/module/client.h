// SPDX-License-Identifier: Apache-2.0
//
// /dev/xsched as a program sees it: what the interposers of open(), ioctl()
// and read() do for it. An open file is an ordinary socket, so close(), dup(),
// poll(), fork(), exec() and SCM_RIGHTS need nothing.
#pragma once

#include <cstddef>
#include <string>

namespace xsim::kmod {

// A descriptor, or -1 with errno. `flags` as for open(). Starts the node's
// service if there is none.
int open_file(const std::string& node, int flags, bool control);
// By what it is connected to: true in every process that holds it.
bool is_file(int fd);
// 0, or -1 with errno.
int call(int fd, unsigned long request, void* argument);
// True if read() must not be given `bytes`: the stream would hand out part of
// an event. Costs nothing for whoever never opened the device.
bool wants_whole_events(int fd, size_t bytes);

}  // namespace xsim::kmod
