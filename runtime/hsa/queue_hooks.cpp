// SPDX-License-Identifier: Apache-2.0
//
// Our entries in the HSA API table. hsa_queue_create makes the real queue and
// hands out a proxy; everything that the application does with the proxy is
// answered here, and everything that is meant for the hardware is passed on
// with the real queue's handle.
#include <hsa/amd_hsa_queue.h>
#include <hsa/amd_hsa_signal.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "../base/config.h"
#include "../base/log.h"
#include "../trace/hip_calls.h"
#include "../xqueue/session.h"
#include "api.h"
#include "doorbells.h"
#include "memory.h"
#include "ring_memory.h"

namespace xsched {

Doorbell g_doorbells[kMaxDoorbells];
std::atomic<QueueHandle*> g_doorbell_owner[kMaxDoorbells];

// A proxy queue: what the application holds, and what stands behind it.
struct QueueHandle {
  // Must come first and be laid out as ROCr's SharedQueue (amd_queue_v2_t and
  // the pointer to its implementation), so that functions which we do not
  // enter act on the real queue.
  struct alignas(64) Proxy {
    amd_queue_v2_t queue;
    void* implementation;
  };

  Proxy* proxy = nullptr;
  GpuBuffer proxy_memory;
  RingMemory ring_memory;
  hsa_agent_t agent{0};
  hsa_queue_t* target = nullptr;  // the next layer's queue
  Session* session = nullptr;     // whose xqueue is
  XQueue* xqueue = nullptr;
  Gate* gate = nullptr;  // xqueue's, for the hot path
  uint32_t doorbell = 0;
  int references = 1;  // ROCr hands out one cooperative queue an agent, counted
  GateSignals signals;
  void (*callback)(hsa_status_t, hsa_queue_t*, void*) = nullptr;
  void* callback_data = nullptr;

