// SPDX-License-Identifier: Apache-2.0
//
// What the raw HSA tests share: one GPU agent, barrier packets written by hand
// into a user-mode queue, and the xsched API if the shim is preloaded. A
// program prints the same lines with and without the shim (run_node_test).
#pragma once

#include <dlfcn.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../../runtime/include/xsched/runtime.h"

namespace raw {

constexpr uint64_t kWaitTicks = 10'000'000'000;  // at least 10 s at up to 1 GHz

// _Exit and not exit: HSA's teardown must not hide a failure by hanging.
inline void require(bool right, const char* what) {
  if (right) return;
  std::printf("FAIL %s\n", what);
  std::fflush(stdout);
  std::_Exit(1);
}

inline hsa_agent_t gpu() {
  hsa_agent_t found{0};
  hsa_iterate_agents(
      [](hsa_agent_t agent, void* out) {
        hsa_device_type_t type{};
        if (hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type) == HSA_STATUS_SUCCESS &&
            type == HSA_DEVICE_TYPE_GPU) {
          *static_cast<hsa_agent_t*>(out) = agent;
          return HSA_STATUS_INFO_BREAK;
        }
        return HSA_STATUS_SUCCESS;
      },
      &found);
  if (found.handle == 0) {
    std::printf("skip: no gpu agent\n");
    std::fflush(stdout);
    std::_Exit(77);
  }
  return found;
}

inline hsa_queue_t* make_queue(uint32_t packets,
                               void (*callback)(hsa_status_t, hsa_queue_t*, void*) = nullptr) {
  hsa_queue_t* queue = nullptr;
  require(hsa_queue_create(gpu(), packets, HSA_QUEUE_TYPE_MULTI, callback, nullptr, UINT32_MAX,
                           UINT32_MAX, &queue) == HSA_STATUS_SUCCESS,
          "hsa_queue_create");
  return queue;
}

inline hsa_signal_t make_signal(hsa_signal_value_t value) {
  hsa_signal_t signal{0};
  require(hsa_signal_create(value, 0, nullptr, &signal) == HSA_STATUS_SUCCESS, "hsa_signal_create");
  return signal;
}

// One barrier-AND packet, any number of threads.
inline void put_barrier(hsa_queue_t* queue, hsa_signal_t completion,
                        hsa_signal_t dependency = {0}) {
  const uint64_t index = hsa_queue_add_write_index_screlease(queue, 1);
  while (index - hsa_queue_load_read_index_scacquire(queue) >= queue->size) sched_yield();
  auto* packet = static_cast<hsa_barrier_and_packet_t*>(queue->base_address) +
                 (index & (queue->size - 1));
  std::memset(reinterpret_cast<char*>(packet) + 4, 0, sizeof *packet - 4);
  packet->dep_signal[0] = dependency;
  packet->completion_signal = completion;
  __atomic_store_n(reinterpret_cast<uint32_t*>(packet),
                   HSA_PACKET_TYPE_BARRIER_AND | 1u << HSA_PACKET_HEADER_BARRIER, __ATOMIC_RELEASE);
  hsa_signal_store_screlease(queue->doorbell_signal, static_cast<hsa_signal_value_t>(index));
}

inline bool reaches_zero(hsa_signal_t signal) {
  return hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_LT, 1, kWaitTicks,
                                   HSA_WAIT_STATE_BLOCKED) == 0;
}

// A packet of its own passes the queue.
inline void use(hsa_queue_t* queue) {
  const hsa_signal_t done = make_signal(1);
  put_barrier(queue, done);
  require(reaches_zero(done), "a packet completes");
  hsa_signal_destroy(done);
}

// xsched's functions; each does nothing (returns 0) without the shim.
struct Xsched {
  decltype(&xsched_list) list = look_up<decltype(&xsched_list)>("xsched_list");
  decltype(&xsched_suspend) suspend_fn = look_up<decltype(&xsched_suspend)>("xsched_suspend");
  decltype(&xsched_resume) resume_fn = look_up<decltype(&xsched_resume)>("xsched_resume");
  decltype(&xsched_set_priority) priority_fn =
      look_up<decltype(&xsched_set_priority)>("xsched_set_priority");

  template <typename F>
  static F look_up(const char* name) {
    return reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
  }
  bool present() const { return list != nullptr; }
  int suspend(uint32_t id) const { return suspend_fn ? suspend_fn(id) : 0; }
  int resume(uint32_t id) const { return resume_fn ? resume_fn(id) : 0; }
  int set_priority(uint32_t id, int32_t p) const { return priority_fn ? priority_fn(id, p) : 0; }
  // The newest XQueue; id 0 without the shim.
  xsched_xqueue newest() const {
    xsched_xqueue all[64] = {};
    const int count = list ? list(all, 64, sizeof all[0]) : 0;
    return count > 0 ? all[count - 1] : xsched_xqueue{};
  }
};

}  // namespace raw
