// SPDX-License-Identifier: Apache-2.0
//
// The table of KFD calls: number, name, least argument size, handler. A call
// that is not in it fails with EINVAL, as it does in KFD, after one line in
// the log.

#include <sys/ioctl.h>
#include <time.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "../base/log.h"
#include "../device/device.h"
#include "gpu.h"
#include "kfd_abi.h"
#include "node.h"

namespace xsim {

namespace {

constexpr uint64_t kLdsBase = 1ull << 48;      // MAKE_LDS_APP_BASE_V9
constexpr uint64_t kScratchBase = 2ull << 48;  // MAKE_SCRATCH_APP_BASE_V9
constexpr uint64_t kApertureMask = 0xffffffff;
constexpr uint64_t kGpuvmBase = 0x1000000;  // SVM_USER_BASE
constexpr uint64_t kGpuvmLimit = 0x7fffffffffff;

void fill_apertures(kfd_process_device_apertures& out, uint32_t gpu) {
  std::memset(&out, 0, sizeof out);
  out.lds_base = kLdsBase;
  out.lds_limit = kLdsBase | kApertureMask;
  out.scratch_base = kScratchBase;
  out.scratch_limit = kScratchBase | kApertureMask;
  out.gpuvm_base = kGpuvmBase;
  out.gpuvm_limit = kGpuvmLimit;
  out.gpu_id = gpu_id(gpu);
}

uint64_t nanoseconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000ull + time.tv_nsec;
}

}  // namespace

// The handlers: 0 or an errno value.
struct KfdCalls {
  template <typename Args>
  static Args& as(void* argument) {
    return *static_cast<Args*>(argument);
  }
  static int gpu(const Node& node, uint32_t id) { return gpu_index(id, node.config().gpus); }
  // For calls that only concern a real GPU's set-up.
  static int accept_gpu(const Node& node, uint32_t id) { return gpu(node, id) < 0 ? EINVAL : 0; }

