// SPDX-License-Identifier: Apache-2.0
//
// The node's file: opening it, who is alive, queue slots, VRAM accounting.
#include "shared_node.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "../base/process.h"
#include "shared_guard.h"

namespace xsim::dev {
namespace {

// The node interposes open() and close() in this process; these do not pass
// through it (it may hold locks of its own, and no path here is its business).
int raw_open(const char* path, int flags, mode_t mode) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode));
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// flock() until the end of the scope. Unlocked by hand: the mapping that
// open() makes refers to the same open file and would keep the lock for as
// long as the process lives. The kernel drops it when its holder dies.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd), held_(flock(fd, LOCK_EX) == 0) {}
  ~FileLock() {
    if (held_) flock(fd_, LOCK_UN);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

// Every process of a node holds a read lock on byte 1 of the file for as long
// as it maps it (the mapping keeps the open file, and with it the lock). That
// says "in use" even to a version that cannot read the layout.
constexpr off_t kInUseByte = 1;

struct flock in_use_lock(short type) {
  struct flock l {};
  l.l_type = type;
  l.l_whence = SEEK_SET;
  l.l_start = kInUseByte;
  l.l_len = 1;
  return l;
}

bool in_use(int fd) {
  struct flock l = in_use_lock(F_WRLCK);
  return fcntl(fd, F_OFD_GETLK, &l) != 0 || l.l_type != F_UNLCK;
}

std::string errno_text(const char* what, const std::string& path) {
  return std::string(what) + " " + path + ": " + strerror(errno);
}

SharedConfig shared_part(const NodeConfig& c) {
  SharedConfig s;
  s.target = static_cast<uint32_t>(c.target);
  s.gpus = c.gpus;
  s.cus = c.cus;
  s.hw_slots = c.hw_slots;
  s.quantum_us = c.quantum_us;
  s.preempt_us = c.preempt_us;
  s.restore_us = c.restore_us;
  s.vram_bytes = c.vram_bytes;
  return s;
}

std::string describe(const SharedConfig& c) {
  return std::string(c.target == static_cast<uint32_t>(isa::Target::gfx942) ? "gfx942" : "gfx90a") +
         ", " + std::to_string(c.gpus) + " gpus, " + std::to_string(c.cus) + " cus, " +
         std::to_string(c.hw_slots) + " slots, quantum " + std::to_string(c.quantum_us) +
         " us, preempt " + std::to_string(c.preempt_us) + " us, restore " +
         std::to_string(c.restore_us) + " us, vram " + std::to_string(c.vram_bytes >> 20) + " MiB";
}

// False for a file that is not a node of this version (but for one whose maker
// died before it wrote the magic number).
bool same_version(int fd, off_t size) {
  struct {
    uint64_t magic;
    uint32_t version, reserved;
    uint64_t bytes;
  } head = {};
  static_assert(offsetof(Layout, version) == 8 && offsetof(Layout, bytes) == 16);
  return size == static_cast<off_t>(sizeof(Layout)) &&
         pread(fd, &head, sizeof head, 0) == sizeof head &&
         (head.magic == 0 ||
          (head.magic == kMagic && head.version == kLayoutVersion && head.bytes == sizeof(Layout)));
}

bool usable(const NodeConfig& c, std::string& error) {
  if (node_path(c.name).empty()) {
    error = "node name '" + c.name + "' is not made of letters, digits, '-' and '_'";
  } else if (c.gpus < 1 || c.gpus > kMaxGpus) {
    error = "gpus = " + std::to_string(c.gpus) + " is not in 1.." + std::to_string(kMaxGpus);
  } else if (c.cus < 1 || c.cus > 304) {
    error = "cus = " + std::to_string(c.cus) + " is not in 1..304";
  } else if (c.hw_slots < 1 || c.hw_slots > kQueuesPerGpu) {
    error = "hw_slots = " + std::to_string(c.hw_slots) + " is not in 1..1024";
  } else {
    return true;
  }
  return false;
}

}  // namespace

std::string node_path(const std::string& name) {
  if (name.empty() || name.size() > 64) return "";
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!good) return "";
  }
  return "/dev/shm/xsched-sim-" + std::to_string(getuid()) + "-" + name;
}

// --- opening -----------------------------------------------------------------

void SharedNode::initialise(Layout& layout, const SharedConfig& config) {
  layout.version = kLayoutVersion;
  layout.bytes = sizeof layout;
  layout.config = config;
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  // A command processor does not wait behind a thread that was preempted with it.
  pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
  if (pthread_mutex_init(&layout.mutex, &attr) != 0) {
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_NONE);
    pthread_mutex_init(&layout.mutex, &attr);
  }
  pthread_mutexattr_destroy(&attr);
  for (uint32_t g = 0; g < config.gpus; ++g) {
    layout.gpu[g].free_units = config.cus * kUnitsPerCu;
    layout.gpu[g].next_ticket = 1;
  }
  layout.magic.store(kMagic, std::memory_order_release);
}

