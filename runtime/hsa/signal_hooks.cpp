// SPDX-License-Identifier: Apache-2.0
//
// Inter-process signals, noted as they are exported, opened and destroyed: an
// XQueue that waits for one waits for another process. ROCr gives a signal that
// this process has already its own handle back when it is opened, and counts.
#include "../xqueue/session.h"
#include "../xqueue/shared_signals.h"
#include "api.h"

namespace xsched {
namespace {

void note_change() {
  if (Session* session = Session::existing()) session->shared_signals_changed();
}

hsa_status_t ipc_signal_create(hsa_signal_t signal, hsa_amd_ipc_signal_t* handle) {
  const hsa_status_t status = next_api().amd.hsa_amd_ipc_signal_create_fn(signal, handle);
  if (status == HSA_STATUS_SUCCESS) {
    SharedSignals::instance().exported(signal.handle, key_of_handle(handle, sizeof *handle));
    note_change();
  }
  return status;
}

hsa_status_t ipc_signal_attach(const hsa_amd_ipc_signal_t* handle, hsa_signal_t* signal) {
  const hsa_status_t status = next_api().amd.hsa_amd_ipc_signal_attach_fn(handle, signal);
  if (status == HSA_STATUS_SUCCESS) {
    SharedSignals::instance().opened(signal->handle, key_of_handle(handle, sizeof *handle));
    note_change();
  }
  return status;
}

hsa_status_t signal_destroy(hsa_signal_t signal) {
  // Before it is one no more: another signal may get its handle at once.
  if (!Session::forked() && SharedSignals::instance().destroyed(signal.handle)) note_change();
  return next_api().core.hsa_signal_destroy_fn(signal);
}

}  // namespace

void enter_signal_hooks(HsaApiTable& table) noexcept {
  if (!XSCHED_TABLE_HAS(table.amd_ext_, AmdExtTable, hsa_amd_ipc_signal_attach_fn) ||
      !XSCHED_TABLE_HAS(table.core_, CoreApiTable, hsa_signal_destroy_fn)) {
    return;
  }
  table.amd_ext_->hsa_amd_ipc_signal_create_fn = ipc_signal_create;
  table.amd_ext_->hsa_amd_ipc_signal_attach_fn = ipc_signal_attach;
  table.core_->hsa_signal_destroy_fn = signal_destroy;
}

}  // namespace xsched
