// SPDX-License-Identifier: Apache-2.0
//
// The HSA API table: what ROCr offers below us, and our entries in it.
#pragma once

#define AMD_INTERNAL_BUILD
#include <hsa/hsa.h>
#include <hsa/hsa_api_trace.h>
#include <hsa/hsa_ext_amd.h>

namespace xsched {

// The next layer's functions, copied before ours were entered. Entries that
// this ROCr's table does not have are null.
struct NextApi {
  CoreApiTable core;
  AmdExtTable amd;
};
const NextApi& next_api() noexcept;

// True once the table was taken over.
bool api_installed() noexcept;

// Copies the table and enters our functions; a second call does nothing. False
// (and a log line) if the table is not one that we know.
bool install_api(HsaApiTable* table) noexcept;

// HSA shuts down: its queues are forgotten, and a later install_api() (HSA
// starts again, with a fresh table) is a first one.
void uninstall_api() noexcept;

// Which XQueue is behind a stream: forget, give the stream something harmless
// on this thread, ask. HIP submits on the calling thread. 0: no doorbell of a
// scheduled queue was rung; only while the queue it was is certain to exist.
void forget_last_rung() noexcept;
uint32_t last_rung_xqueue() noexcept;

// Enters the queue and signal functions (queue_hooks.cpp).
void enter_queue_hooks(HsaApiTable& table) noexcept;
// Enters what makes and destroys inter-process signals (signal_hooks.cpp).
void enter_signal_hooks(HsaApiTable& table) noexcept;
// Forgets all queues without touching them (proxy_queues.cpp).
void forget_queues() noexcept;

// True if the table has `member`: a table's minor_id is its size in bytes.
#define XSCHED_TABLE_HAS(table, type, member) \
  ((table)->version.minor_id >= offsetof(type, member) + sizeof((table)->member))

}  // namespace xsched
