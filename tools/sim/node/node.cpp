// SPDX-License-Identifier: Apache-2.0
//
// See node.h: making the node, fork, descriptors, what the device calls back.

#include "node.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "../base/log.h"

namespace xsim {

namespace {

std::atomic<Node*> g_node{nullptr};
std::atomic<uint64_t> g_parent_kfd_inode{0};
// Leaked like the node: it must work in exit handlers of other libraries.
std::mutex& making() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

uint64_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

void raise_event(void* context, uint32_t id) {
  static_cast<Events*>(context)->raise(id);
}

// The device has put the error into the queue's error word and its inactive
// signal; ROCr turns the first (or, where RUNTIME_ENABLE is not supported, the
// second) into the queue's error callback; that is all. KFD's exception events
// would make ROCr end the process before anyone is asked, so they stay unused
// for what is a queue's fault here.
void queue_error(void*, uint32_t gpu, uint32_t queue_id, const isa::Fault& fault) {
  log(LogLevel::kError, "gpu %u queue %u stopped: %s", gpu, queue_id, fault.text.c_str());
}

}  // namespace

uint64_t realtime_ticks() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC_RAW, &time);
  return (time.tv_sec * 1'000'000'000ull + time.tv_nsec) / 10;
}

const Options* process_options() {
  static const Options* const options = [] {
    auto* parsed = new Options;
    std::string error;
    if (!options_from_environment(*parsed, error)) {
      log(LogLevel::kError, "%s; no GPU is simulated", error.c_str());
      delete parsed;
      return static_cast<Options*>(nullptr);
    }
    set_log_level(parsed->log);
    return parsed;
  }();
  return options;
}

// A child of fork() has no queue, no thread of the device and no event: it
// starts from nothing if it opens the device. The parent's objects are left
// where they are; nothing in them may be touched (locks, threads).
struct ForkGuard {
  static void prepare() { making().lock(); }
  static void parent() { making().unlock(); }
  static void child() {
    if (Node* node = g_node.load(std::memory_order_relaxed)) {
      node->device_->forget_after_fork();
      g_parent_kfd_inode.store(node->kfd_inode_, std::memory_order_relaxed);
    }
    g_node.store(nullptr, std::memory_order_relaxed);
    making().unlock();
  }
};

bool Node::start(std::string& error) {
  const NodeConfig& config = options_.node;
  store_ = Store::open(config.name, config.gpus, error);
  if (!store_) return false;
  kfd_file_ = memfd_create("xsched-sim-kfd", MFD_CLOEXEC);
  const uint64_t bytes = Queues::doorbell_pages(config.gpus - 1) + Queues::kDoorbellBytes;
  if (kfd_file_ < 0 || ftruncate(kfd_file_, static_cast<off_t>(bytes)) != 0) {
    error = "cannot create the doorbell pages";
    return false;
  }
  kfd_inode_ = inode_of(kfd_file_);
  memory_ = std::make_unique<Memory>(*store_, space_);
  svm_ = std::make_unique<Svm>(space_, config.gpus);
  queues_ = std::make_unique<Queues>(kfd_file_, config.gpus, space_);

  host_.target = config.target;
  host_.memory = &space_;
  host_.raise_event = raise_event;
  host_.realtime_ticks = [](void*) { return realtime_ticks(); };
  host_.context = &events_;
  NodeCallbacks callbacks;
  callbacks.raise_event = raise_event;
  callbacks.queue_error = queue_error;
  callbacks.context = &events_;
  device_ = Device::open(config, host_, callbacks, error);
  if (!device_) return false;
  memory_->set_device(device_);
  queues_->set_device(device_);
  return true;
}

Node* Node::current() {
  return g_node.load(std::memory_order_acquire);
}

Node* Node::get() {
  if (Node* node = current()) return node;
  const Options* options = process_options();
  if (!options) return nullptr;
  static std::once_flag fork_guard;
  std::call_once(fork_guard,
                 [] { pthread_atfork(ForkGuard::prepare, ForkGuard::parent, ForkGuard::child); });
  std::lock_guard lock(making());
  if (Node* node = current()) return node;
  auto node = std::unique_ptr<Node>(new Node);
  node->options_ = *options;
  std::string error;
  if (!node->start(error)) {
    static std::atomic<bool> said{false};
    if (!said.exchange(true)) log(LogLevel::kError, "%s; no GPU is simulated", error.c_str());
    if (node->kfd_file_ >= 0) ::close(node->kfd_file_);
    return nullptr;
  }
  Node* made = node.release();
  g_node.store(made, std::memory_order_release);
  return made;
}

int Node::open_kfd() const {
  return fcntl(kfd_file_, F_DUPFD_CLOEXEC, 3);
}

int Node::open_render(uint32_t gpu) const {
  if (gpu >= store_->gpus()) {
    errno = ENOENT;
    return -1;
  }
  return fcntl(store_->fd(gpu), F_DUPFD_CLOEXEC, 3);
}

bool Node::is_kfd(int fd) const {
  return inode_of(fd) == kfd_inode_;
}

bool is_inherited_kfd(int fd) {
  const uint64_t parent = g_parent_kfd_inode.load(std::memory_order_relaxed);
  return parent != 0 && inode_of(fd) == parent;
}

}  // namespace xsim
