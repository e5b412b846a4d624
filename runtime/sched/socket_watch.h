// SPDX-License-Identifier: Apache-2.0
//
// Waits for a daemon's socket to appear, at no cost while it does not: an
// inotify watch on the deepest directory of the path that exists. xschedd
// renames its listening socket into place, so one event means "connect now".
// Where inotify is refused (a per-user limit), retries with growing pauses.
#pragma once

#include <cstdint>
#include <string>

#include "fd.h"

namespace xsched {

class SocketWatch {
 public:
  explicit SocketWatch(std::string path) : path_(std::move(path)) {}

  // Starts or moves the watch. Call before trying to connect, so that a
  // socket that appears after the try is not missed.
  void arm();
  // Frees the descriptor, while there is no need to wait.
  void disarm();

  int fd() const { return inotify_.get(); }  // readable: call triggered()
  // -1: no timer needed; else milliseconds until the next try is due.
  int timeout_ms(uint64_t now_ns) const;

  // True if it is worth trying to connect; drains the descriptor.
  bool triggered(uint64_t now_ns);
  // A try failed with something that may pass without an event (a full
  // backlog): use the timer once.
  void retry_later(uint64_t now_ns);

 private:
  bool watch_deepest();

  std::string path_;
  Fd inotify_;
  int watch_ = -1;
  std::string watched_;    // the directory under watch
  std::string expected_;   // the name in it that matters
  uint64_t retry_ns_ = 0;  // 0: none
  uint32_t pause_ms_ = 0;
};

}  // namespace xsched
