// SPDX-License-Identifier: Apache-2.0
//
// The page table behind address_space.h.
//
// map() and unmap() only edit an ordered list under a mutex; the flat table
// that lookups search is rebuilt by the first lookup that finds it stale, so
// that a program with thousands of buffers does not pay for a rebuild at each
// hipMalloc. A lookup that finds a current table takes no lock.

#include "address_space.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace xsim {

namespace {

// What lookups search: sorted, disjoint, neighbours of one kind merged, so
// that an access across two adjacent buffers is not refused.
struct Snapshot {
  uint64_t generation = 0;
  std::vector<Range> ranges;
};

struct Mapping {
  uint64_t end = 0;
  bool writable = false;
};

// A range that would wrap ends at the last address instead.
uint64_t range_end(uint64_t begin, uint64_t bytes) {
  return bytes > UINT64_MAX - begin ? UINT64_MAX : begin + bytes;
}

std::vector<Range> flatten(const std::multimap<uint64_t, Mapping>& mappings) {
  // Sweep over the boundaries, counting how many mappings (and how many
  // writable ones) cover each stretch.
  struct Edge {
    uint64_t at;
    int covers;
    int writes;
  };
  std::vector<Edge> edges;
  edges.reserve(mappings.size() * 2);
  for (const auto& [begin, mapping] : mappings) {
    const int writes = mapping.writable ? 1 : 0;
    edges.push_back({begin, 1, writes});
    edges.push_back({mapping.end, -1, -writes});
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });

  std::vector<Range> ranges;
  int covers = 0;
  int writes = 0;
  for (size_t i = 0; i < edges.size();) {
    const uint64_t at = edges[i].at;
    for (; i < edges.size() && edges[i].at == at; ++i) {
      covers += edges[i].covers;
      writes += edges[i].writes;
    }
    if (covers == 0 || i == edges.size()) continue;
    const uint64_t next = edges[i].at;
    const bool writable = writes > 0;
    if (!ranges.empty() && ranges.back().end == at && ranges.back().writable == writable) {
      ranges.back().end = next;
    } else {
      ranges.push_back({at, next, writable});
    }
  }
  return ranges;
}

}  // namespace

struct AddressSpace::Table {
  ~Table() { delete current.load(std::memory_order_relaxed); }

  // Called with `mutex` held.
  void rebuild(uint64_t generation) {
    auto fresh = std::make_unique<Snapshot>();
    fresh->generation = generation;
    fresh->ranges = flatten(mappings);
    // seq_cst pairs with the reader's increment and load: once the new table
    // is published and `readers` is then seen at zero, whoever comes later
    // finds the new table, so nobody can still be inside a retired one.
    const Snapshot* old = current.exchange(fresh.release(), std::memory_order_seq_cst);
    retired.emplace_back(old);
    if (readers.load(std::memory_order_seq_cst) == 0) retired.clear();
  }

  std::mutex mutex;  // guards mappings, retired and rebuilds
  std::multimap<uint64_t, Mapping> mappings;
  std::vector<std::unique_ptr<const Snapshot>> retired;
  std::atomic<const Snapshot*> current{new Snapshot};
  std::atomic<uint32_t> readers{0};
};

AddressSpace::AddressSpace() : table_(std::make_unique<Table>()) {
  // Readers keep ranges under a generation, and a later space may be built at
  // the same address: no generation of one is one of another.
  static std::atomic<uint64_t> spaces{0};
  generation_ = (spaces.fetch_add(1, std::memory_order_relaxed) + 1) << 32;
}
AddressSpace::~AddressSpace() = default;

void AddressSpace::map(uint64_t begin, uint64_t bytes, bool writable) {
  if (bytes == 0) return;
  const uint64_t end = range_end(begin, bytes);
  std::lock_guard lock(table_->mutex);
  table_->mappings.emplace(begin, Mapping{end, writable});
  generation_.fetch_add(1, std::memory_order_acq_rel);
}

bool AddressSpace::unmap(uint64_t begin, uint64_t bytes) {
  std::lock_guard lock(table_->mutex);
  // The oldest mapping of that begin goes first, so that a range can be
  // replaced without a gap: map the new one, then unmap.
  auto found = table_->mappings.lower_bound(begin);
  const auto fits = [&] { return bytes == 0 || found->second.end == range_end(begin, bytes); };
  while (found != table_->mappings.end() && found->first == begin && !fits()) ++found;
  if (found == table_->mappings.end() || found->first != begin) return false;
  table_->mappings.erase(found);
  generation_.fetch_add(1, std::memory_order_acq_rel);
  return true;
}

bool AddressSpace::lookup(uint64_t address, Range& out) const {
  Table& table = *table_;
  table.readers.fetch_add(1, std::memory_order_seq_cst);
  const Snapshot* snapshot = table.current.load(std::memory_order_seq_cst);
  if (snapshot->generation != generation()) {
    // Not counted as a reader while rebuilding: this thread's own count would
    // keep the retired tables alive.
    table.readers.fetch_sub(1, std::memory_order_release);
    {
      std::lock_guard lock(table.mutex);
      if (table.current.load(std::memory_order_relaxed)->generation != generation()) {
        table.rebuild(generation());
      }
      table.readers.fetch_add(1, std::memory_order_seq_cst);
      snapshot = table.current.load(std::memory_order_seq_cst);
    }
  }
  const auto& ranges = snapshot->ranges;
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](uint64_t wanted, const Range& range) { return wanted < range.begin; });
  bool found = false;
  if (after != ranges.begin() && address < std::prev(after)->end) {
    out = *std::prev(after);
    found = true;
  }
  table.readers.fetch_sub(1, std::memory_order_release);
  return found;
}

}  // namespace xsim
