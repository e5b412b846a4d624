// SPDX-License-Identifier: Apache-2.0
//
// The memory of a slot table: a memfd, sealed against resizing, mapped by the
// process that made it and by the daemon that schedules it.
#pragma once

#include <string>

#include "../xqueue/slot.h"
#include "fd.h"

namespace xsched {

class SlotMemory {
 public:
  SlotMemory() = default;
  SlotMemory(SlotMemory&& other) noexcept;
  SlotMemory& operator=(SlotMemory&& other) noexcept;
  ~SlotMemory();

  // A new table for this process, all slots free. Empty, and `error` says
  // why, if the system refuses.
  static SlotMemory create(std::string& error);

  // Maps a table that another process made. The descriptor is not trusted: it
  // must be a memfd of sufficient size that can no longer shrink (a shrunk
  // file would be a SIGBUS in the reader). The caller keeps the descriptor.
  static SlotMemory map(int fd, std::string& error);

  explicit operator bool() const noexcept { return table_ != nullptr; }
  SlotTable* table() const noexcept { return table_; }
  int fd() const noexcept { return fd_.get(); }  // -1 when made by map()

  // Cuts `table` (the mapping of `fd`) off from every other process, in
  // place: what they write from now on is not seen here. Stores of this
  // process's other threads are not lost. Async-signal-safe.
  static bool make_private(SlotTable& table, int fd) noexcept;

 private:
  SlotTable* table_ = nullptr;
  Fd fd_;
};

}  // namespace xsched
