// SPDX-License-Identifier: Apache-2.0
//
// See paths.h.

#include "paths.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../base/log.h"
#include "gpu.h"
#include "node.h"
#include "topology.h"

namespace xsim {

void find_place(const char* path, Place& place) {
  place.kind = Place::Kind::kElsewhere;
  if (!path || path[0] != '/') return;
  if (std::strncmp(path, "/dev/", 5) == 0) {
    static constexpr char kRender[] = "/dev/dri/renderD";
    if (std::strcmp(path, "/dev/kfd") == 0) {
      if (process_options()) place.kind = Place::Kind::kKfd;
    } else if (std::strcmp(path, "/dev/xsched") == 0) {
      if (process_options()) place.kind = Place::Kind::kModule;
    } else if (std::strncmp(path, kRender, sizeof kRender - 1) == 0) {
      char* end = nullptr;
      const unsigned long minor = std::strtoul(path + sizeof kRender - 1, &end, 10);
      const Options* options = *end == '\0' ? process_options() : nullptr;
      if (options && minor >= kFirstRenderMinor && minor < kFirstRenderMinor + options->node.gpus) {
        place.kind = Place::Kind::kRender;
        place.gpu = static_cast<unsigned>(minor - kFirstRenderMinor);
      }
    }
    return;
  }
  char relative[384];
  if (!simulated_sysfs_path(path, relative, sizeof relative)) return;
  const Options* options = process_options();
  if (!options) return;
  const std::string& directory = topology_directory(options->node);
  if (directory.empty()) return;
  const int written =
      std::snprintf(place.path, sizeof place.path, "%s/%s", directory.c_str(), relative);
  if (written <= 0 || static_cast<size_t>(written) >= sizeof place.path) return;
  place.kind = Place::Kind::kSysfs;
  log(LogLevel::kTrace, "%s", path);
}

}  // namespace xsim
