// SPDX-License-Identifier: Apache-2.0
//
// See ring_memory.h. A ring is a private mapping, repeated, of one file of
// INVALID packets: the kernel copies a page when it is first written.
#include "ring_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace xsched {
namespace {

constexpr size_t kPage = 4096;
// Four mappings for HIP's ring of 1 MiB: few, as a process may have 65530.
constexpr size_t kTemplateBytes = 256 * 1024;

void fill_invalid(void* memory, size_t bytes) noexcept {
  auto* packets = static_cast<Packet*>(memory);
  for (size_t i = 0; i < bytes / sizeof(Packet); ++i) packets[i].header = kPacketInvalid;
}

// The file of INVALID packets, or -1. Its number may have been closed by a
// program that closes all files, and be another's by now: it is looked at first.
class Template {
 public:
  int file() noexcept {
    struct stat now {};
    if (file_ >= 0 && fstat(file_, &now) == 0 && now.st_ino == inode_ && now.st_dev == device_) {
      return file_;
    }
    file_ = make();
    if (file_ < 0 || fstat(file_, &now) != 0) return -1;
    inode_ = now.st_ino;
    device_ = now.st_dev;
    return file_;
  }

 private:
  static int make() noexcept {
    const int file = memfd_create("xsched-ring", MFD_CLOEXEC);
    if (file < 0) return -1;
    void* memory = ftruncate(file, kTemplateBytes) != 0
                       ? MAP_FAILED
                       : mmap(nullptr, kTemplateBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
      close(file);
      return -1;
    }
    fill_invalid(memory, kTemplateBytes);
    munmap(memory, kTemplateBytes);
    return file;
  }

  int file_ = -1;
  ino_t inode_ = 0;
  dev_t device_ = 0;
};

bool map_template(char* base, size_t bytes) noexcept {
  static std::mutex mutex;
  static Template made;
  const std::lock_guard<std::mutex> lock(mutex);
  const int file = made.file();
  if (file < 0) return false;
  for (size_t at = 0; at < bytes; at += kTemplateBytes) {
    if (mmap(base + at, std::min(kTemplateBytes, bytes - at), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED) {
      return false;
    }
  }
  return true;
}

}  // namespace

RingMemory& RingMemory::operator=(RingMemory&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void RingMemory::reset() noexcept {
  if (base_ != nullptr) munmap(base_, bytes_);
  base_ = nullptr;
  bytes_ = 0;
}

RingMemory RingMemory::allocate(uint64_t packets) noexcept {
  RingMemory ring;
  const size_t bytes = (packets * sizeof(Packet) + kPage - 1) / kPage * kPage;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ring;
  // A mapping that fails half way leaves what was mapped as it is: all of it
  // can still be written.
  if (!map_template(static_cast<char*>(memory), bytes)) fill_invalid(memory, bytes);
  // As ROCr's own rings: a child has no use for it, and must not look alive.
  madvise(memory, bytes, MADV_DONTFORK);
  ring.base_ = static_cast<Packet*>(memory);
  ring.bytes_ = bytes;
  return ring;
}

}  // namespace xsched
