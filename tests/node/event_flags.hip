// SPDX-License-Identifier: Apache-2.0
//
// Description: hipEventRecordWithFlags, outside and inside a capture, and
// hipExtLaunchKernel with events around a kernel that is held up.
#include <hip/hip_ext.h>

#include "steps.h"

int main() {
  check::Stream stream(hipStreamNonBlocking), second(hipStreamNonBlocking);
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  unsigned* data = values.get();
  check::Expected expected(1);
  check::SharedValue<int> flag(0);

  // The second stream goes on behind the event.
  check::Event event;
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  check::launch_step(data, 1, stream.get());
  CHECK_HIP(hipEventRecordWithFlags(event.get(), stream.get(), hipEventRecordDefault));
  CHECK_HIP(hipStreamWaitEvent(second.get(), event.get(), 0));
  check::launch_step(data, 2, second.get());
  CHECK(hipEventQuery(event.get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  second.wait();
  CHECK_HIP(hipEventQuery(event.get()));
  expected.step(1);
  expected.step(2);
  CHECK(values.read() == expected.values());
  check::report("external, not captured",
                hipEventRecordWithFlags(event.get(), stream.get(), hipEventRecordExternal));
  check::report("flags that are none", hipEventRecordWithFlags(event.get(), stream.get(), 0x80));
  stream.wait();

  // Start and stop of one launch.
  check::Event start, stop;
  flag.store(0);
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  unsigned term = 3;
  void* arguments[] = {&data, &term};
  CHECK_HIP(hipExtLaunchKernel(reinterpret_cast<void*>(check::step), dim3(check::kCount / 256),
                               dim3(256), arguments, 0, stream.get(), start.get(), stop.get(), 0));
  CHECK_HIP(hipStreamWaitEvent(second.get(), stop.get(), 0));
  check::launch_step(data, 4, second.get());
  CHECK(hipEventQuery(stop.get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  CHECK_HIP(hipEventSynchronize(stop.get()));
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime(&ms, start.get(), stop.get()));
  CHECK(ms >= 0);
  second.wait();
  expected.step(3);
  expected.step(4);
  CHECK(values.read() == expected.values());

  // An external event inside a capture: each launch of the graph records it.
  check::Event outside;
  CHECK_HIP(hipStreamBeginCapture(stream.get(), hipStreamCaptureModeGlobal));
  check::launch_step(data, 5, stream.get());
  check::report("external, captured",
                hipEventRecordWithFlags(outside.get(), stream.get(), hipEventRecordExternal));
  check::launch_step(data, 6, stream.get());
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipStreamEndCapture(stream.get(), &graph));
  size_t nodes = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  std::printf("nodes %zu\n", nodes);
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  for (int i = 0; i < 3; i++) {
    CHECK_HIP(hipGraphLaunch(exec, stream.get()));
    expected.step(5);
    expected.step(6);
  }
  stream.wait();
  check::report("the external event", hipEventQuery(outside.get()));
  CHECK(values.read() == expected.values());
  std::printf("last %u\n", expected.last());
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  return check::pass();
}
