// SPDX-License-Identifier: Apache-2.0
//
// See api.h.
#include "api.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "../base/config.h"
#include "../base/log.h"
#include "../trace/hip_calls.h"
#include "../trace/trace.h"
#include "../xqueue/session.h"

namespace xsched {
namespace {

NextApi g_next;
std::atomic<bool> g_installed{false};

}  // namespace

const NextApi& next_api() noexcept {
  return g_next;
}
bool api_installed() noexcept {
  return g_installed.load(std::memory_order_acquire);
}

bool install_api(HsaApiTable* table) noexcept {
  if (api_installed()) return true;
  if (table == nullptr || table->core_ == nullptr || table->amd_ext_ == nullptr) {
    log(LogLevel::kError, "hsa gave an api table without core or amd part; scheduling is off");
    return false;
  }
  if (!config().enabled) {
    log(LogLevel::kInfo, "XSCHED_AUTO_XQUEUE is off: queues are not scheduled");
    return false;
  }
  // A shorter table (an older ROCr) leaves the rest null.
  std::memset(static_cast<void*>(&g_next), 0, sizeof g_next);
  std::memcpy(static_cast<void*>(&g_next.core), table->core_,
              std::min<size_t>(sizeof g_next.core, table->core_->version.minor_id));
  std::memcpy(static_cast<void*>(&g_next.amd), table->amd_ext_,
              std::min<size_t>(sizeof g_next.amd, table->amd_ext_->version.minor_id));
  if (g_next.core.hsa_queue_create_fn == nullptr ||
      g_next.core.hsa_signal_store_screlease_fn == nullptr) {
    log(LogLevel::kError,
        "hsa's core table has %u bytes, too few for its queue functions; "
        "scheduling is off",
        table->core_->version.minor_id);
    return false;
  }
  enter_queue_hooks(*table);
  enter_signal_hooks(*table);
  // HIP is loaded by now if it is HIP that starts HSA.
  Trace::start(config().trace);
  trace_hip_calls();
  g_installed.store(true, std::memory_order_release);
  log(LogLevel::kDebug, "hsa api table taken over (core %u bytes, amd %u bytes)",
      table->core_->version.minor_id, table->amd_ext_->version.minor_id);
  return true;
}

void uninstall_api() noexcept {
  if (!api_installed()) return;
  Session::end();
  forget_queues();
  g_installed.store(false, std::memory_order_release);
}

}  // namespace xsched
