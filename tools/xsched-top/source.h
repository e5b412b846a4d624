// SPDX-License-Identifier: Apache-2.0
//
// Where snapshots come from. Each source is one way to look at a machine; all
// that are there are asked, the first one that knows a field is believed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "snapshot.h"

namespace xsched::top {

// What an operator asks for.
struct Action {
  enum class Kind { kSuspend, kResume, kPriority, kPolicy };
  struct Target {
    int32_t pid = 0;
    std::optional<uint32_t> xq;
    std::optional<uint64_t> handle;
  };
  Kind kind = Kind::kSuspend;
  std::vector<Target> targets;
  int32_t change = 0;  // kPriority: added to what it is
  std::string policy;  // kPolicy
};

// How that went: one line for the operator.
struct Answer {
  bool handled = false;  // false: not a matter for this source, ask the next one
  bool ok = false;
  std::string text;
};

class Source {
 public:
  virtual ~Source() = default;
  // Adds what it sees to an empty snapshot, its status included. Never waits
  // longer than a reader of the screen would.
  virtual void read(Snapshot& out) = 0;
  virtual Answer act(const Action&) { return {}; }
};

std::unique_ptr<Source> make_xschedd_source(const std::string& socket);
std::unique_ptr<Source> make_module_source(const std::string& device);
// KFD's sysfs, below `root` ("" is the machine's own).
std::unique_ptr<Source> make_kfd_source(const std::string& root);
// A simulated node, seen through `program` (xsched-sim).
std::unique_ptr<Source> make_sim_source(const std::string& program, const std::string& node);

}  // namespace xsched::top
