// SPDX-License-Identifier: Apache-2.0
//
// Our entries in the HSA API table. Everything that the application does with
// a proxy queue is answered here, and everything that is meant for the hardware
// is passed on with the real queue's handle.
#include <atomic>
#include <cstring>

#include "../base/log.h"
#include "proxy_queue.h"

namespace xsched {

Doorbell g_doorbells[kMaxDoorbells];
std::atomic<QueueHandle*> g_doorbell_owner[kMaxDoorbells];

namespace {

// The next layer's handle for whatever queue the application names.
hsa_queue_t* real(const hsa_queue_t* queue) noexcept {
  if (QueueHandle* h = handle_of(queue)) return h->target;
  return const_cast<hsa_queue_t*>(queue);
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
