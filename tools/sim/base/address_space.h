// SPDX-License-Identifier: Apache-2.0
//
// The simulated GPU's page table: which ranges a kernel may touch.
//
// GPU and CPU addresses are the same on this node (the heaps are mapped at
// the address that ROCr asked for), so a translation is only a permission:
// an address inside a mapped range is dereferenced as it stands, any other is
// a memory violation, as it is on hardware with XNACK off.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace xsim {

struct Range {
  uint64_t begin = 0;  // first byte
  uint64_t end = 0;    // one past the last byte
  bool writable = false;
  bool contains(uint64_t address, uint64_t bytes) const {
    return address >= begin && bytes <= end - begin && address - begin <= end - begin - bytes;
  }
};

// Thread-safe. Readers take no lock: a lookup walks an immutable snapshot.
// A reader may keep the Range it found for as long as generation() stays the
// same; the interpreter does so per thread, so that the common access is two
// comparisons.
class AddressSpace {
 public:
  AddressSpace();
  ~AddressSpace();

  // Makes [begin, begin + bytes) accessible. Ranges may overlap (a buffer can
  // be mapped twice); each map() is undone by one unmap() of the same begin.
  void map(uint64_t begin, uint64_t bytes, bool writable);
  // Of several ranges with that begin, the oldest of `bytes` bytes goes, or
  // simply the oldest if `bytes` is 0. False if there is none; nothing
  // changes then.
  bool unmap(uint64_t begin, uint64_t bytes = 0);

  // The range that holds `address`, or false.
  bool lookup(uint64_t address, Range& out) const;

  // Changes with every map() and unmap(); differs from every other space's.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

 private:
  struct Table;
  std::atomic<uint64_t> generation_;
  std::unique_ptr<Table> table_;
};

}  // namespace xsim
