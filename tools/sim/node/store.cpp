// SPDX-License-Identifier: Apache-2.0
//
// See store.h. Lock order: the registry's flock, then the table's mutex.

#include "store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../base/log.h"
#include "../base/process.h"

namespace xsim {

namespace {

constexpr uint32_t kMagic = 0x584d4d31;      // "XMM1"; a new layout gets a new one
constexpr int32_t kMaxBuffers = 1 << 16;     // 2 MiB of table, sparse
constexpr uint64_t kAlignment = 2ull << 20;  // what ROCr aligns large buffers to
constexpr uint64_t kFileBytes = 1ull << 61;  // sparse; within tmpfs's limit
constexpr int64_t kReapInterval_ns = 1'000'000'000;

int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000ll + time.tv_nsec;
}

int make_memfd(const char* name, uint64_t bytes) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    const int saved = errno;
    ::close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

uint64_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

// The registry file's content: who holds the node's files open.
struct Store::Registry {
  static constexpr int kMaxHolders = 128;
  struct Holder {
    int32_t pid;
    uint64_t start;
    int32_t table_fd;
    int32_t gpu_fds[kMaxGpus];
  };
  uint32_t magic;
  uint32_t gpus;
  uint64_t table_inode;
  Holder holders[kMaxHolders];
};

// Shared memory: every field but `next_offset` under `mutex`.
struct Store::Table {
  struct Buffer {
    uint64_t offset;  // 0: the slot is free (offsets start at kAlignment)
    uint64_t bytes;
    uint64_t start;  // of the holder's process
    int32_t pid;
    uint16_t gpu;
    uint16_t shared;  // another slot may hold the same buffer
  };
  uint32_t magic;
  uint32_t gpus;
  uint64_t inodes[kMaxGpus];
  pthread_mutex_t mutex;  // robust, process-shared
  int64_t reaped_at;
  int32_t used_end;   // slots at and above were never used
  int32_t free_hint;  // where to start looking for a free one
  uint64_t next_offset[kMaxGpus];
  Buffer buffers[kMaxBuffers];
};

class Store::Lock {
 public:
  explicit Lock(Table* table) : table_(table) {
    // A holder that died inside leaves at worst one slot half written, which
    // reaping (it carries the dead pid) or a free offset of 0 cover.
    if (pthread_mutex_lock(&table_->mutex) == EOWNERDEAD) pthread_mutex_consistent(&table_->mutex);
  }
  ~Lock() { pthread_mutex_unlock(&table_->mutex); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Table* table_;
};

std::string store_registry_path(const std::string& node_name) {
  return "/dev/shm/xsched-sim-" + std::to_string(geteuid()) + "-" + node_name + ".memory";
}

bool Store::map_table(std::string& error) {
  void* memory = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, table_fd_, 0);
  if (memory == MAP_FAILED) {
    error = std::string("cannot map the node's buffer table: ") + std::strerror(errno);
    return false;
  }
  table_ = static_cast<Table*>(memory);
  return true;
}

bool Store::create(std::string& error) {
  table_fd_ = make_memfd("xsched-sim-table", sizeof(Table));
  bool made = table_fd_ >= 0;
  for (uint32_t gpu = 0; made && gpu < gpus_; ++gpu) {
    gpu_fds_[gpu] = make_memfd("xsched-sim-vram", kFileBytes);
    made = gpu_fds_[gpu] >= 0;
    gpu_inodes_[gpu] = made ? inode_of(gpu_fds_[gpu]) : 0;
  }
  if (!made) {
    error = std::string("cannot create the node's memory: ") + std::strerror(errno);
    return false;
  }
  if (!map_table(error)) return false;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&table_->mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  table_->gpus = gpus_;
  for (uint32_t gpu = 0; gpu < gpus_; ++gpu) {
    table_->inodes[gpu] = gpu_inodes_[gpu];
    table_->next_offset[gpu] = kAlignment;  // 0 marks a free slot
  }
  table_->magic = kMagic;
  return true;
}

// Opens the files of the first holder that lives. False with an empty error
// if there is none.
bool Store::join(const Registry& registry, std::string& error) {
  for (const auto& holder : registry.holders) {
    if (holder.pid == 0 || !process_lives(holder.pid, holder.start)) continue;
    const auto open_fd = [&](int number) {
      char path[64];
      std::snprintf(path, sizeof path, "/proc/%d/fd/%d", holder.pid, number);
      return ::open(path, O_RDWR | O_CLOEXEC);
    };
    table_fd_ = open_fd(holder.table_fd);
    if (table_fd_ < 0 || inode_of(table_fd_) != registry.table_inode) {
      // It dies just now, closed the descriptor or may not be looked into.
      drop_files();
      continue;
    }
    if (registry.gpus != gpus_) {
      error = "the node runs with " + std::to_string(registry.gpus) + " GPUs, not " +
              std::to_string(gpus_) + ": end its processes or name another node (XSCHED_SIM_NODE)";
      return false;
    }
    if (!map_table(error)) return false;
    bool complete = table_->magic == kMagic;
    for (uint32_t gpu = 0; complete && gpu < gpus_; ++gpu) {
      gpu_fds_[gpu] = open_fd(holder.gpu_fds[gpu]);
      gpu_inodes_[gpu] = gpu_fds_[gpu] >= 0 ? inode_of(gpu_fds_[gpu]) : 0;
      complete = gpu_inodes_[gpu] == table_->inodes[gpu];
    }
    if (complete) return true;
    drop_files();
  }
  return false;
}

void Store::drop_files() {
  if (table_) munmap(table_, sizeof(Table));
  table_ = nullptr;
  if (table_fd_ >= 0) ::close(table_fd_);
  table_fd_ = -1;
  for (int& fd : gpu_fds_) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
}

std::unique_ptr<Store> Store::open(const std::string& node_name, uint32_t gpus,
                                   std::string& error) {
  error.clear();
  std::unique_ptr<Store> store(new Store);
  store->gpus_ = gpus;
  store->own_start_ = process_start(getpid());
  const std::string path = store_registry_path(node_name);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    error = "cannot open " + path + ": " + std::strerror(errno);
    return nullptr;
  }
  // The kernel drops the lock if this process dies here.
  bool done = false;
  if (flock(file, LOCK_EX) != 0 || ftruncate(file, sizeof(Registry)) != 0) {
    error = "cannot lock " + path + ": " + std::strerror(errno);
  } else {
    auto registry = std::make_unique<Registry>();
    if (pread(file, registry.get(), sizeof(Registry), 0) !=
            static_cast<ssize_t>(sizeof(Registry)) ||
        registry->magic != kMagic) {
      std::memset(static_cast<void*>(registry.get()), 0, sizeof(Registry));
    }
    done = store->join(*registry, error);
    if (!done && error.empty()) {
      std::memset(static_cast<void*>(registry.get()), 0, sizeof(Registry));
      done = store->create(error);
      registry->magic = kMagic;
      registry->gpus = gpus;
      registry->table_inode = done ? inode_of(store->table_fd_) : 0;
    }
    if (done) {
      // A full registry only means that others cannot join through us.
      for (auto& holder : registry->holders) {
        if (holder.pid != 0 && process_lives(holder.pid, holder.start)) continue;
        holder.pid = getpid();
        holder.start = process_start(holder.pid);
        holder.table_fd = store->table_fd_;
        std::memcpy(holder.gpu_fds, store->gpu_fds_, sizeof holder.gpu_fds);
        break;
      }
      if (pwrite(file, registry.get(), sizeof(Registry), 0) !=
          static_cast<ssize_t>(sizeof(Registry))) {
        error = "cannot write " + path + ": " + std::strerror(errno);
        done = false;
      }
    }
  }
  // Not only close(): a child forked meanwhile by another thread has a copy of
  // the descriptor, which would keep the lock.
  flock(file, LOCK_UN);
  ::close(file);
  if (!done) return nullptr;
  Lock lock(store->table_);
  store->reap_locked();
  return store;
}

