// SPDX-License-Identifier: Apache-2.0
//
// The KFD ABI that this node answers: the system's <linux/kfd_ioctl.h> plus
// the parts that an older header (Debian 12 has minor 11) or every upstream
// header lacks. Structures of our own have other names, so that both can
// stand side by side.
#pragma once

#include <linux/kfd_ioctl.h>

#include <cstdint>

namespace xsim::abi {

// Command numbers (_IOC_NR of AMDKFD_IOC_*).
enum Command : uint32_t {
  kGetVersion = 0x01,
  kCreateQueue = 0x02,
  kDestroyQueue = 0x03,
  kSetMemoryPolicy = 0x04,
  kGetClockCounters = 0x05,
  kGetProcessApertures = 0x06,
  kUpdateQueue = 0x07,
  kCreateEvent = 0x08,
  kDestroyEvent = 0x09,
  kSetEvent = 0x0a,
  kResetEvent = 0x0b,
  kWaitEvents = 0x0c,
  kSetScratchBackingVa = 0x11,
  kGetTileConfig = 0x12,
  kSetTrapHandler = 0x13,
  kGetProcessAperturesNew = 0x14,
  kAcquireVm = 0x15,
  kAllocMemory = 0x16,
  kFreeMemory = 0x17,
  kMapMemory = 0x18,
  kUnmapMemory = 0x19,
  kSetCuMask = 0x1a,
  kGetDmabufInfo = 0x1c,
  kImportDmabuf = 0x1d,
  kAllocQueueGws = 0x1e,
  kSvm = 0x20,
  kSetXnackMode = 0x21,
  kAvailableMemory = 0x23,
  kExportDmabuf = 0x24,
  kRuntimeEnable = 0x25,
  kIpcImport = 0x80,
  kIpcExport = 0x81,
};

// What GET_VERSION says: the newest behaviour answered here (1.17: SDMA queue
// by engine id). ROCr 6.4 asks for 1.15 before it offers virtual memory.
inline constexpr uint32_t kMajor = 1;
inline constexpr uint32_t kMinor = 17;

struct SignalEventData {
  uint64_t last_event_age;
};

// struct kfd_event_data since 1.14.
struct EventData {
  union {
    kfd_hsa_memory_exception_data memory;
    kfd_hsa_hw_exception_data hardware;
    SignalEventData signal;
  };
  uint64_t extension;
  uint32_t event_id;
  uint32_t pad;
};
static_assert(sizeof(EventData) == 48);

struct ExportDmabufArgs {
  uint64_t handle;     // in
  uint32_t flags;      // in
  uint32_t dmabuf_fd;  // out
};

inline constexpr uint32_t kSupportsCoreDump = 1u << 31;  // RuntimeEnableArgs::capabilities_mask
struct RuntimeEnableArgs {
  uint64_t r_debug;
  uint32_t mode_mask;
  uint32_t capabilities_mask;  // out
};

// struct kfd_context_save_area_header (1.13): what libhsakmt writes at the
// start of a queue's context save area.
struct SaveAreaHeader {
  uint32_t wave_state[4];
  uint32_t debug_offset;
  uint32_t debug_size;
  uint64_t error_payload;  // where the runtime wants exception codes, or 0
  uint32_t error_event;
  uint32_t reserved;
};

// AMD's own kernels have these two; ROCr's legacy hipIpc uses them.
struct IpcExportArgs {
  uint64_t handle;           // in
  uint32_t share_handle[4];  // out
  uint32_t gpu_id;           // in
  uint32_t flags;            // in
};
struct IpcImportArgs {
  uint64_t handle;           // out
  uint64_t va_addr;          // in
  uint64_t mmap_offset;      // out
  uint32_t share_handle[4];  // in
  uint32_t gpu_id;           // in
  uint32_t flags;            // out
};

}  // namespace xsim::abi
