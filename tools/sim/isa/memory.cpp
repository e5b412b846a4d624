// SPDX-License-Identifier: Apache-2.0
//
// The slow half of memory.h: a move-to-front list of ranges, refilled from the
// page table.

#include "memory.h"

namespace xsim::isa {

bool Memory::search(u64 address, u64 bytes, bool write, u64 now) {
  if (now != generation_) {
    for (Range& range : ranges_) range = Range{};
    generation_ = now;
  }
  int place = 0;
  while (place < kKept && !ranges_[place].contains(address, bytes)) ++place;

  Range found;
  if (place < kKept) {
    found = ranges_[place];
  } else {
    if (space_ == nullptr || !space_->lookup(address, found)) return false;
    // The table may have changed between the two reads; the next access sees
    // the new generation and drops what is stored here.
    if (!found.contains(address, bytes)) return false;
    place = kKept - 1;
  }
  for (int i = place; i > 0; --i) ranges_[i] = ranges_[i - 1];
  ranges_[0] = found;
  return !write || found.writable;
}

}  // namespace xsim::isa
