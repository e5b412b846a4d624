// SPDX-License-Identifier: Apache-2.0
//
// An open /dev/xsched (uapi/xsched.h), as the runtime and xschedd use it: one
// method a call, errors as errno values, closed with the object, which lets go
// of all that it holds. Knows no HSA and no policy.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "../../uapi/xsched.h"

namespace xsched {

class ModuleFile {
 public:
  // ioctl(2): 0 or an errno value. Another one stands for the device in tests.
  using Call = int (*)(void* context, unsigned long request, void* argument);

  ModuleFile() = default;
  // Takes `fd` over (-1: none).
  ModuleFile(Call call, void* context, int fd = -1) noexcept
      : call_(call), context_(context), fd_(fd) {}
  ModuleFile(ModuleFile&& other) noexcept;
  ModuleFile& operator=(ModuleFile&& other) noexcept;
  ~ModuleFile() { close(); }

  // The device, checked. Empty, and `why` says in one line what is missing and
  // what to do, if there is none, it may not be opened, or check() fails.
  static ModuleFile open(bool control, std::string& why);
  // Its version, an engine that reaches level 3 and, if wanted, the right to
  // suspend queues of others.
  bool check(bool control, std::string& why);

  explicit operator bool() const noexcept { return call_ != nullptr; }
  void close() noexcept;
  // In a forked child: the parent's file stays open. Async-signal-safe.
  void close_after_fork() noexcept { close(); }

  // From the last check().
  uint32_t lease_ms() const noexcept { return lease_ms_; }
  const std::string& description() const noexcept { return description_; }

  int register_queue(xsched_register_queue& queue) noexcept;  // size and flags are filled in
  int replace_queue(xsched_register_queue& queue) noexcept;
  int unregister_queue(uint64_t handle) noexcept;
  // The row of one handle; ENOENT if there is none.
  int find(uint64_t handle, xsched_queue_info& row) noexcept;
  // At level 3 with the default lease, invalid items skipped: each one's
  // status is 0 or a negative errno. EAGAIN: come back after `retry_us`.
  int suspend(std::span<xsched_item> items, uint32_t& retry_us) noexcept;
  int resume(std::span<xsched_item> items) noexcept;
  int renew(uint32_t& renewed) noexcept;

 private:
  int call(unsigned long request, void* argument) noexcept;

  Call call_ = nullptr;
  void* context_ = nullptr;
  int fd_ = -1;
  uint32_t lease_ms_ = 1000;
  std::string description_;
};

}  // namespace xsched