  static int get_version(Node&, void* argument) {
    auto& args = as<kfd_ioctl_get_version_args>(argument);
    args.major_version = abi::kMajor;
    args.minor_version = abi::kMinor;
    return 0;
  }
  static int create_queue(Node& node, void* argument) {
    return node.queues_->create(as<kfd_ioctl_create_queue_args>(argument));
  }
  static int destroy_queue(Node& node, void* argument) {
    return node.queues_->destroy(as<kfd_ioctl_destroy_queue_args>(argument).queue_id);
  }
  static int update_queue(Node& node, void* argument) {
    return node.queues_->update(as<kfd_ioctl_update_queue_args>(argument));
  }
  static int set_cu_mask(Node& node, void* argument) {
    return node.queues_->set_cu_mask(as<kfd_ioctl_set_cu_mask_args>(argument));
  }
  static int alloc_queue_gws(Node& node, void* argument) {
    return node.queues_->alloc_gws(as<kfd_ioctl_alloc_queue_gws_args>(argument));
  }
  static int set_memory_policy(Node& node, void* argument) {
    return accept_gpu(node, as<kfd_ioctl_set_memory_policy_args>(argument).gpu_id);
  }
  static int get_clock_counters(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_get_clock_counters_args>(argument);
    // KFD fills in the system's clocks even for an unknown GPU.
    args.gpu_clock_counter = gpu(node, args.gpu_id) >= 0 ? realtime_ticks() : 0;
    args.cpu_clock_counter = nanoseconds(CLOCK_MONOTONIC_RAW);
    args.system_clock_counter = nanoseconds(CLOCK_BOOTTIME);
    args.system_clock_freq = 1'000'000'000;
    return 0;
  }
  static int get_process_apertures(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_get_process_apertures_args>(argument);
    const uint32_t gpus = node.config().gpus;
    args.num_of_nodes = 0;
    while (args.num_of_nodes < gpus && args.num_of_nodes < NUM_OF_SUPPORTED_GPUS) {
      fill_apertures(args.process_apertures[args.num_of_nodes], args.num_of_nodes);
      ++args.num_of_nodes;
    }
    return 0;
  }
  static int get_process_apertures_new(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_get_process_apertures_new_args>(argument);
    const uint32_t gpus = node.config().gpus;
    if (args.num_of_nodes != 0) {
      if (args.kfd_process_device_apertures_ptr == 0) return EFAULT;
      auto* out = reinterpret_cast<kfd_process_device_apertures*>(
          static_cast<uintptr_t>(args.kfd_process_device_apertures_ptr));
      for (uint32_t i = 0; i < gpus && i < args.num_of_nodes; ++i) fill_apertures(out[i], i);
    }
    args.num_of_nodes = gpus;
    return 0;
  }
  static int create_event(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_create_event_args>(argument);
    if (const int error = node.events_.create(args)) return error;
    // ROCr gives events a place in its event page only if this is not zero.
    if (args.event_type == KFD_IOC_EVENT_SIGNAL && args.event_page_offset == 0) {
      args.event_page_offset = 1ull << 63;
    }
    return 0;
  }
  static int destroy_event(Node& node, void* argument) {
    return node.events_.destroy(as<kfd_ioctl_destroy_event_args>(argument).event_id);
  }
  static int set_event(Node& node, void* argument) {
    return node.events_.set(as<kfd_ioctl_set_event_args>(argument).event_id);
  }
  static int reset_event(Node& node, void* argument) {
    return node.events_.reset(as<kfd_ioctl_reset_event_args>(argument).event_id);
  }
  static int wait_events(Node& node, void* argument) {
    // What the caller waits for may depend on a packet that it has just put.
    node.device_->kick();
    return node.events_.wait(as<kfd_ioctl_wait_events_args>(argument));
  }
  static int set_scratch_backing_va(Node& node, void* argument) {
    return accept_gpu(node, as<kfd_ioctl_set_scratch_backing_va_args>(argument).gpu_id);
  }
  static int get_tile_config(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_get_tile_config_args>(argument);
    if (gpu(node, args.gpu_id) < 0) return EINVAL;
    args.num_tile_configs = 0;  // tables of GPUs before gfx9
    args.num_macro_tile_configs = 0;
    args.gb_addr_config = 0x2a114042;  // GB_ADDR_CONFIG of Aldebaran and later
    args.num_banks = 0;
    args.num_ranks = 0;
    return 0;
  }
  static int set_trap_handler(Node& node, void* argument) {
    return accept_gpu(node, as<kfd_ioctl_set_trap_handler_args>(argument).gpu_id);
  }
  static int acquire_vm(Node& node, void* argument) {
    const auto& args = as<kfd_ioctl_acquire_vm_args>(argument);
    const int index = gpu(node, args.gpu_id);
    if (index < 0) return EINVAL;
    return node.store_->gpu_of(static_cast<int>(args.drm_fd)) == index ? 0 : EINVAL;
  }
  static int alloc_memory(Node& node, void* argument) {
    return node.memory_->alloc(as<kfd_ioctl_alloc_memory_of_gpu_args>(argument));
  }
  static int free_memory(Node& node, void* argument) {
    return node.memory_->free(as<kfd_ioctl_free_memory_of_gpu_args>(argument).handle);
  }
  static int map_memory(Node& node, void* argument) {
    return node.memory_->map(as<kfd_ioctl_map_memory_to_gpu_args>(argument));
  }
  static int unmap_memory(Node& node, void* argument) {
    return node.memory_->unmap(as<kfd_ioctl_unmap_memory_from_gpu_args>(argument));
  }
  static int get_dmabuf_info(Node& node, void* argument) {
    return node.memory_->dmabuf_info(as<kfd_ioctl_get_dmabuf_info_args>(argument));
  }
  static int import_dmabuf(Node& node, void* argument) {
    return node.memory_->import_dmabuf(as<kfd_ioctl_import_dmabuf_args>(argument));
  }
  static int export_dmabuf(Node& node, void* argument) {
    return node.memory_->export_dmabuf(as<abi::ExportDmabufArgs>(argument));
  }
  static int ipc_import(Node& node, void* argument) {
    return node.memory_->ipc_import(as<abi::IpcImportArgs>(argument));
  }
  static int ipc_export(Node& node, void* argument) {
    return node.memory_->ipc_export(as<abi::IpcExportArgs>(argument));
  }
  static int svm(Node& node, void* argument) {
    return node.svm_->call(as<kfd_ioctl_svm_args>(argument));
  }
  static int set_xnack_mode(Node&, void* argument) {
    auto& args = as<kfd_ioctl_set_xnack_mode_args>(argument);
    if (args.xnack_enabled > 0) return EPERM;  // a node without XNACK
    args.xnack_enabled = 0;
    return 0;
  }
  static int available_memory(Node& node, void* argument) {
    auto& args = as<kfd_ioctl_get_available_memory_args>(argument);
    const int index = gpu(node, args.gpu_id);
    if (index < 0) return EINVAL;
    args.available = node.device_->vram_available(static_cast<uint32_t>(index));
    return 0;
  }
  static int runtime_enable(Node&, void* argument) {
    // KFD offers core dumps; ROCr would try to write one itself at a queue's
    // error otherwise, by debugger calls that are not simulated.
    as<abi::RuntimeEnableArgs>(argument).capabilities_mask = abi::kSupportsCoreDump;
    return 0;
  }
};