Store::~Store() {
  drop_files();
}

int Store::gpu_of(int fd) const {
  const uint64_t inode = inode_of(fd);
  for (uint32_t gpu = 0; inode != 0 && gpu < gpus_; ++gpu) {
    if (gpu_inodes_[gpu] == inode) return static_cast<int>(gpu);
  }
  return -1;
}

Store::Hold Store::allocate(uint32_t gpu, uint64_t bytes) {
  Hold hold;
  if (gpu >= gpus_ || bytes == 0 || bytes > kFileBytes / 4) return hold;
  Lock lock(table_);
  if (now_ns() - table_->reaped_at > kReapInterval_ns) reap_locked();
  int32_t slot = table_->free_hint;
  while (slot < table_->used_end && table_->buffers[slot].offset != 0) ++slot;
  if (slot >= kMaxBuffers) {
    // The hint may have passed free slots; look from the start once.
    slot = 0;
    while (slot < kMaxBuffers && table_->buffers[slot].offset != 0) ++slot;
    if (slot == kMaxBuffers) {
      log(LogLevel::kError, "%d buffers are allocated, which is the most this node can hold",
          kMaxBuffers);
      return hold;
    }
  }
  const uint64_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const uint64_t offset = table_->next_offset[gpu];
  if (offset > kFileBytes - rounded) return hold;
  table_->next_offset[gpu] = offset + rounded;
  Table::Buffer& buffer = table_->buffers[slot];
  buffer.bytes = bytes;
  buffer.pid = getpid();
  buffer.start = own_start_;
  buffer.gpu = static_cast<uint16_t>(gpu);
  buffer.shared = 0;
  buffer.offset = offset;
  if (slot >= table_->used_end) table_->used_end = slot + 1;
  table_->free_hint = slot + 1;
  hold = {slot, gpu, offset, bytes};
  return hold;
}

