// SPDX-License-Identifier: Apache-2.0
//
// The gate rig's rings and slot, under an XQueue instead of its own gate.
#pragma once

#include <memory>

#include "gate_rig.h"
#include "runtime/xqueue/xqueue.h"

namespace xsched::test {

struct XQueueRig : Rig {
  XQueueRig() {
    parts.hardware.base = hardware.data();
    parts.hardware.packets = hardware.size();
    parts.hardware.write_index = &hardware_write;
    parts.hardware.read_index = &hardware_read;
    parts.hardware.doorbell = [](void*, uint64_t) {};
    parts.proxy = {proxy.data(), proxy.size(), &proxy_write, &proxy_read};
    parts.signals.guard_handle = handle_of(guard);
    parts.signals.guard_value = &guard;
  }
  // A new XQueue, from the parts as they are.
  void make() {
    xqueue = std::make_unique<XQueue>(0, slot, 1, parts,
                                      Gate::Listener{[](void*) {}, [](void*) {}, nullptr});
  }

  XQueueParts parts;
  std::unique_ptr<XQueue> xqueue;
};

}  // namespace xsched::test
