// SPDX-License-Identifier: Apache-2.0
//
// See proxy_queue.h. hsa_queue_create makes the real queue and hands out a
// proxy.
#include <hsa/amd_hsa_signal.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "../base/config.h"
#include "../base/log.h"
#include "../trace/hip_calls.h"
#include "proxy_queue.h"

namespace xsched {
namespace {

// Guards the list; create and destroy only. Leaked: ROCr outlives us at exit.
// Lock order: `wrapping`, the session's, `mutex`.
struct Handles {
  std::mutex wrapping;  // one queue at a time gets its proxy
  std::mutex mutex;     // guards the following
  std::vector<QueueHandle*> all;
  // Queues that run unscheduled: their handle is the error callback's data.
  std::vector<QueueHandle*> unscheduled;
  hsa_signal_t wake{0};
};
Handles& handles() {
  static auto* h = new Handles;
  return *h;
}

amd_queue_v2_t* amd_queue(hsa_queue_t* queue) {
  return reinterpret_cast<amd_queue_v2_t*>(queue);
}

int64_t* value_of(hsa_signal_t signal) {
  return const_cast<int64_t*>(&reinterpret_cast<amd_signal_t*>(signal.handle)->value);
}

// --- the hardware side of a gate -------------------------------------------

void ring_hardware(void* context, uint64_t index) {
  auto* target = static_cast<hsa_queue_t*>(context);
  core().hsa_signal_store_screlease_fn(target->doorbell_signal,
                                       static_cast<hsa_signal_value_t>(index));
}
uint64_t reserve_through_api(void* context) {
  return core().hsa_queue_add_write_index_relaxed_fn(static_cast<hsa_queue_t*>(context), 1);
}
uint64_t read_through_api(void* context) {
  return core().hsa_queue_load_read_index_scacquire_fn(static_cast<hsa_queue_t*>(context));
}

// The application must see its own handle in its error callback.
void forward_error(hsa_status_t status, hsa_queue_t* source, void* data) {
  auto* h = static_cast<QueueHandle*>(data);
  if (h->callback == nullptr) return;
  h->callback(status, h->gate != nullptr ? h->handle() : source, h->callback_data);
}

hsa_signal_t make_signal(hsa_signal_value_t value) {
  hsa_signal_t signal{0};
  if (core().hsa_signal_create_fn(value, 0, nullptr, &signal) != HSA_STATUS_SUCCESS)
    signal.handle = 0;
  return signal;
}

bool claim_doorbell(QueueHandle* h) {
  for (uint32_t i = 0; i < kMaxDoorbells; ++i) {
    QueueHandle* none = nullptr;
    if (g_doorbell_owner[i].load(std::memory_order_relaxed) == nullptr) {
      h->doorbell = i;
      std::memcpy(g_doorbells[i].object,
                  reinterpret_cast<const void*>(h->target->doorbell_signal.handle), kDoorbellBytes);
      if (g_doorbell_owner[i].compare_exchange_strong(none, h, std::memory_order_release))
        return true;
    }
  }
  return false;
}

void release_parts(QueueHandle* h) {
  if (h->signals.guard_handle != 0) core().hsa_signal_destroy_fn({h->signals.guard_handle});
  if (h->signals.tick_handle != 0) core().hsa_signal_destroy_fn({h->signals.tick_handle});
  h->signals = {};
  h->ring_memory.reset();
  h->proxy_memory.reset();
  h->proxy = nullptr;
}

uint64_t wake_signal() {
  Handles& all = handles();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.wake.handle == 0) all.wake = make_signal(0);
  return all.wake.handle;
}

// HIP makes four queues for the streams of one priority, and more if it is told
// to (XSCHED_STREAM_QUEUES). Those have a shorter hardware ring: what the
// application writes waits in the proxy ring, which is as long as it asked for
// and takes memory as it is used, so that a stream costs kilobytes.
constexpr size_t kLongRings = 4;
constexpr uint32_t kShortRing = 256;

size_t queues_of(hsa_agent_t agent) {
  Handles& all = handles();
  const std::lock_guard<std::mutex> lock(all.mutex);
  return static_cast<size_t>(
      std::count_if(all.all.begin(), all.all.end(),
                    [&](const QueueHandle* h) { return h->agent.handle == agent.handle; }));
}

uint32_t hardware_packets(hsa_agent_t agent, hsa_queue_type32_t type, uint32_t asked) {
  uint32_t most = 0;
  // What ROCr refuses must reach it as it is.
  const bool plain = type != HSA_QUEUE_TYPE_COOPERATIVE && (asked & (asked - 1)) == 0 &&
                     core().hsa_agent_get_info_fn(agent, HSA_AGENT_INFO_QUEUE_MAX_SIZE, &most) ==
                         HSA_STATUS_SUCCESS &&
                     asked <= most;
  return plain && asked > kShortRing && queues_of(agent) >= kLongRings ? kShortRing : asked;
}

// Puts a proxy with a ring of `packets` in front of `target`. Null if it cannot
// be: the application then gets a real queue, unscheduled, and the log says so.
QueueHandle* wrap(QueueHandle* h, hsa_agent_t agent, hsa_queue_t* target, uint64_t packets) {
  Session* session = Session::get();
  if (session == nullptr) return nullptr;
  h->target = target;

  KfdQueue* kfd = find_kfd_queue(const_cast<const uint64_t*>(
      reinterpret_cast<volatile uint64_t*>(&amd_queue(target)->write_dispatch_id)));
  const bool hardware_ring = kfd != nullptr || last_created() == nullptr;
  if (kfd == nullptr) kfd = last_created();  // a tool's queue on top of the hardware queue

  h->proxy_memory = allocate_shared(agent, sizeof(QueueHandle::Proxy));
  h->ring_memory = RingMemory::allocate(packets);
  if (!h->proxy_memory || !h->ring_memory) {
    log(LogLevel::kError, "no memory for a proxy ring of %lu packets: a queue is not scheduled",
        packets);
    return nullptr;
  }
  h->proxy = static_cast<QueueHandle::Proxy*>(h->proxy_memory.get());
  std::memcpy(static_cast<void*>(h->proxy), target, sizeof *h->proxy);
  Packet* ring = h->ring_memory.get();
  h->agent = agent;
  h->proxy->queue.hsa_queue.base_address = ring;
  h->proxy->queue.hsa_queue.size = static_cast<uint32_t>(packets);
  h->proxy->queue.write_dispatch_id = 0;
  h->proxy->queue.read_dispatch_id = 0;

  const hsa_signal_t guard = make_signal(0);
  const hsa_signal_t tick = make_signal(0);
  if (guard.handle != 0)
    h->signals.guard_handle = guard.handle, h->signals.guard_value = value_of(guard);
  if (tick.handle != 0)
    h->signals.tick_handle = tick.handle, h->signals.tick_value = value_of(tick);

  XQueueParts parts;
  parts.kfd = kfd;
  parts.signals = h->signals;
  parts.wake_signal = wake_signal();
  parts.hardware.base = static_cast<Packet*>(target->base_address);
  parts.hardware.packets = target->size;
  parts.hardware.doorbell = ring_hardware;
  parts.hardware.context = target;
  if (hardware_ring) {
    parts.hardware.write_index = const_cast<uint64_t*>(&amd_queue(target)->write_dispatch_id);
    parts.hardware.read_index = const_cast<uint64_t*>(&amd_queue(target)->read_dispatch_id);
  } else {
    parts.hardware.reserve = reserve_through_api;
    parts.hardware.load_read_index = read_through_api;
  }
  parts.proxy.base = ring;
  parts.proxy.packets = packets;
  parts.proxy.write_index = const_cast<uint64_t*>(&h->proxy->queue.write_dispatch_id);
  parts.proxy.read_index = const_cast<uint64_t*>(&h->proxy->queue.read_dispatch_id);

  h->xqueue = session->add(parts);
  if (h->xqueue == nullptr) return nullptr;
  h->session = session;
  h->gate = &h->xqueue->gate();
  if (!claim_doorbell(h)) {
    log(LogLevel::kWarn, "all %u doorbells are in use: a queue is not scheduled", kMaxDoorbells);
    session->remove(h->xqueue);
    h->xqueue = nullptr;
    h->gate = nullptr;
    return nullptr;
  }
  h->proxy->queue.hsa_queue.doorbell_signal.handle =
      reinterpret_cast<uint64_t>(g_doorbells[h->doorbell].object);
  const std::lock_guard<std::mutex> lock(handles().mutex);
  handles().all.push_back(h);
  return h;
}

// A tool's layer may create its own queues inside our call; those are beneath
// the proxy and must not get one of their own.
thread_local int t_creating = 0;

template <typename Create>
hsa_status_t create_gated(hsa_agent_t agent, hsa_queue_type32_t type, uint32_t asked,
                          QueueCallback callback, void* data, hsa_queue_t** out, Create create) {
  if (t_creating != 0 || out == nullptr || Session::forked()) {
    return create(asked, callback, data, out);
  }
  auto* h = new (std::nothrow) QueueHandle;
  if (h == nullptr) return create(asked, callback, data, out);
  h->callback = callback;
  h->callback_data = data;

  reset_last_created();
  hsa_queue_t* target = nullptr;
  const uint32_t given = hardware_packets(agent, type, asked);
  const auto create_real = [&](uint32_t size) {
    ++t_creating;
    const hsa_status_t status =
        create(size, callback != nullptr ? forward_error : nullptr, h, &target);
    --t_creating;
    return status;
  };
  hsa_status_t status = create_real(given);
  if (status != HSA_STATUS_SUCCESS) {
    delete h;
    return status;
  }
  Handles& all = handles();
  const std::lock_guard<std::mutex> wrapping(all.wrapping);
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (QueueHandle* other : all.all) {
      if (other->target != target) continue;
      ++other->references;
      *out = other->handle();
      delete h;
      return status;
    }
  }
  trace_hip_calls();  // HIP may have come after HSA
  if (wrap(h, agent, target, given == asked ? target->size : asked) == nullptr) {
    // Unscheduled, but running.
    release_parts(h);
    h->target = nullptr;
    if (given != asked) {
      core().hsa_queue_destroy_fn(target);
      status = create_real(asked);
      if (status != HSA_STATUS_SUCCESS) {
        delete h;
        return status;
      }
    }
    log(LogLevel::kWarn, "a queue of %u packets runs unscheduled", target->size);
    h->target = target;
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.unscheduled.push_back(h);
    *out = target;
    return status;
  }
  *out = h->handle();
  if (queues_of(agent) == config().hip_queues) {
    log(LogLevel::kInfo,
        "a gpu has %u hardware queues of this process: hip lets further streams of one priority "
        "share them (XSCHED_STREAM_QUEUES)",
        config().hip_queues);
  }
  return status;
}

