// SPDX-License-Identifier: Apache-2.0
//
// A process that offers queues with endless kernels, and what a scheduler does
// with them through /dev/xsched.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "../device/fixture.h"
#include "tools/sim/module/client.h"
#include "uapi/xsched.h"

namespace xsim::test {

// gpu_id is only a name to the module.
inline constexpr uint32_t kGpuId = 0xa300;

// Kernels "s100" stand on their compute units for 100 s.
NodeConfig module_config(uint32_t cus = 4);
// A workgroup of it takes a whole compute unit.
void make_full(FakeKernel& kernel);

xsched_register_queue registration(const TestQueue& queue);

// An open file. Calls give 0 or the errno value.
class File {
 public:
  explicit File(const NodeConfig& config, bool control = true, int flags = 0)
      : fd_(kmod::open_file(config.name, flags | 02000000 /* O_CLOEXEC */, control)) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  void close();
  int call(unsigned long request, void* argument);
  template <typename T>
  int call(unsigned long request, T& argument) {
    argument.size = sizeof argument;
    return call(request, static_cast<void*>(&argument));
  }
  uint64_t offer(const TestQueue& queue);  // 0: refused

  // The status of the one item, or the errno of the call, negative.
  int suspend(uint64_t handle, uint32_t lease_ms = 60000);
  int resume(uint64_t handle);
  // -1 if it is not listed.
  int state(uint64_t handle);
  // The next event of this type, whatever comes before it.
  xsched_event event(uint32_t type);

 private:
  int fd_;
};

// A child process with `count` busy queues, each offered in `file` (which it
// inherits) or in one of its own. Killed at the end.
class Victim {
 public:
  Victim(const NodeConfig& config, uint32_t count, uint32_t workgroups, File* file = nullptr);
  ~Victim();
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  void kill();

  pid_t pid = 0;
  std::vector<uint64_t> handles;

 private:
  const std::string node_;
};

// The queue as the node shows it.
QueueView view(const NodeConfig& config, uint32_t id = 1);
bool running(const NodeConfig& config, uint32_t id = 1);
// Its waves are saved and it stands in no slot.
bool stopped(const NodeConfig& config, uint32_t id = 1);
bool service_listens(const NodeConfig& config);
pid_t service_pid(const NodeConfig& config);  // 0: none

}  // namespace xsim::test
