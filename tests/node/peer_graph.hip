// SPDX-License-Identifier: Apache-2.0
//
// Description: captured graphs with copies between two GPUs, and one graph a
// GPU, launched in turn with events between them.
#include "peer_check.h"

constexpr unsigned kCount = 1024, kRounds = 10;

__global__ void step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

int main() {
  check::need_two_gpus();
  check::peers_reach_each_other();
  std::vector<unsigned> expected(kCount, 2);
  std::unique_ptr<check::DeviceArray<unsigned>> arrays[2];
  std::unique_ptr<check::Stream> streams[2];
  std::unique_ptr<check::Event> events[2];
  hipGraphExec_t graphs[2] = {};
  for (int device = 0; device < 2; device++) {
    arrays[device] = check::made_on<check::DeviceArray<unsigned>>(device, expected);
    streams[device] = check::made_on<check::Stream>(device, hipStreamNonBlocking);
    events[device] = check::made_on<check::Event>(device, hipEventDisableTiming);
  }
  // Three kernels, then what they made goes to the other GPU.
  for (int device = 0; device < 2; device++) {
    const check::OnDevice on(device);
    const hipStream_t stream = streams[device]->get();
    CHECK_HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeGlobal));
    for (unsigned term = 0; term < 3; term++)
      step<<<kCount / 256, 256, 0, stream>>>(arrays[device]->get(), term);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipMemcpyAsync(arrays[1 - device]->get(), arrays[device]->get(),
                             kCount * sizeof(unsigned), hipMemcpyDeviceToDevice, stream));
    hipGraph_t graph = nullptr;
    CHECK_HIP(hipStreamEndCapture(stream, &graph));
    CHECK_HIP(hipGraphInstantiate(&graphs[device], graph, nullptr, nullptr, 0));
    CHECK_HIP(hipGraphDestroy(graph));
  }
  for (unsigned round = 0; round < kRounds; round++) {
    for (int device = 0; device < 2; device++) {
      const check::OnDevice on(device);
      const hipStream_t stream = streams[device]->get();
      if (round > 0 || device > 0)
        CHECK_HIP(hipStreamWaitEvent(stream, events[1 - device]->get(), 0));
      CHECK_HIP(hipGraphLaunch(graphs[device], stream));
      CHECK_HIP(hipEventRecord(events[device]->get(), stream));
      for (unsigned term = 0; term < 3; term++)
        for (unsigned i = 0; i < kCount; i++) expected[i] = expected[i] * 1664525u + term + i;
    }
  }
  CHECK_HIP(hipEventSynchronize(events[1]->get()));
  for (const auto& array : arrays) CHECK(array->read() == expected);
  std::printf("last %u\n", expected[kCount - 1]);
  for (const hipGraphExec_t graph : graphs) CHECK_HIP(hipGraphExecDestroy(graph));
  return check::pass();
}
