// SPDX-License-Identifier: Apache-2.0
//
// Description: what is asked of a destroyed stream gives HIP's own code, and
// the other streams go on. (No hipMemsetAsync: HIP 6.4 crashes in it natively.)
#include "check.h"

__global__ void add(int* value, int amount) {
  atomicAdd(value, amount);
}

static void show(const char* what, hipError_t code) {
  std::printf("%s: %s\n", what, hipGetErrorName(code));
  (void)hipGetLastError();
}

int main() {
  check::DeviceArray<int> value(std::vector<int>{0});
  check::Stream other;
  hipStream_t stream = nullptr;
  CHECK_HIP(hipStreamCreate(&stream));
  for (int i = 0; i < 100; i++) add<<<1, 1, 0, stream>>>(value.get(), 1);
  CHECK_HIP(hipStreamDestroy(stream));  // with work pending
  show("launch", (add<<<1, 1, 0, stream>>>(value.get(), 1000), hipGetLastError()));
  show("wait", hipStreamSynchronize(stream));
  show("query", hipStreamQuery(stream));
  show("copy", hipMemcpyAsync(value.get(), value.get(), 0, hipMemcpyDeviceToDevice, stream));
  show("capture", hipStreamBeginCapture(stream, hipStreamCaptureModeRelaxed));
  show("destroy", hipStreamDestroy(stream));
  hipEvent_t event = nullptr;
  CHECK_HIP(hipEventCreate(&event));
  show("record", hipEventRecord(event, stream));
  show("wait for event", hipStreamWaitEvent(stream, event, 0));
  CHECK_HIP(hipEventDestroy(event));
  add<<<1, 1, 0, other.get()>>>(value.get(), 10000);
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipDeviceSynchronize());
  std::printf("value %d\n", value.read()[0]);
  return check::pass();
}