bool SharedNode::map_file(int fd, std::string& error) {
  void* p = mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) {
    error = std::string("cannot map the node's shared memory: ") + strerror(errno);
    return false;
  }
  layout_ = static_cast<Layout*>(p);
  return true;
}

SharedNode::~SharedNode() {
  if (layout_ != nullptr) munmap(layout_, sizeof(Layout));
}

std::shared_ptr<SharedNode> SharedNode::open(const NodeConfig& config, int& process,
                                             std::string& error) {
  if (!usable(config, error)) return nullptr;
  const std::string path = node_path(config.name);
  const SharedConfig wanted = shared_part(config);
  // A second try only when somebody removed the file between open and flock.
  for (int attempt = 0; attempt < 16; ++attempt) {
    Fd fd(raw_open(path.c_str(), O_RDWR | O_CREAT, 0600));
    if (fd.get() < 0) {
      error = errno_text("cannot open", path);
      return nullptr;
    }
    const FileLock file_lock(fd.get());
    struct stat st;
    if (!file_lock.held() || fstat(fd.get(), &st) != 0) {
      error = errno_text("cannot lock", path);
      return nullptr;
    }
    if (st.st_nlink == 0) continue;
    if (st.st_size != 0 && !same_version(fd.get(), st.st_size)) {
      if (in_use(fd.get())) {
        error = "node '" + config.name +
                "' is in use by another version of xsched-sim: use another XSCHED_SIM_NODE";
        return nullptr;
      }
      // Left behind by another version; the next round makes a new one.
      unlink(path.c_str());
      continue;
    }
    if (st.st_size == 0 && ftruncate(fd.get(), sizeof(Layout)) != 0) {
      error = errno_text("cannot size", path);
      return nullptr;
    }
    std::shared_ptr<SharedNode> node(new SharedNode);
    if (!node->map_file(fd.get(), error)) return nullptr;
    Layout& layout = *node->layout_;
    const uint64_t magic = layout.magic.load(std::memory_order_acquire);
    if (magic == 0) {
      // Fresh (all zero), or its maker died before it was done.
      if (st.st_size != 0) memset(static_cast<void*>(&layout), 0, sizeof layout);
      initialise(layout, wanted);
    } else if (!(layout.config == wanted)) {
      if (node->any_living_process()) {
        error = "node '" + config.name + "' is in use with " + describe(layout.config) +
                "; asked for " + describe(wanted) + ": use another XSCHED_SIM_NODE";
        return nullptr;
      }
      layout.magic.store(0);
      memset(static_cast<void*>(&layout), 0, sizeof layout);
      initialise(layout, wanted);
    }
    struct flock use = in_use_lock(F_RDLCK);
    fcntl(fd.get(), F_OFD_SETLK, &use);
    // Under the file lock still, so that remove() sees a user.
    process = node->attach();
    if (process < 0) {
      error = "node '" + config.name + "' is full: " + std::to_string(kMaxProcesses) + " processes";
      return nullptr;
    }
    return node;
  }
  error = path + " keeps being removed";
  return nullptr;
}

std::shared_ptr<SharedNode> SharedNode::open_existing(const std::string& name, std::string& error) {
  const std::string path = node_path(name);
  Fd fd(path.empty() ? -1 : raw_open(path.c_str(), O_RDWR, 0));
  struct stat st;
  if (fd.get() < 0 || fstat(fd.get(), &st) != 0) {
    error = "there is no node '" + name + "'";
    return nullptr;
  }
  std::shared_ptr<SharedNode> node(new SharedNode);
  if (same_version(fd.get(), st.st_size) && node->map_file(fd.get(), error) &&
      node->layout_->magic.load(std::memory_order_acquire) == kMagic) {
    return node;
  }
  error = "node '" + name + "' was made by another version";
  return nullptr;
}

int SharedNode::remove(const std::string& name) {
  const std::string path = node_path(name);
  if (path.empty()) return EINVAL;
  Fd fd(raw_open(path.c_str(), O_RDWR, 0));
  if (fd.get() < 0) return errno;
  // Under the same lock as open(): nobody can register meanwhile.
  const FileLock file_lock(fd.get());
  if (!file_lock.held()) return errno;
  std::string error;
  // A file of another version cannot be asked who lives.
  const auto node = open_existing(name, error);
  if (node ? node->any_living_process() : in_use(fd.get())) return EBUSY;
  return unlink(path.c_str()) == 0 ? 0 : errno;
}

// --- processes ---------------------------------------------------------------

