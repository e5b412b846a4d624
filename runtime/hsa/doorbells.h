// SPDX-License-Identifier: Apache-2.0
//
// The doorbells of proxy queues. Every hsa_signal_store of the process passes
// our entry, so telling a proxy's doorbell from any other signal must cost two
// instructions: ours stand in one array, and the handle is an address in it.
//
// Each is a copy of the hardware queue's own doorbell object (128 bytes in
// ROCr: amd_signal_t and the private tail that leads to the implementation),
// so that functions which we do not enter act on the real doorbell.
#pragma once

#include <hsa/hsa.h>

#include <atomic>
#include <cstdint>

namespace xsched {

class Gate;
struct QueueHandle;  // proxy_queue.h

inline constexpr uint32_t kMaxDoorbells = 2048;
inline constexpr uint32_t kDoorbellBytes = 128;

struct alignas(kDoorbellBytes) Doorbell {
  unsigned char object[kDoorbellBytes];
};

extern Doorbell g_doorbells[kMaxDoorbells];
extern std::atomic<QueueHandle*> g_doorbell_owner[kMaxDoorbells];

// The proxy queue whose doorbell this is, or null.
inline QueueHandle* owner_of(hsa_signal_t signal) noexcept {
  const uint64_t offset = signal.handle - reinterpret_cast<uint64_t>(g_doorbells);
  if (offset >= sizeof g_doorbells) return nullptr;
  // Acquire: the handle's fields are as they were when it was published.
  return g_doorbell_owner[offset / kDoorbellBytes].load(std::memory_order_acquire);
}

}  // namespace xsched
