// SPDX-License-Identifier: Apache-2.0
//
// Creating, changing and destroying this process's queues: KFD's rules.
#include "local_process.h"

#include <signal.h>

#include <cerrno>

#include "aql_queue.h"
#include "sdma_queue.h"

namespace xsim::dev {
namespace {

bool power_of_two(uint64_t v) {
  return v != 0 && (v & (v - 1)) == 0;
}

}  // namespace

int start_thread(pthread_t& thread, const char* name, void* (*entry)(void*), void* argument) {
  // Signals are the application's; a handler of its own must not run on a
  // thread that it does not know.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const int error = pthread_create(&thread, nullptr, entry, argument);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error == 0) pthread_setname_np(thread, name);
  return error;
}

Process::Process(const NodeConfig& config, const isa::Host& host, const NodeCallbacks& callbacks,
                 std::shared_ptr<SharedNode> node, int index)
    : config_(config), host_(host), callbacks_(callbacks), node_(std::move(node)), index_(index) {}

int Process::process_index() {
  if (index_ < 0) index_ = node_->attach();
  return index_;
}

std::shared_ptr<Queue> Process::find(uint32_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = queues_.find(id);
  return it != queues_.end() ? it->second : nullptr;
}

int Process::create_queue(const QueueParams& params) {
  if (params.gpu >= config_.gpus || params.percent > 100 || params.priority > 15) return EINVAL;
  if (params.ring == nullptr || params.read_index == nullptr || params.doorbell == nullptr) {
    return EINVAL;
  }
  const bool aql = params.type == QueueType::kComputeAql;
  const bool sdma = params.type == QueueType::kSdma || params.type == QueueType::kSdmaXgmi;
  // PM4 compute queues: no ROCr since 1.x makes one, so there is no model.
  if (!aql && !sdma) return EINVAL;
  if (!power_of_two(params.ring_bytes) || params.ring_bytes < kPacketBytes) return EINVAL;
  if (aql && params.write_index == nullptr) return EINVAL;

  std::lock_guard<std::mutex> lock(mutex_);
  if (queues_.count(params.id) != 0) return EEXIST;
  const int index = process_index();
  if (index < 0) return ENOMEM;
  const SlotRef slot = node_->add_queue(index, params);
  if (!slot) return ENOMEM;
  std::shared_ptr<Queue> queue;
  if (aql) {
    queue = std::make_shared<AqlQueue>(*this, params, slot);
  } else {
    queue = std::make_shared<SdmaQueue>(*this, params, slot);
  }
  if (!queue->start()) {
    queue->remove();
    return ENOMEM;
  }
  queues_[params.id] = queue;
  return 0;
}

int Process::update_queue(uint32_t id, uint32_t percent, uint32_t priority, uint64_t ring,
                          uint64_t ring_bytes) {
  if (percent > 100 || priority > 15) return EINVAL;
  if (ring_bytes != 0 && !power_of_two(ring_bytes)) return EINVAL;
  const std::shared_ptr<Queue> queue = find(id);
  if (!queue) return EFAULT;
  const QueueParams& params = queue->params();
  if (ring == 0 || ring_bytes == 0) {
    percent = 0;
  } else if (ring != reinterpret_cast<uint64_t>(params.ring) || ring_bytes != params.ring_bytes) {
    return EFAULT;
  }
  return queue->set_share(percent, priority) ? 0 : EFAULT;
}

int Process::destroy_queue(uint32_t id) {
  std::shared_ptr<Queue> queue;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = queues_.find(id);
    if (it == queues_.end()) return EINVAL;
    queue = it->second;
    queues_.erase(it);
  }
  queue->remove();
  return 0;
}

int Process::make_cooperative(uint32_t id) {
  const std::shared_ptr<Queue> queue = find(id);
  if (!queue) return EINVAL;
  queue->make_cooperative();
  return 0;
}

int Process::reserve_vram(uint32_t gpu, uint64_t bytes) {
  if (gpu >= config_.gpus) return EINVAL;
  int index;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    index = process_index();
  }
  return index < 0 ? ENOMEM : node_->reserve_vram(index, gpu, bytes);
}

void Process::release_vram(uint32_t gpu, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (gpu < config_.gpus && index_ >= 0) node_->release_vram(index_, gpu, bytes);
}

uint64_t Process::modelled_ns(const std::string& kernel) const {
  for (const NodeConfig::KernelTime& t : config_.kernel_times) {
    const bool prefix = !t.name.empty() && t.name.back() == '*';
    const size_t n = prefix ? t.name.size() - 1 : t.name.size();
    if (prefix ? kernel.compare(0, n, t.name, 0, n) == 0 : kernel == t.name) {
      return t.us * 1000ull;
    }
  }
  return 0;
}

uint64_t Process::ticks() const {
  if (host_.realtime_ticks != nullptr) return host_.realtime_ticks(host_.context);
  return now_ns() / 10;
}

void Process::raise_event(uint32_t id) const {
  if (id != 0 && callbacks_.raise_event != nullptr) callbacks_.raise_event(callbacks_.context, id);
}

}  // namespace xsim::dev