bool SharedNode::any_living_process() {
  for (uint32_t i = 0; i < kMaxProcesses; ++i) {
    const ProcessEntry& p = layout_->process[i];
    if (p.used.load() == 0) continue;
    if (process_lives(static_cast<pid_t>(p.pid), p.start_time)) return true;
  }
  return false;
}

int SharedNode::attach() {
  reap(true);
  const uint32_t pid = static_cast<uint32_t>(getpid());
  const uint64_t start = process_start(getpid());
  Guard guard(*this);
  for (uint32_t i = 0; i < kMaxProcesses; ++i) {
    ProcessEntry& p = layout_->process[i];
    if (p.used.load() != 0) continue;
    p.pid = pid;
    p.start_time = start;
    for (uint64_t& v : p.vram) v = 0;
    p.used.store(1);
    return static_cast<int>(i);
  }
  return -1;
}

void SharedNode::detach(int process) {
  if (process < 0) return;
  Guard guard(*this);
  drop_process(static_cast<uint32_t>(process));
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    hand_over_run_slot(g, guard);
    grant(g, guard);
  }
}

void SharedNode::drop_queue(uint32_t gpu, uint32_t index) {
  Gpu& g = layout_->gpu[gpu];
  QueueSlot& s = g.queue[index];
  g.free_units += s.held_units();
  s.set_demand(0, 0);
  s.resident.store(0);
  s.run.store(0);
  s.wants_run = 0;
  s.used.store(0);
  s.rested.wake();
}

void SharedNode::drop_process(uint32_t index) {
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    for (uint32_t i = 0; i < layout_->gpu[g].high_water; ++i) {
      const QueueSlot& s = layout_->gpu[g].queue[i];
      if (s.used.load() != 0 && s.process == index) drop_queue(g, i);
    }
  }
  layout_->process[index].used.store(0);
}

void SharedNode::reap(bool now) {
  const uint64_t t = now_ns();
  uint64_t last = layout_->last_reap_ns.load();
  if (!now && t - last < kReapEveryNs && t >= last) return;
  // One of those who wait looks, the others go on waiting.
  if (!layout_->last_reap_ns.compare_exchange_strong(last, t) && !now) return;
  // /proc is read without the lock; the identity is compared again with it.
  struct Dead {
    uint32_t index, pid;
    uint64_t start;
  };
  std::vector<Dead> dead;
  uint32_t last_pid = 0;
  uint64_t last_start = 0;
  for (uint32_t i = 0; i < kMaxProcesses; ++i) {
    const ProcessEntry& p = layout_->process[i];
    if (p.used.load() == 0) continue;
    if (p.pid != last_pid) {
      last_pid = p.pid;
      last_start = process_start(static_cast<pid_t>(p.pid));
    }
    if (last_start != p.start_time) dead.push_back({i, p.pid, p.start_time});
  }
  if (dead.empty()) return;
  Guard guard(*this);
  for (const Dead& d : dead) {
    const ProcessEntry& p = layout_->process[d.index];
    if (p.used.load() != 0 && p.pid == d.pid && p.start_time == d.start) drop_process(d.index);
  }
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    hand_over_run_slot(g, guard);
    grant(g, guard);
  }
}

void SharedNode::recover() {
  for (uint32_t n = 0; n < layout_->config.gpus; ++n) {
    Gpu& g = layout_->gpu[n];
    uint32_t held = 0, waiting = 0, run_waiting = 0, high = 0;
    for (uint32_t i = 0; i < kQueuesPerGpu; ++i) {
      const QueueSlot& s = g.queue[i];
      if (s.used.load() == 0) continue;
      high = i + 1;
      held += s.held_units();
      waiting += s.want() != 0 ? 1 : 0;
      run_waiting += s.wants_run != 0 ? 1 : 0;
    }
    const uint32_t total = total_units();
    g.free_units = held < total ? total - held : 0;
    g.high_water = std::max(g.high_water, high);
    g.waiters.store(waiting);
    g.run_waiters.store(run_waiting);
  }
}

// --- queues ------------------------------------------------------------------