namespace {

struct Call {
  uint32_t number;
  const char* name;
  size_t bytes;
  int (*handler)(Node&, void*);
};

// Up to ctl_stack_size; what follows came later (1.17 and after).
constexpr size_t kCreateQueueBytes =
    offsetof(kfd_ioctl_create_queue_args, ctl_stack_size) + sizeof(uint32_t);

constexpr Call kCalls[] = {
    {abi::kGetVersion, "GET_VERSION", sizeof(kfd_ioctl_get_version_args), KfdCalls::get_version},
    {abi::kCreateQueue, "CREATE_QUEUE", kCreateQueueBytes, KfdCalls::create_queue},
    {abi::kDestroyQueue, "DESTROY_QUEUE", sizeof(kfd_ioctl_destroy_queue_args),
     KfdCalls::destroy_queue},
    {abi::kSetMemoryPolicy, "SET_MEMORY_POLICY", sizeof(kfd_ioctl_set_memory_policy_args),
     KfdCalls::set_memory_policy},
    {abi::kGetClockCounters, "GET_CLOCK_COUNTERS", sizeof(kfd_ioctl_get_clock_counters_args),
     KfdCalls::get_clock_counters},
    {abi::kGetProcessApertures, "GET_PROCESS_APERTURES",
     sizeof(kfd_ioctl_get_process_apertures_args), KfdCalls::get_process_apertures},
    {abi::kUpdateQueue, "UPDATE_QUEUE", sizeof(kfd_ioctl_update_queue_args),
     KfdCalls::update_queue},
    {abi::kCreateEvent, "CREATE_EVENT", sizeof(kfd_ioctl_create_event_args),
     KfdCalls::create_event},
    {abi::kDestroyEvent, "DESTROY_EVENT", sizeof(kfd_ioctl_destroy_event_args),
     KfdCalls::destroy_event},
    {abi::kSetEvent, "SET_EVENT", sizeof(kfd_ioctl_set_event_args), KfdCalls::set_event},
    {abi::kResetEvent, "RESET_EVENT", sizeof(kfd_ioctl_reset_event_args), KfdCalls::reset_event},
    {abi::kWaitEvents, "WAIT_EVENTS", sizeof(kfd_ioctl_wait_events_args), KfdCalls::wait_events},
    {abi::kSetScratchBackingVa, "SET_SCRATCH_BACKING_VA",
     sizeof(kfd_ioctl_set_scratch_backing_va_args), KfdCalls::set_scratch_backing_va},
    {abi::kGetTileConfig, "GET_TILE_CONFIG", sizeof(kfd_ioctl_get_tile_config_args),
     KfdCalls::get_tile_config},
    {abi::kSetTrapHandler, "SET_TRAP_HANDLER", sizeof(kfd_ioctl_set_trap_handler_args),
     KfdCalls::set_trap_handler},
    {abi::kGetProcessAperturesNew, "GET_PROCESS_APERTURES_NEW",
     sizeof(kfd_ioctl_get_process_apertures_new_args), KfdCalls::get_process_apertures_new},
    {abi::kAcquireVm, "ACQUIRE_VM", sizeof(kfd_ioctl_acquire_vm_args), KfdCalls::acquire_vm},
    {abi::kAllocMemory, "ALLOC_MEMORY_OF_GPU", sizeof(kfd_ioctl_alloc_memory_of_gpu_args),
     KfdCalls::alloc_memory},
    {abi::kFreeMemory, "FREE_MEMORY_OF_GPU", sizeof(kfd_ioctl_free_memory_of_gpu_args),
     KfdCalls::free_memory},
    {abi::kMapMemory, "MAP_MEMORY_TO_GPU", sizeof(kfd_ioctl_map_memory_to_gpu_args),
     KfdCalls::map_memory},
    {abi::kUnmapMemory, "UNMAP_MEMORY_FROM_GPU", sizeof(kfd_ioctl_unmap_memory_from_gpu_args),
     KfdCalls::unmap_memory},
    {abi::kSetCuMask, "SET_CU_MASK", sizeof(kfd_ioctl_set_cu_mask_args), KfdCalls::set_cu_mask},
    {abi::kGetDmabufInfo, "GET_DMABUF_INFO", sizeof(kfd_ioctl_get_dmabuf_info_args),
     KfdCalls::get_dmabuf_info},
    {abi::kImportDmabuf, "IMPORT_DMABUF", sizeof(kfd_ioctl_import_dmabuf_args),
     KfdCalls::import_dmabuf},
    {abi::kAllocQueueGws, "ALLOC_QUEUE_GWS", sizeof(kfd_ioctl_alloc_queue_gws_args),
     KfdCalls::alloc_queue_gws},
    {abi::kSvm, "SVM", sizeof(kfd_ioctl_svm_args), KfdCalls::svm},
    {abi::kSetXnackMode, "SET_XNACK_MODE", sizeof(kfd_ioctl_set_xnack_mode_args),
     KfdCalls::set_xnack_mode},
    {abi::kAvailableMemory, "AVAILABLE_MEMORY", sizeof(kfd_ioctl_get_available_memory_args),
     KfdCalls::available_memory},
    {abi::kExportDmabuf, "EXPORT_DMABUF", sizeof(abi::ExportDmabufArgs), KfdCalls::export_dmabuf},
    {abi::kRuntimeEnable, "RUNTIME_ENABLE", sizeof(abi::RuntimeEnableArgs),
     KfdCalls::runtime_enable},
    {abi::kIpcImport, "IPC_IMPORT_HANDLE", sizeof(abi::IpcImportArgs), KfdCalls::ipc_import},
    {abi::kIpcExport, "IPC_EXPORT_HANDLE", sizeof(abi::IpcExportArgs), KfdCalls::ipc_export},
};

const Call* find_call(uint32_t number) {
  for (const Call& call : kCalls) {
    if (call.number == number) return &call;
  }
  return nullptr;
}

}  // namespace

int Node::kfd_ioctl(unsigned long request, void* argument) {
  const uint32_t number = _IOC_NR(request);
  const Call* call = _IOC_TYPE(request) == AMDKFD_IOCTL_BASE ? find_call(number) : nullptr;
  int error = 0;
  if (!call) {
    log(LogLevel::kError, "kfd call %#x is not simulated (request %#lx): EINVAL", number, request);
    error = EINVAL;
  } else if (_IOC_SIZE(request) < call->bytes) {
    // An older caller's structure; none that this node speaks is shorter.
    log(LogLevel::kError, "kfd call %s with %u bytes, %zu are needed: EINVAL", call->name,
        static_cast<unsigned>(_IOC_SIZE(request)), call->bytes);
    error = EINVAL;
  } else if (!argument) {
    error = EFAULT;
  } else {
    if (number != abi::kWaitEvents) log(LogLevel::kCall, "kfd call %s", call->name);
    error = call->handler(*this, argument);
    if (error < 0) error = -error;
    if (error != 0) {
      log(LogLevel::kInfo, "kfd call %s failed: %s", call->name, std::strerror(error));
    }
  }
  if (error == 0) return 0;
  errno = error;
  return -1;
}

}  // namespace xsim
