// SPDX-License-Identifier: Apache-2.0
//
// Where the answer to one call arrives. Sockets are kept for the next call,
// without a lock (ioctl() may be called in a signal handler) and never across
// a fork.
#pragma once

#include <cstdint>

namespace xsim::kmod {

class ReplySocket {
 public:
  ReplySocket() = default;
  ~ReplySocket();
  ReplySocket(const ReplySocket&) = delete;
  ReplySocket& operator=(const ReplySocket&) = delete;

  // Writes its address; false if there is none to be had.
  bool take(char (&address)[32]);
  int fd() const { return fd_; }
  static uint64_t next_id();

 private:
  int fd_ = -1;
};

}  // namespace xsim::kmod