hsa_status_t destroy_unscheduled(hsa_queue_t* queue) {
  // Off the list first: the address may be a new queue's as soon as this one
  // is gone.
  std::unique_ptr<QueueHandle> handle;
  {
    Handles& all = handles();
    const std::lock_guard<std::mutex> lock(all.mutex);
    std::erase_if(all.unscheduled, [&](QueueHandle* h) {
      if (h->target != queue) return false;
      handle.reset(h);
      return true;
    });
  }
  return core().hsa_queue_destroy_fn(queue);
}

}  // namespace

hsa_status_t queue_create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                          QueueCallback callback, void* data, uint32_t private_bytes,
                          uint32_t group_bytes, hsa_queue_t** queue) {
  return create_gated(agent, type, size, callback, data, queue,
                      [&](uint32_t packets, QueueCallback cb, void* d, hsa_queue_t** out) {
                        return core().hsa_queue_create_fn(agent, packets, type, cb, d,
                                                          private_bytes, group_bytes, out);
                      });
}

hsa_status_t intercept_create(hsa_agent_t agent, uint32_t size, hsa_queue_type32_t type,
                              QueueCallback callback, void* data, uint32_t private_bytes,
                              uint32_t group_bytes, hsa_queue_t** queue) {
  return create_gated(agent, type, size, callback, data, queue,
                      [&](uint32_t packets, QueueCallback cb, void* d, hsa_queue_t** out) {
                        return amd().hsa_amd_queue_intercept_create_fn(
                            agent, packets, type, cb, d, private_bytes, group_bytes, out);
                      });
}

