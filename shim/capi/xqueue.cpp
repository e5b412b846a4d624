// SPDX-License-Identifier: Apache-2.0
//
// xsched/xqueue.h and xsched/hip/hal.h.
#include "xsched/xqueue.h"

#include "hip.h"
#include "registry.h"

using namespace xsched::capi;

namespace {

// Waits for a hardware queue's stream, or says that it cannot.
XResult wait_on(const HwQueue& hwq) {
  return hwq.reachable() ? wait_for(hwq.stream) : kXSchedErrorNotSupported;
}

XResult launch_on(Registry& registry, HwQueueHandle hwq, HwCommandHandle hw_cmd) {
  Command command;
  const XResult taken = registry.take_command(hw_cmd, command);
  return taken == kXSchedSuccess ? command.launch(hwq, command.data) : taken;
}

XResult suspend(Registry& registry, XQueueHandle xq, int64_t flags) {
  constexpr int64_t kWaits = kQueueSuspendFlagWaitAll | kQueueSuspendFlagWaitIdle;
  if ((flags & ~(kWaits | kQueueSuspendFlagSyncHwQueue)) != 0) return kXSchedErrorInvalidValue;
  Handle handle;
  HwQueue hwq;
  const XResult found = registry.find(xq, handle, hwq);
  if (found != kXSchedSuccess || handle.suspended) return found;
  if ((flags & kWaits) != 0) {
    XQueueState state = kQueueStateIdle;
    do {
      if (const XResult waited = wait_on(hwq); waited != kXSchedSuccess) return waited;
      // Idle is more than what was submitted until now.
      if ((flags & kQueueSuspendFlagWaitIdle) == 0) break;
      if (const XResult asked = query(hwq.stream, state); asked != kXSchedSuccess) return asked;
    } while (state != kQueueStateIdle);
  }
  return registry.suspend(xq, true, (flags & kQueueSuspendFlagSyncHwQueue) != 0);
}

}  // namespace

XResult HipQueueCreate(HwQueueHandle* hwq, hipStream_t stream) {
  if (hwq == nullptr) return kXSchedErrorInvalidValue;
  return guarded([=](Registry& registry) { return registry.create_hw_queue(stream, *hwq); });
}

XResult HwQueueDestroy(HwQueueHandle hwq) {
  return guarded([=](Registry& registry) { return registry.destroy_hw_queue(hwq); });
}

XResult HwQueueLaunch(HwQueueHandle hwq, HwCommandHandle hw_cmd) {
  return guarded([=](Registry& registry) {
    HwQueue found;
    const XResult result = registry.find(hwq, found);
    return result == kXSchedSuccess ? launch_on(registry, hwq, hw_cmd) : result;
  });
}

XResult HwQueueSynchronize(HwQueueHandle hwq) {
  return guarded([=](Registry& registry) {
    HwQueue found;
    const XResult result = registry.find(hwq, found);
    return result == kXSchedSuccess ? wait_on(found) : result;
  });
}

XResult HwCommandCreateCallback(HwCommandHandle* hw_cmd, LaunchCallback launch, void* data) {
  if (hw_cmd == nullptr || launch == nullptr) return kXSchedErrorInvalidValue;
  return guarded([=](Registry& registry) {
    *hw_cmd = registry.add_command({launch, data});
    return kXSchedSuccess;
  });
}

XResult HwCommandDestroy(HwCommandHandle hw_cmd) {
  return guarded([=](Registry& registry) { return registry.destroy_command(hw_cmd); });
}

XResult XQueueCreate(XQueueHandle* xq, HwQueueHandle hwq, int64_t level, int64_t flags) {
  if (xq == nullptr || level <= kPreemptLevelUnknown || level >= kPreemptLevelMax)
    return kXSchedErrorInvalidValue;
  if (flags != kQueueCreateFlagNone) return kXSchedErrorNotSupported;
  return guarded(
      [=](Registry& registry) { return registry.create(hwq, static_cast<uint32_t>(level), *xq); });
}

XResult XQueueDestroy(XQueueHandle xq) {
  return guarded([=](Registry& registry) {
    HwQueue hwq;
    const XResult result = registry.destroy(xq, hwq);
    // The stream may be gone already, which HIP reports; the XQueue is, too.
    if (result == kXSchedSuccess && hwq.xqueue != 0 && hwq.reachable()) wait_for(hwq.stream);
    return result;
  });
}

XResult XQueueGet(XQueueHandle* xq, HwQueueHandle hwq) {
  if (xq == nullptr) return kXSchedErrorInvalidValue;
  return guarded([=](Registry& registry) {
    HwQueue found;
    const XResult result = registry.find(hwq, found);
    if (result != kXSchedSuccess) return result;
    if (found.handle == 0) return kXSchedErrorNotFound;
    *xq = found.handle;
    return kXSchedSuccess;
  });
}

XResult XQueueSetPreemptLevel(XQueueHandle xq, XPreemptLevel level) {
  if (level <= kPreemptLevelUnknown || level >= kPreemptLevelMax) return kXSchedErrorInvalidValue;
  return guarded(
      [=](Registry& registry) { return registry.set_level(xq, static_cast<uint32_t>(level)); });
}

XResult XQueueSetLaunchConfig(XQueueHandle xq, int64_t threshold, int64_t batch_size) {
  return guarded(
      [=](Registry& registry) { return registry.set_launch(xq, threshold, batch_size); });
}

XResult XQueueSubmit(XQueueHandle xq, HwCommandHandle hw_cmd) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult result = registry.find(xq, handle, hwq);
    return result == kXSchedSuccess ? launch_on(registry, handle.hwq, hw_cmd) : result;
  });
}

XResult XQueueWait(XQueueHandle xq, HwCommandHandle hw_cmd) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    XResult result = registry.find(xq, handle, hwq);
    if (result == kXSchedSuccess) result = registry.was_submitted(hw_cmd);
    return result == kXSchedSuccess ? wait_on(hwq) : result;
  });
}

XResult XQueueWaitAll(XQueueHandle xq) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult result = registry.find(xq, handle, hwq);
    return result == kXSchedSuccess ? wait_on(hwq) : result;
  });
}

XResult XQueueQuery(XQueueHandle xq, XQueueState* state) {
  if (state == nullptr) return kXSchedErrorInvalidValue;
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult result = registry.find(xq, handle, hwq);
    if (result != kXSchedSuccess) return result;
    return hwq.reachable() ? query(hwq.stream, *state) : kXSchedErrorNotSupported;
  });
}

XResult XQueueSuspend(XQueueHandle xq, int64_t flags) {
  return guarded([=](Registry& registry) { return suspend(registry, xq, flags); });
}

XResult XQueueResume(XQueueHandle xq, int64_t flags) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult result = registry.find(xq, handle, hwq);
    if (result != kXSchedSuccess) return result;
    if ((flags & kQueueResumeFlagDropCommands) != 0) return kXSchedErrorNotSupported;
    if (flags != kQueueResumeFlagNone) return kXSchedErrorInvalidValue;
    return registry.suspend(xq, false);
  });
}

XResult XQueueProfileHwCommandCount(XQueueHandle xq, int64_t* count) {
  if (count == nullptr) return kXSchedErrorInvalidValue;
  return guarded([=](Registry& registry) { return registry.submitted(xq, *count); });
}
