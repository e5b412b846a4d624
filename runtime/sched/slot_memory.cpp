// SPDX-License-Identifier: Apache-2.0
//
// See slot_memory.h.
#include "slot_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstring>

namespace xsched {
namespace {

std::string with_errno(const char* what) {
  return std::string(what) + ": " + strerror(errno);
}

SlotTable* map_shared(int fd) {
  void* address = mmap(nullptr, sizeof(SlotTable), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return address == MAP_FAILED ? nullptr : static_cast<SlotTable*>(address);
}

}  // namespace

SlotMemory::SlotMemory(SlotMemory&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)), fd_(std::move(other.fd_)) {}

SlotMemory& SlotMemory::operator=(SlotMemory&& other) noexcept {
  std::swap(table_, other.table_);
  std::swap(fd_, other.fd_);
  return *this;
}

SlotMemory::~SlotMemory() {
  if (table_ != nullptr) munmap(table_, sizeof(SlotTable));
}

SlotMemory SlotMemory::create(std::string& error) {
  SlotMemory memory;
  memory.fd_.reset(memfd_create("xsched-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int fd = memory.fd_.get();
  if (fd < 0) {
    error = with_errno("memfd_create for the slot table failed");
  } else if (ftruncate(fd, sizeof(SlotTable)) != 0) {
    error = with_errno("sizing the slot table failed");
  } else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    error = with_errno("sealing the slot table failed");
  } else if (memory.table_ = map_shared(fd); memory.table_ == nullptr) {
    error = with_errno("mapping the slot table failed");
  }
  if (memory.table_ == nullptr) return SlotMemory();
  // Fresh pages are zero, which is the right start for every other field;
  // pages of slots that are never used stay unallocated.
  SlotTable& table = *memory.table_;
  table.abi.store(kSlotAbi, std::memory_order_relaxed);
  table.slots.store(kMaxSlots, std::memory_order_relaxed);
  table.pid.store(static_cast<int32_t>(getpid()), std::memory_order_relaxed);
  table.magic.store(kSlotMagic, std::memory_order_release);
  return memory;
}

SlotMemory SlotMemory::map(int fd, std::string& error) {
  SlotMemory memory;
  struct stat status;
  struct statfs filesystem;
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    error = "the slot table is not a memfd sealed against shrinking";
    return memory;
  }
  // hugetlb memfds can be sealed too, but a fault in them can fail.
  if (fstatfs(fd, &filesystem) != 0 || filesystem.f_type != TMPFS_MAGIC) {
    error = "the slot table is not in ordinary shared memory";
    return memory;
  }
  if (fstat(fd, &status) != 0 || status.st_size < static_cast<off_t>(sizeof(SlotTable))) {
    error = "the slot table has " + std::to_string(status.st_size) + " bytes, needed are " +
            std::to_string(sizeof(SlotTable));
    return memory;
  }
  memory.table_ = map_shared(fd);
  if (memory.table_ == nullptr) {
    error = with_errno("mapping the slot table failed");
    return memory;
  }
  const uint32_t magic = memory.table_->magic.load(std::memory_order_acquire);
  const uint32_t abi = memory.table_->abi.load(std::memory_order_relaxed);
  if (magic != kSlotMagic || abi != kSlotAbi) {
    error = "the slot table has abi " + std::to_string(abi) + " (magic " + std::to_string(magic) +
            "), this side has " + std::to_string(kSlotAbi) + ": use one version of xsched";
    return SlotMemory();
  }
  return memory;
}

bool SlotMemory::make_private(SlotTable& table, int fd) noexcept {
  // A private mapping of the same file at the same place: pages show the
  // file's content until the first store to them, so stores that race with
  // the call land either in the file, and are seen, or in the private copy.
  void* address =
      mmap(&table, sizeof(SlotTable), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
  return address == &table;
}

}  // namespace xsched