hsa_status_t queue_destroy(hsa_queue_t* queue) {
  QueueHandle* h = handle_of(queue);
  if (Session::forked()) return core().hsa_queue_destroy_fn(queue);
  if (h == nullptr) return destroy_unscheduled(queue);
  {
    Handles& all = handles();
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (--h->references > 0) return core().hsa_queue_destroy_fn(h->target);
    std::erase(all.all, h);
  }
  if (h->session == Session::existing()) h->session->remove(h->xqueue);
  hsa_queue_t* target = h->target;
  const hsa_status_t status = core().hsa_queue_destroy_fn(target);
  g_doorbell_owner[h->doorbell].store(nullptr, std::memory_order_release);
  release_parts(h);
  delete h;
  return status;
}

void forget_queues() noexcept {
  // The handles themselves stay: who uses one of a dead HSA's queues is wrong,
  // but need not crash in our code.
  Handles& all = handles();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (QueueHandle* h : all.all) {
    g_doorbell_owner[h->doorbell].store(nullptr, std::memory_order_release);
  }
  all.all.clear();
  all.unscheduled.clear();
  // Nobody waits for its event any more (Session::end). ROCr would report a
  // leak at its shutdown otherwise.
  if (all.wake.handle != 0) core().hsa_signal_destroy_fn(all.wake);
  all.wake = {0};
}

}  // namespace xsched
