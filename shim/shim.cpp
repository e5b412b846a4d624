// SPDX-License-Identifier: Apache-2.0
//
// The preload. Nothing happens when it is loaded, but for a string in the
// environment (below): ROCr finds OnLoad here when HSA starts, and the first
// queue creation starts the rest. What must stand in the preloaded object itself
// stands here: the symbols that ROCr looks for, and ioctl(), which must come
// before libc's.
#include <dlfcn.h>
#include <sys/single_threaded.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../runtime/base/config.h"
#include "../runtime/hsa/api.h"
#include "../runtime/hsa/kfd_queues.h"

#define XSCHED_EXPORT extern "C" __attribute__((visibility("default")))

// Tools are called in ascending order; a high number puts our functions above
// those of a profiler, so that it sees what the gate lets through.
XSCHED_EXPORT uint32_t HSA_AMD_TOOL_PRIORITY;
uint32_t HSA_AMD_TOOL_PRIORITY = 1000;

XSCHED_EXPORT bool OnLoad(HsaApiTable* table, uint64_t, uint64_t, const char* const*) {
  xsched::install_api(table);
  return true;  // false would be an error of the application's HSA
}

XSCHED_EXPORT void OnUnload() {
  xsched::uninstall_api();
}

// ROCr >= 6.1 built with rocprofiler-register hands its table here and then
// does not call OnLoad.
XSCHED_EXPORT int rocprofiler_register_library_api_table(const char* library, void* import,
                                                         uint32_t version, void** tables,
                                                         uint64_t count, void* id) {
  using Register = int (*)(const char*, void*, uint32_t, void**, uint64_t, void*);
  if (library != nullptr && std::strcmp(library, "hsa") == 0 && count > 0 && tables != nullptr) {
    xsched::install_api(static_cast<HsaApiTable*>(tables[0]));
  }
  static const auto next =
      reinterpret_cast<Register>(dlsym(RTLD_NEXT, "rocprofiler_register_library_api_table"));
  return next != nullptr ? next(library, import, version, tables, count, id) : 1;
}

// HIP reads GPU_MAX_HW_QUEUES before it starts HSA, so OnLoad would be too late
// for it (clr: Flag::init() comes before Device::init()); nothing that it calls
// earlier could be entered. Only a string in this process's environment: no
// lock, no thread, no other library.
[[gnu::constructor]] static void give_streams_queues() {
  // Loaded late, into a program with threads: they may be reading it.
  if (!__libc_single_threaded) return;
  // What the user chose stays. What a parent of ours put there is no choice.
  constexpr const char* kHips = "GPU_MAX_HW_QUEUES";
  constexpr const char* kMark = "XSCHED_HIP_QUEUES_SET";
  const char* present = std::getenv(kHips);
  const char* ours = std::getenv(kMark);
  if (present != nullptr && (ours == nullptr || std::strcmp(present, ours) != 0)) return;
  long queues = xsched::kStreamQueues;
  if (const char* wanted = std::getenv("XSCHED_STREAM_QUEUES")) {
    char* end = nullptr;
    const long value = std::strtol(wanted, &end, 10);
    // A bad value is reported with the other settings (base/config.cpp).
    if (end != wanted && *end == '\0' && value >= 0 && value <= xsched::kMostStreamQueues)
      queues = value;
  }
  if (queues == 0) {  // HIP's own number
    if (present != nullptr) unsetenv(kHips);
    return;
  }
  char text[16];
  std::snprintf(text, sizeof text, "%ld", queues);
  setenv(kHips, text, 1);
  setenv(kMark, text, 1);
}

XSCHED_EXPORT int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  return xsched::hooked_ioctl(fd, request, argument);
}
