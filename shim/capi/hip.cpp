// SPDX-License-Identifier: Apache-2.0
//
// See hip.h. The values of HIP's constants are those of hip_runtime_api.h;
// they have been the same since HIP 4.
#include "hip.h"

#include <dlfcn.h>
#include <link.h>

#include <cstring>
#include <mutex>
#include <string>

#include "../../runtime/base/log.h"
#include "../../runtime/hsa/api.h"

namespace xsched::capi {
namespace {

using Event = struct ihipEvent_t*;

constexpr int kHipSuccess = 0;
constexpr int kHipErrorNotReady = 600;
constexpr int kCaptureNone = 0;

struct Hip {
  int (*event_create)(Event*, unsigned);
  int (*event_record)(Event, hipStream_t);
  int (*event_destroy)(Event);
  int (*synchronize)(hipStream_t);
  int (*query)(hipStream_t);
  int (*is_capturing)(hipStream_t, int*);
  // Absent before HIP 5.6: the stream is then taken to be of the current device.
  int (*stream_device)(hipStream_t, int*);
  int (*get_device)(int*);
  int (*set_device)(int);
};

// A program may have loaded HIP privately (a torch wheel under Python), where
// RTLD_DEFAULT does not look.
void* loaded_hip() {
  std::string path;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        if (info->dlpi_name == nullptr || strstr(info->dlpi_name, "libamdhip64.so") == nullptr)
          return 0;
        *static_cast<std::string*>(out) = info->dlpi_name;
        return 1;
      },
      &path);
  return path.empty() ? nullptr : dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, Hip& hip) {
  find(library, "hipStreamGetDevice", hip.stream_device);
  return find(library, "hipEventCreateWithFlags", hip.event_create) &&
         find(library, "hipEventRecord", hip.event_record) &&
         find(library, "hipEventDestroy", hip.event_destroy) &&
         find(library, "hipStreamSynchronize", hip.synchronize) &&
         find(library, "hipStreamQuery", hip.query) &&
         find(library, "hipStreamIsCapturing", hip.is_capturing) &&
         find(library, "hipGetDevice", hip.get_device) &&
         find(library, "hipSetDevice", hip.set_device);
}

// Null while the program has not loaded HIP.
const Hip* hip() {
  static std::mutex mutex;
  static Hip found;
  static bool is_found = false;
  const std::lock_guard<std::mutex> lock(mutex);
  if (is_found) return &found;
  is_found = find_all(RTLD_DEFAULT, found);
  if (!is_found) {
    // The reference keeps the copy loaded as long as its functions are here.
    if (void* library = loaded_hip()) is_found = find_all(library, found);
  }
  if (!is_found) {
    log(LogLevel::kError,
        "xsched api: libamdhip64 is not loaded; call it after the program's first use of hip");
    return nullptr;
  }
  return &found;
}

// An event and its stream must be of one device.
class OnDeviceOf {
 public:
  OnDeviceOf(const Hip& hip, hipStream_t stream) : hip_(hip) {
    int device = 0;
    if (stream == nullptr || hip.stream_device == nullptr ||
        hip.stream_device(stream, &device) != kHipSuccess ||
        hip.get_device(&before_) != kHipSuccess || before_ == device)
      return;
    changed_ = hip.set_device(device) == kHipSuccess;
  }
  ~OnDeviceOf() {
    if (changed_) hip_.set_device(before_);
  }
  OnDeviceOf(const OnDeviceOf&) = delete;
  OnDeviceOf& operator=(const OnDeviceOf&) = delete;

 private:
  const Hip& hip_;
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace

uint32_t xqueue_of(hipStream_t stream, XResult& error) {
  const Hip* h = hip();
  error = kXSchedErrorNotSupported;
  if (h == nullptr) return 0;
  // Recorded into a graph, a marker would be the program's for ever.
  int capture = kCaptureNone;
  if (stream != nullptr && h->is_capturing(stream, &capture) == kHipSuccess &&
      capture != kCaptureNone) {
    error = kXSchedErrorNotAllowed;
    return 0;
  }
  const OnDeviceOf device(*h, stream);
  Event marker = nullptr;
  if (h->event_create(&marker, 0) != kHipSuccess) {
    error = kXSchedErrorHardware;
    return 0;
  }
  forget_last_rung();
  const int status = h->event_record(marker, stream);
  const uint32_t id = status == kHipSuccess ? last_rung_xqueue() : 0;
  h->event_destroy(marker);
  if (status != kHipSuccess) {
    log(LogLevel::kWarn, "xsched api: stream %p: hip error %d at hipEventRecord; is it alive?",
        static_cast<void*>(stream), status);
    error = kXSchedErrorInvalidValue;
  } else if (id == 0) {
    log(LogLevel::kWarn,
        "xsched api: stream %p: its queue is not scheduled; see XSCHED_LOG=info and "
        "XSCHED_AUTO_XQUEUE",
        static_cast<void*>(stream));
  } else {
    error = kXSchedSuccess;
  }
  return id;
}

XResult wait_for(hipStream_t stream) {
  const Hip* h = hip();
  if (h == nullptr) return kXSchedErrorNotSupported;
  return h->synchronize(stream) == kHipSuccess ? kXSchedSuccess : kXSchedErrorHardware;
}

XResult query(hipStream_t stream, XQueueState& state) {
  const Hip* h = hip();
  if (h == nullptr) return kXSchedErrorNotSupported;
  const int status = h->query(stream);
  if (status != kHipSuccess && status != kHipErrorNotReady) return kXSchedErrorHardware;
  state = status == kHipSuccess ? kQueueStateIdle : kQueueStateReady;
  return kXSchedSuccess;
}

}  // namespace xsched::capi
