// SPDX-License-Identifier: Apache-2.0
//
// Description: captured graphs with copies between two GPUs, and one graph a
// GPU, launched in turn with events between them.
#include "peer_check.h"
#include "steps.h"

int main() {
  constexpr unsigned kRounds = 10;
  check::need_two_gpus();
  check::peers_reach_each_other();
  std::vector<unsigned> expected(check::kCount, 2);
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
      check::launch_step(arrays[device]->get(), term, stream);
    CHECK_HIP(hipMemcpyAsync(arrays[1 - device]->get(), arrays[device]->get(), check::kBytes,
                             hipMemcpyDeviceToDevice, stream));
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
      for (unsigned term = 0; term < 3; term++) check::step_on_host(expected, term);
    }
  }
  CHECK_HIP(hipEventSynchronize(events[1]->get()));
  for (const auto& array : arrays) CHECK(array->read() == expected);
  std::printf("last %u\n", expected.back());
  for (const hipGraphExec_t graph : graphs) CHECK_HIP(hipGraphExecDestroy(graph));
  return check::pass();
}
