// SPDX-License-Identifier: Apache-2.0
//
// Description: what HIP answers to calls that wait, ask or allocate while a
// stream is captured: of the capturing thread and of another, in each mode, and
// what then becomes of the capture.
#include <thread>

#include "steps.h"

struct Forbidden {
  const char* name;
  hipError_t (*call)(hipStream_t captured, hipEvent_t event);
};

static void* buffer;

static const Forbidden kForbidden[] = {
    {"hipDeviceSynchronize", [](hipStream_t, hipEvent_t) { return hipDeviceSynchronize(); }},
    {"hipStreamSynchronize", [](hipStream_t s, hipEvent_t) { return hipStreamSynchronize(s); }},
    {"hipStreamQuery", [](hipStream_t s, hipEvent_t) { return hipStreamQuery(s); }},
    {"hipEventQuery", [](hipStream_t, hipEvent_t e) { return hipEventQuery(e); }},
    {"hipEventSynchronize", [](hipStream_t, hipEvent_t e) { return hipEventSynchronize(e); }},
    {"hipMalloc",
     [](hipStream_t, hipEvent_t) {
       void* memory = nullptr;
       const hipError_t error = hipMalloc(&memory, 4096);
       if (error == hipSuccess) (void)hipFree(memory);
       return error;
     }},
    {"hipMemset", [](hipStream_t, hipEvent_t) { return hipMemset(buffer, 0, 4); }},
    {"hipMemcpy",
     [](hipStream_t, hipEvent_t) {
       unsigned word = 0;
       return hipMemcpy(&word, buffer, 4, hipMemcpyDeviceToHost);
     }},
    {"hipStreamDestroy of another",
     [](hipStream_t, hipEvent_t) {
       hipStream_t other = nullptr;
       const hipError_t error = hipStreamCreateWithFlags(&other, hipStreamNonBlocking);
       return error == hipSuccess ? hipStreamDestroy(other) : error;
     }},
};

static void ask(const Forbidden& forbidden, hipStreamCaptureMode mode, bool other_thread,
                unsigned* values) {
  check::Stream stream(hipStreamNonBlocking);
  check::Event event;
  CHECK_HIP(hipStreamBeginCapture(stream.get(), mode));
  check::launch_step(values, 1, stream.get());
  CHECK_HIP(hipEventRecord(event.get(), stream.get()));
  hipError_t answer = hipSuccess;
  const auto call = [&] {
    answer = forbidden.call(stream.get(), event.get());
    (void)hipGetLastError();
  };
  if (other_thread)
    std::thread(call).join();
  else
    call();
  hipStreamCaptureStatus status{};
  const hipError_t asked = hipStreamIsCapturing(stream.get(), &status);
  hipGraph_t graph = nullptr;
  const hipError_t ended = hipStreamEndCapture(stream.get(), &graph);
  std::printf("%s, mode %d, %s thread: %s; capture %s %d, ends %s\n", forbidden.name,
              static_cast<int>(mode), other_thread ? "another" : "the same",
              hipGetErrorName(answer), hipGetErrorName(asked), static_cast<int>(status),
              hipGetErrorName(ended));
  if (graph != nullptr) CHECK_HIP(hipGraphDestroy(graph));
  (void)hipGetLastError();
}

int main() {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  buffer = values.get();
  for (const Forbidden& forbidden : kForbidden)
    for (const hipStreamCaptureMode mode :
         {hipStreamCaptureModeGlobal, hipStreamCaptureModeThreadLocal, hipStreamCaptureModeRelaxed})
      for (const bool other_thread : {false, true})
        ask(forbidden, mode, other_thread, values.get());
  // Nothing that was captured ran; the first word is what hipMemset may have set.
  CHECK_HIP(hipDeviceSynchronize());
  const std::vector<unsigned> left = values.read();
  std::printf("first word %u\n", left[0]);
  for (unsigned i = 1; i < check::kCount; i++) CHECK(left[i] == 1);
  // And the device still works.
  check::Stream stream;
  CHECK_HIP(hipMemsetAsync(values.get(), 0, check::kBytes, stream.get()));
  check::launch_step(values.get(), 3, stream.get());
  stream.wait();
  check::Expected expected(0);
  expected.step(3);
  CHECK(values.read() == expected.values());
  return check::pass();
}
