// SPDX-License-Identifier: Apache-2.0
//
// Permission checks of data accesses. One Memory a running thread: it keeps
// the ranges it met last, so that the common check is two comparisons and a
// load of the page table's generation.
#pragma once

#include "../base/address_space.h"
#include "types.h"

namespace xsim::isa {

// The apertures through which flat instructions reach LDS and private memory:
// the upper 32 address bits. KFD reports the same bases for gfx9
// (GET_PROCESS_APERTURES_NEW: lds_base, scratch_base).
constexpr u64 kSharedAperture = 0x1000000000000;
constexpr u64 kPrivateAperture = 0x2000000000000;

class Memory {
 public:
  explicit Memory(const AddressSpace* space) : space_(space) {}

  const AddressSpace* space() const { return space_; }

  // True if [address, address + bytes) may be accessed.
  bool allowed(u64 address, u64 bytes, bool write) {
    const u64 now = space_->generation();
    if (__builtin_expect(now == generation_, 1)) {
      const Range& hot = ranges_[0];
      if (hot.contains(address, bytes) && (!write || hot.writable)) return true;
    }
    return search(address, bytes, write, now);
  }

 private:
  static constexpr int kKept = 8;

  bool search(u64 address, u64 bytes, bool write, u64 now);

  const AddressSpace* space_;
  u64 generation_ = 0;
  Range ranges_[kKept];  // most recently used first
};

}  // namespace xsim::isa
