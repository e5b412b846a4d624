// SPDX-License-Identifier: Apache-2.0
//
// Which paths of the file system the node answers for.
#pragma once

namespace xsim {

struct Place {
  enum class Kind { kElsewhere, kKfd, kRender, kModule, kSysfs };
  Kind kind = Kind::kElsewhere;
  unsigned gpu = 0;     // kRender
  char path[512] = {};  // kSysfs: the real file that stands for it
};

// Never touches the node for a path outside /dev and /sys; makes the topology
// at the first path inside it. With bad options everything is elsewhere.
void find_place(const char* path, Place& place);

}  // namespace xsim