SlotRef SharedNode::add_queue(int process, const QueueParams& params) {
  reap();
  Guard guard(*this);
  Gpu& g = layout_->gpu[params.gpu];
  for (uint32_t i = 0; i < kQueuesPerGpu; ++i) {
    QueueSlot& s = g.queue[i];
    if (s.used.load() != 0) continue;
    s.process = static_cast<uint32_t>(process);
    s.pid = layout_->process[process].pid;
    s.queue_id = params.id;
    s.type = static_cast<uint32_t>(params.type);
    s.percent.store(params.percent);
    s.priority.store(params.priority);
    s.stop.store(params.percent == 0 ? static_cast<uint32_t>(kStopUnmapped) : 0u);
    s.wake.count.store(0);
    s.wake.sleeping.store(0);
    s.generation.fetch_add(1);
    s.ring_base = reinterpret_cast<uint64_t>(params.ring);
    s.ring_bytes = params.ring_bytes;
    s.held = 0;
    s.at_rest.store(1);
    s.revoked_ns.store(0);
    s.set_demand(0, 0);
    s.unit_cost = 1;
    s.gang = 0;
    s.resident.store(0);
    s.run.store(0);
    s.active.store(0);
    s.wants_run = 0;
    s.has_work.store(0);
    s.dispatches.store(0);
    s.preemptions.store(0);
    s.busy_ns.store(0);
    s.busy_since_ns.store(0);
    g.high_water = std::max(g.high_water, i + 1);
    s.used.store(1);
    hand_over_run_slot(params.gpu, guard);
    return {params.gpu, i, &s};
  }
  return {};
}

void SharedNode::remove_queue(const SlotRef& ref) {
  Guard guard(*this);
  drop_queue(ref.gpu, ref.index);
  hand_over_run_slot(ref.gpu, guard);
  grant(ref.gpu, guard);
}

void SharedNode::set_share(const SlotRef& ref, uint32_t percent, uint32_t priority) {
  Guard guard(*this);
  ref.slot->held = 0;  // what its own process says now counts
  share(ref, percent, priority, guard);
}

void SharedNode::share(const SlotRef& ref, uint32_t percent, uint32_t priority, Guard& guard) {
  QueueSlot& s = *ref.slot;
  s.percent.store(percent);
  s.priority.store(priority);
  if (percent == 0) {
    s.stop.fetch_or(kStopUnmapped);
    // At work, its command processor takes it off when the waves are saved.
    if (s.active.load() == 0) s.run.store(0);
  } else {
    // Its command processor does not know yet that it has lost its units: it
    // has to go through a preemption first.
    if (s.revoked_ns.load() != 0) s.stop.fetch_or(kStopEvicted);
    s.stop.fetch_and(~static_cast<uint32_t>(kStopUnmapped));
  }
  guard.wake_later(s.wake);
  hand_over_run_slot(ref.gpu, guard);
  grant(ref.gpu, guard);  // the order of the waiters may have changed
}

std::vector<QueueView> SharedNode::list() {
  reap(true);
  std::vector<QueueView> views;
  const uint64_t now = now_ns();
  Guard guard(*this);
  for (uint32_t g = 0; g < layout_->config.gpus; ++g) {
    for (uint32_t i = 0; i < layout_->gpu[g].high_water; ++i) {
      const QueueSlot& s = layout_->gpu[g].queue[i];
      if (s.used.load() == 0) continue;
      QueueView v;
      v.gpu = g;
      v.pid = s.pid;
      v.queue_id = s.queue_id;
      v.type = static_cast<QueueType>(s.type);
      v.percent = s.percent.load();
      v.priority = s.priority.load();
      const bool compute = v.type == QueueType::kComputeAql;
      v.mapped = compute ? s.run.load() != 0 : (s.stop.load() & (kStopUnmapped | kStopError)) == 0;
      v.has_work = s.has_work.load() != 0;
      v.cu_units = s.held_units();
      v.dispatches = s.dispatches.load();
      v.preemptions = s.preemptions.load();
      v.busy_ns = s.busy_ns.load();
      const uint64_t since = s.busy_since_ns.load();
      if (since != 0 && now > since) v.busy_ns += now - since;
      views.push_back(v);
    }
  }
  return views;
}

// --- VRAM --------------------------------------------------------------------

namespace {
uint64_t vram_used(const Layout& layout, uint32_t gpu) {
  uint64_t sum = 0;
  for (const ProcessEntry& p : layout.process) {
    if (p.used.load() != 0) sum += p.vram[gpu];
  }
  return sum;
}
}  // namespace

int SharedNode::reserve_vram(int process, uint32_t gpu, uint64_t bytes) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    {
      Guard guard(*this);
      const uint64_t used = vram_used(*layout_, gpu);
      const uint64_t total = layout_->config.vram_bytes;
      if (used <= total && bytes <= total - used) {
        layout_->process[process].vram[gpu] += bytes;
        return 0;
      }
    }
    if (attempt == 0) reap(true);  // perhaps a dead process holds it
  }
  return ENOMEM;
}

void SharedNode::release_vram(int process, uint32_t gpu, uint64_t bytes) {
  Guard guard(*this);
  uint64_t& v = layout_->process[process].vram[gpu];
  v -= std::min(v, bytes);
}

uint64_t SharedNode::vram_available(uint32_t gpu) {
  reap();
  Guard guard(*this);
  const uint64_t used = vram_used(*layout_, gpu);
  return used < layout_->config.vram_bytes ? layout_->config.vram_bytes - used : 0;
}

}  // namespace xsim::dev
