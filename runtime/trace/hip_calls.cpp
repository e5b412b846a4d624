// SPDX-License-Identifier: Apache-2.0
//
// See hip_calls.h. HIP asks the callback at the start of each call whether it
// is interested, and hands it a record on its stack where an interested one
// leaves what to call at the end. The record's layout follows from HIP's
// headers and changes with its version; with another version the record is
// not touched, and calls are shown as moments.
#include "hip_calls.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "../base/clock.h"
#include "../base/log.h"
#include "trace.h"

#ifdef XSCHED_HIP_HEADERS
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <hip/hip_version.h>
// Needs the above.
#include <hip/amd_detail/hip_prof_str.h>
#endif

namespace xsched {
namespace {

constexpr uint32_t kDomainHipApi = 3;  // ACTIVITY_DOMAIN_HIP_API
constexpr uint32_t kMostCalls = 1024;
constexpr int kNotInterested = 1;

#ifdef XSCHED_HIP_HEADERS
constexpr int kHeaderVersion =
    HIP_VERSION_MAJOR * 10'000'000 + HIP_VERSION_MINOR * 100'000 + HIP_VERSION_PATCH;

// What HIP has on its stack (roctracer's hip_api_trace_data_t).
struct CallRecord {
  hip_api_data_t data;
  uint64_t begin_ns;  // these two are the tracer's own
  uint64_t unused;
  void (*at_begin)(uint32_t number, CallRecord* record);
  void (*at_end)(uint32_t number, CallRecord* record);
};
#else
constexpr int kHeaderVersion = 0;
#endif

using TracerCallback = int (*)(uint32_t domain, uint32_t number, void* record);
using RuntimeVersion = int (*)(int* version);

enum Spans : uint32_t { kUnknown, kSpans, kMoments };
std::atomic<uint32_t> g_spans{kUnknown};
RuntimeVersion g_runtime_version = nullptr;
bool g_skip[kMostCalls];  // written before the callback is registered
thread_local bool t_asking = false;

// Asked inside the first call: HIP is initialised there, and was not when we
// registered.
uint32_t find_out() noexcept {
  int version = 0;
  t_asking = true;
  const bool known = g_runtime_version != nullptr && g_runtime_version(&version) == 0 &&
                     same_call_layout(version, kHeaderVersion);
  t_asking = false;
  const uint32_t spans = known ? kSpans : kMoments;
  if (g_spans.exchange(spans, std::memory_order_relaxed) == kUnknown && !known) {
    log(LogLevel::kInfo, "trace: hip %d is not the %d we were built with: calls have no durations",
        version, kHeaderVersion);
  }
  return spans;
}

int on_call(uint32_t domain, uint32_t number, void* record) noexcept {
  if (domain != kDomainHipApi || record == nullptr || number >= kMostCalls || g_skip[number] ||
      t_asking) {
    return kNotInterested;
  }
  Trace* trace = Trace::get();
  if (trace == nullptr) return kNotInterested;
  uint32_t spans = g_spans.load(std::memory_order_relaxed);
  if (spans == kUnknown) spans = find_out();
#ifdef XSCHED_HIP_HEADERS
  if (spans == kSpans) {
    auto* call = static_cast<CallRecord*>(record);
    call->data.correlation_id = 0;  // 0: HIP's commands need not be reported
    call->data.phase = 0;
    call->at_begin = nullptr;  // else HIP would collect the arguments
    call->at_end = [](uint32_t ended, CallRecord* of) {
      if (Trace* still = Trace::get()) still->call(ended, of->begin_ns, now_ns());
    };
    call->begin_ns = now_ns();
    return 0;
  }
#endif
  trace->call(number, now_ns(), 0);
  return kNotInterested;
}

// The loaded libamdhip64, also one that was loaded with RTLD_LOCAL from a
// private directory.
void* loaded_hip() noexcept {
  std::string path;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* found) {
        if (info->dlpi_name == nullptr) return 0;
        const char* file = strrchr(info->dlpi_name, '/');
        file = file != nullptr ? file + 1 : info->dlpi_name;
        if (strncmp(file, "libamdhip64.so", strlen("libamdhip64.so")) != 0) return 0;
        *static_cast<std::string*>(found) = info->dlpi_name;
        return 1;
      },
      &path);
  return path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOLOAD | RTLD_LAZY);
}

}  // namespace

bool same_call_layout(int runtime_version, int header_version) noexcept {
  // The patch level changes no header.
  return header_version != 0 && runtime_version / 100'000 == header_version / 100'000;
}

void trace_hip_calls() noexcept {
  static std::mutex registering;
  static bool registered = false;
  Trace* trace = Trace::get();
  if (trace == nullptr) return;
  const std::lock_guard<std::mutex> lock(registering);
  if (registered) return;
  void* hip = loaded_hip();  // kept: HIP calls us from now on
  if (hip == nullptr) return;
  registered = true;
  const auto enter =
      reinterpret_cast<void (*)(TracerCallback)>(dlsym(hip, "hipRegisterTracerCallback"));
  const auto name_of = reinterpret_cast<const char* (*)(uint32_t)>(dlsym(hip, "hipApiName"));
  if (enter == nullptr || name_of == nullptr) {
    log(LogLevel::kWarn,
        "trace: this libamdhip64 has no tracer callback (before 5.3): no hip calls in the trace");
    return;
  }
  g_runtime_version = reinterpret_cast<RuntimeVersion>(dlsym(hip, "hipRuntimeGetVersion"));
  std::vector<std::string> names(kMostCalls);
  for (uint32_t number = 0; number < kMostCalls; ++number) {
    const char* name = name_of(number);
    if (name == nullptr) continue;
    // A launch is one call to its author, not three.
    g_skip[number] = strncmp(name, "__hip", 5) == 0;
    if (strncmp(name, "hip", 3) == 0) names[number] = name;
  }
  trace->set_call_names(std::move(names));
  enter(on_call);
}

}  // namespace xsched