  // What the application holds.
  hsa_queue_t* handle() const { return gate != nullptr ? &proxy->queue.hsa_queue : target; }
};

namespace {

using QueueCallback = void (*)(hsa_status_t, hsa_queue_t*, void*);

const CoreApiTable& core() {
  return next_api().core;
}
const AmdExtTable& amd() {
  return next_api().amd;
}

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

QueueHandle* handle_of(const hsa_queue_t* queue) noexcept {
  return queue == nullptr ? nullptr : owner_of(queue->doorbell_signal);
}

// The next layer's handle for whatever queue the application names.
hsa_queue_t* real(const hsa_queue_t* queue) noexcept {
  if (QueueHandle* h = handle_of(queue)) return h->target;
  return const_cast<hsa_queue_t*>(queue);
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

// --- entries ------------------------------------------------------------------

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

// Counted queues (ROCr > 7.2): each user's handle stands for a hardware queue
// that others write too. A gate is its hardware ring's only writer, so these
// pass by, and the log says so. The headers here may be older than the entry;
// tables only ever grow, so its place is the same in all.
using CountedAcquire = hsa_status_t (*)(hsa_agent_t, hsa_queue_type32_t, hsa_amd_queue_priority_t,
                                        QueueCallback, void*, uint64_t, hsa_queue_t**);
constexpr size_t kCountedAcquireOffset = 624;  // AmdExtTable::hsa_amd_counted_queue_acquire_fn
std::atomic<CountedAcquire> g_counted_acquire{nullptr};

hsa_status_t counted_acquire(hsa_agent_t agent, hsa_queue_type32_t type,
                             hsa_amd_queue_priority_t priority, QueueCallback callback, void* data,
                             uint64_t flags, hsa_queue_t** queue) {
  static Once once;
  if (once.first()) {
    log(LogLevel::kWarn,
        "the application uses counted queues, which are not scheduled; "
        "make the HIP runtime use queues of its own");
  }
  return g_counted_acquire.load(std::memory_order_relaxed)(agent, type, priority, callback, data,
                                                           flags, queue);
}

void enter_counted_queues(AmdExtTable& table) noexcept {
  if (table.version.major_id != HSA_AMD_EXT_API_TABLE_MAJOR_VERSION ||
      table.version.minor_id < kCountedAcquireOffset + sizeof(CountedAcquire)) {
    return;
  }
  void* const place = reinterpret_cast<char*>(&table) + kCountedAcquireOffset;
  CountedAcquire next = nullptr;
  std::memcpy(&next, place, sizeof next);
  if (next == nullptr) return;
  g_counted_acquire.store(next, std::memory_order_relaxed);
  const CountedAcquire ours = counted_acquire;
  std::memcpy(place, &ours, sizeof ours);
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

// The proxy queue that this thread rang last. Initial-exec: one store, no call,
// at each doorbell; the shim is loaded with the program, where that is allowed.
[[gnu::tls_model("initial-exec")]] thread_local const QueueHandle* t_last_rung = nullptr;

// Doorbells. The value is not used: packets are found by their headers, as a
// producer may ring before an earlier one has published.
#define XSCHED_STORE(name)                                   \
  void name(hsa_signal_t signal, hsa_signal_value_t value) { \
    if (QueueHandle* h = owner_of(signal)) {                 \
      t_last_rung = h;                                       \
      h->gate->pump();                                       \
    } else {                                                 \
      core().hsa_##name##_fn(signal, value);                 \
    }                                                        \
  }
XSCHED_STORE(signal_store_relaxed)
XSCHED_STORE(signal_store_screlease)
XSCHED_STORE(signal_silent_store_relaxed)
XSCHED_STORE(signal_silent_store_screlease)
#undef XSCHED_STORE

#define XSCHED_LOAD_INDEX(name, field, order)                                       \
  uint64_t name(const hsa_queue_t* queue) {                                         \
    if (QueueHandle* h = handle_of(queue)) {                                        \
      return __atomic_load_n(const_cast<uint64_t*>(&h->proxy->queue.field), order); \
    }                                                                               \
    return core().hsa_##name##_fn(queue);                                           \
  }
XSCHED_LOAD_INDEX(queue_load_read_index_scacquire, read_dispatch_id, __ATOMIC_ACQUIRE)
XSCHED_LOAD_INDEX(queue_load_read_index_relaxed, read_dispatch_id, __ATOMIC_RELAXED)
XSCHED_LOAD_INDEX(queue_load_write_index_scacquire, write_dispatch_id, __ATOMIC_ACQUIRE)
XSCHED_LOAD_INDEX(queue_load_write_index_relaxed, write_dispatch_id, __ATOMIC_RELAXED)
#undef XSCHED_LOAD_INDEX

#define XSCHED_ADD_INDEX(name, order)                                                             \
  uint64_t name(const hsa_queue_t* queue, uint64_t value) {                                       \
    if (QueueHandle* h = handle_of(queue)) {                                                      \
      return __atomic_fetch_add(const_cast<uint64_t*>(&h->proxy->queue.write_dispatch_id), value, \
                                order);                                                           \
    }                                                                                             \
    return core().hsa_##name##_fn(queue, value);                                                  \
  }
XSCHED_ADD_INDEX(queue_add_write_index_scacq_screl, __ATOMIC_ACQ_REL)
XSCHED_ADD_INDEX(queue_add_write_index_scacquire, __ATOMIC_ACQUIRE)
XSCHED_ADD_INDEX(queue_add_write_index_relaxed, __ATOMIC_RELAXED)
XSCHED_ADD_INDEX(queue_add_write_index_screlease, __ATOMIC_RELEASE)
#undef XSCHED_ADD_INDEX

#define XSCHED_CAS_INDEX(name, success, failure)                                             \
  uint64_t name(const hsa_queue_t* queue, uint64_t expected, uint64_t value) {               \
    if (QueueHandle* h = handle_of(queue)) {                                                 \
      __atomic_compare_exchange_n(const_cast<uint64_t*>(&h->proxy->queue.write_dispatch_id), \
                                  &expected, value, false, success, failure);                \
      return expected;                                                                       \
    }                                                                                        \
    return core().hsa_##name##_fn(queue, expected, value);                                   \
  }
XSCHED_CAS_INDEX(queue_cas_write_index_scacq_screl, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
XSCHED_CAS_INDEX(queue_cas_write_index_scacquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)
XSCHED_CAS_INDEX(queue_cas_write_index_relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
XSCHED_CAS_INDEX(queue_cas_write_index_screlease, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#undef XSCHED_CAS_INDEX

#define XSCHED_STORE_INDEX(name, order)                                                          \
  void name(const hsa_queue_t* queue, uint64_t value) {                                          \
    if (QueueHandle* h = handle_of(queue)) {                                                     \
      __atomic_store_n(const_cast<uint64_t*>(&h->proxy->queue.write_dispatch_id), value, order); \
    } else {                                                                                     \
      core().hsa_##name##_fn(queue, value);                                                      \
    }                                                                                            \
  }
XSCHED_STORE_INDEX(queue_store_write_index_relaxed, __ATOMIC_RELAXED)
XSCHED_STORE_INDEX(queue_store_write_index_screlease, __ATOMIC_RELEASE)
#undef XSCHED_STORE_INDEX

// What is meant for the hardware queue.
hsa_status_t queue_inactivate(hsa_queue_t* queue) {
  return core().hsa_queue_inactivate_fn(real(queue));
}
hsa_status_t profiling_set_profiler_enabled(hsa_queue_t* queue, int enable) {
  return amd().hsa_amd_profiling_set_profiler_enabled_fn(real(queue), enable);
}
hsa_status_t queue_set_priority(hsa_queue_t* queue, hsa_amd_queue_priority_t priority) {
  const hsa_status_t status = amd().hsa_amd_queue_set_priority_fn(real(queue), priority);
  QueueHandle* h = handle_of(queue);
  if (status == HSA_STATUS_SUCCESS && h != nullptr && h->session == Session::existing()) {
    const int steps = priority > HSA_AMD_QUEUE_PRIORITY_NORMAL   ? 1
                      : priority < HSA_AMD_QUEUE_PRIORITY_NORMAL ? -1
                                                                 : 0;
    h->session->set_stream_priority(*h->xqueue, steps);
  }
  return status;
}
hsa_status_t queue_cu_set_mask(const hsa_queue_t* queue, uint32_t bits, const uint32_t* mask) {
  return amd().hsa_amd_queue_cu_set_mask_fn(real(queue), bits, mask);
}
hsa_status_t queue_cu_get_mask(const hsa_queue_t* queue, uint32_t bits, uint32_t* mask) {
  return amd().hsa_amd_queue_cu_get_mask_fn(real(queue), bits, mask);
}
hsa_status_t queue_get_info(hsa_queue_t* queue, hsa_queue_info_attribute_t attribute, void* value) {
  return amd().hsa_amd_queue_get_info_fn(real(queue), attribute, value);
}
hsa_status_t intercept_register(hsa_queue_t* queue, hsa_amd_queue_intercept_handler handler,
                                void* data) {
  return amd().hsa_amd_queue_intercept_register_fn(real(queue), handler, data);
}

}  // namespace

void forget_last_rung() noexcept {
  t_last_rung = nullptr;
}
uint32_t last_rung_xqueue() noexcept {
  return t_last_rung != nullptr ? t_last_rung->xqueue->id() : 0;
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

void enter_queue_hooks(HsaApiTable& table) noexcept {
  // An entry beyond the table's size (an older ROCr) is left alone.
#define XSCHED_ENTER(part, type, member, function) \
  if (XSCHED_TABLE_HAS(table.part, type, member)) table.part->member = function
#define XSCHED_CORE(name) XSCHED_ENTER(core_, CoreApiTable, hsa_##name##_fn, name)
  XSCHED_CORE(queue_create);
  XSCHED_CORE(queue_destroy);
  XSCHED_CORE(queue_inactivate);
  XSCHED_CORE(queue_load_read_index_scacquire);
  XSCHED_CORE(queue_load_read_index_relaxed);
  XSCHED_CORE(queue_load_write_index_scacquire);
  XSCHED_CORE(queue_load_write_index_relaxed);
  XSCHED_CORE(queue_add_write_index_scacq_screl);
  XSCHED_CORE(queue_add_write_index_scacquire);
  XSCHED_CORE(queue_add_write_index_relaxed);
  XSCHED_CORE(queue_add_write_index_screlease);
  XSCHED_CORE(queue_cas_write_index_scacq_screl);
  XSCHED_CORE(queue_cas_write_index_scacquire);
  XSCHED_CORE(queue_cas_write_index_relaxed);
  XSCHED_CORE(queue_cas_write_index_screlease);
  XSCHED_CORE(queue_store_write_index_relaxed);
  XSCHED_CORE(queue_store_write_index_screlease);
  XSCHED_CORE(signal_store_relaxed);
  XSCHED_CORE(signal_store_screlease);
  XSCHED_CORE(signal_silent_store_relaxed);
  XSCHED_CORE(signal_silent_store_screlease);
#undef XSCHED_CORE
#define XSCHED_AMD(member, function) XSCHED_ENTER(amd_ext_, AmdExtTable, member, function)
  XSCHED_AMD(hsa_amd_profiling_set_profiler_enabled_fn, profiling_set_profiler_enabled);
  XSCHED_AMD(hsa_amd_queue_intercept_create_fn, intercept_create);
  XSCHED_AMD(hsa_amd_queue_intercept_register_fn, intercept_register);
  XSCHED_AMD(hsa_amd_queue_set_priority_fn, queue_set_priority);
  XSCHED_AMD(hsa_amd_queue_cu_set_mask_fn, queue_cu_set_mask);
  XSCHED_AMD(hsa_amd_queue_cu_get_mask_fn, queue_cu_get_mask);
  XSCHED_AMD(hsa_amd_queue_get_info_fn, queue_get_info);
#undef XSCHED_AMD
  enter_counted_queues(*table.amd_ext_);
#undef XSCHED_ENTER
}

}  // namespace xsched