Store::Hold Store::share(uint32_t gpu, uint64_t offset) {
  Hold hold;
  if (gpu >= gpus_ || offset == 0) return hold;
  Lock lock(table_);
  reap_locked();  // only the living can share
  int32_t original = -1;
  int32_t slot = -1;
  for (int32_t i = 0; i < table_->used_end; ++i) {
    Table::Buffer& buffer = table_->buffers[i];
    if (buffer.offset == 0) {
      if (slot < 0) slot = i;
    } else if (buffer.gpu == gpu && buffer.offset == offset) {
      original = i;
    }
  }
  if (original < 0) return hold;
  if (slot < 0) {
    if (table_->used_end >= kMaxBuffers) return hold;
    slot = table_->used_end++;
  }
  Table::Buffer& buffer = table_->buffers[slot];
  table_->buffers[original].shared = 1;
  buffer = table_->buffers[original];
  buffer.pid = getpid();
  buffer.start = own_start_;
  hold = {slot, gpu, offset, buffer.bytes};
  return hold;
}

void Store::free_slot_locked(int32_t slot) {
  Table::Buffer& buffer = table_->buffers[slot];
  const uint64_t offset = buffer.offset;
  buffer.offset = 0;
  if (slot < table_->free_hint) table_->free_hint = slot;
  if (buffer.shared) {
    for (int32_t i = 0; i < table_->used_end; ++i) {
      const Table::Buffer& other = table_->buffers[i];
      if (other.offset == offset && other.gpu == buffer.gpu) return;  // still held
    }
  }
  if (fallocate(gpu_fds_[buffer.gpu], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(offset), static_cast<off_t>(buffer.bytes)) != 0) {
    log(LogLevel::kInfo, "cannot give back %llu bytes of gpu %u's memory: %s",
        static_cast<unsigned long long>(buffer.bytes), buffer.gpu, std::strerror(errno));
  }
}

void Store::release(const Hold& hold) {
  if (!hold.valid()) return;
  Lock lock(table_);
  const Table::Buffer& buffer = table_->buffers[hold.slot];
  // After fork() a child's copy of a hold is not a hold of its own.
  if (buffer.offset != hold.offset || buffer.pid != getpid()) return;
  free_slot_locked(hold.slot);
}

void Store::reap_locked() {
  table_->reaped_at = now_ns();
  int32_t known_pid = 0;  // neighbours mostly belong to one process
  uint64_t known_start = 0;
  for (int32_t slot = 0; slot < table_->used_end; ++slot) {
    const Table::Buffer& buffer = table_->buffers[slot];
    if (buffer.offset == 0) continue;
    if (buffer.pid != known_pid) {
      known_pid = buffer.pid;
      known_start = process_start(known_pid);
    }
    if (known_start == 0 || known_start != buffer.start) free_slot_locked(slot);
  }
}

}  // namespace xsim
