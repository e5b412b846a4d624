// SPDX-License-Identifier: Apache-2.0
//
// The daemon's listening socket: exactly one daemon a path, stale files
// replaced, clients never see a socket that does not listen yet.
#pragma once

#include <string>

#include "sched/fd.h"

namespace xsched {

class Listener {
 public:
  Listener() = default;
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener() { close(); }

  // Empty, and `error` says why (naming the process that has the path).
  static Listener open(const std::string& path, std::string& error);

  // The socket that systemd listens on for us (sd_listen_fds(3)). Empty without
  // an error if there is none.
  static Listener inherit(std::string& error);

  explicit operator bool() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }
  const std::string& path() const { return path_; }
  // Removes the socket file, so that nobody connects any more; an inherited one
  // stays systemd's.
  void close();

 private:
  std::string path_;
  bool inherited_ = false;
  Fd lock_;  // a POSIX lock on PATH.lock: dies with the process, names its pid
  Fd socket_;
};

}  // namespace xsched
