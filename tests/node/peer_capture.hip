// SPDX-License-Identifier: Apache-2.0
//
// Description: one capture that spans two GPUs: it forks to a stream of the other
// device, copies both ways while a branch stays at home, joins; the graph is launched behind a
// kernel that holds it up.
#include "peer_check.h"
#include "steps.h"

int main() {
  check::need_two_gpus();
  check::peers_reach_each_other();
  std::unique_ptr<check::DeviceArray<unsigned>> arrays[2];
  std::unique_ptr<check::Stream> streams[2];
  for (int device = 0; device < 2; device++) {
    arrays[device] = check::made_on<check::DeviceArray<unsigned>>(
        device, std::vector<unsigned>(check::kCount, 1 + device));
    streams[device] = check::made_on<check::Stream>(device, hipStreamNonBlocking);
  }
  const auto beside =
      check::made_on<check::DeviceArray<unsigned>>(0, std::vector<unsigned>(check::kCount, 5));
  const auto fork = check::made_on<check::Event>(0), join = check::made_on<check::Event>(1);
  const hipStream_t main_stream = streams[0]->get(), side_stream = streams[1]->get();
  unsigned *const main_data = arrays[0]->get(), *const side_data = arrays[1]->get();

  CHECK_HIP(hipStreamBeginCapture(main_stream, hipStreamCaptureModeGlobal));
  check::launch_step(main_data, 1, main_stream);
  CHECK_HIP(hipEventRecord(fork->get(), main_stream));
  {
    const check::OnDevice on(1);
    CHECK_HIP(hipStreamWaitEvent(side_stream, fork->get(), 0));
    CHECK_HIP(hipMemcpyAsync(side_data, main_data, check::kBytes / 2, hipMemcpyDeviceToDevice,
                             side_stream));
    check::launch_step(side_data, 2, side_stream);
    CHECK_HIP(hipEventRecord(join->get(), side_stream));
    hipStreamCaptureStatus status{};
    CHECK_HIP(hipStreamIsCapturing(side_stream, &status));
    CHECK(status == hipStreamCaptureStatusActive);
  }
  check::launch_step(beside->get(), 4, main_stream);
  CHECK_HIP(hipStreamWaitEvent(main_stream, join->get(), 0));
  // HIP 6.4 does not capture hipMemcpyPeerAsync, it copies at once.
  CHECK_HIP(hipMemcpyAsync(main_data, side_data, check::kBytes / 4, hipMemcpyDeviceToDevice,
                           main_stream));
  check::launch_step(main_data, 3, main_stream);
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipStreamEndCapture(main_stream, &graph));
  size_t nodes = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  std::printf("nodes %zu\n", nodes);
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  CHECK_HIP(hipGraphDestroy(graph));

  std::vector<unsigned> main_values(check::kCount, 1), side_values(check::kCount, 2);
  std::vector<unsigned> beside_values(check::kCount, 5);
  check::SharedValue<int> flag(0);
  for (int round = 0; round < 4; round++) {
    flag.store(0);
    check::wait_for<<<1, 1, 0, main_stream>>>(flag.get());
    check::launch_step(beside->get(), 3, main_stream);
    CHECK_HIP(hipGraphLaunch(exec, main_stream));
    CHECK(hipStreamQuery(main_stream) == hipErrorNotReady);
    flag.store(1);
    CHECK_HIP(hipStreamSynchronize(main_stream));
    check::step_on_host(main_values, 1);
    std::copy_n(main_values.begin(), check::kCount / 2, side_values.begin());
    check::step_on_host(side_values, 2);
    for (const unsigned term : {3u, 4u}) check::step_on_host(beside_values, term);
    std::copy_n(side_values.begin(), check::kCount / 4, main_values.begin());
    check::step_on_host(main_values, 3);
    CHECK(arrays[0]->read() == main_values);
    CHECK(arrays[1]->read() == side_values);
    CHECK(beside->read() == beside_values);
  }
  std::printf("last %u %u\n", main_values.back(), side_values.back());
  CHECK_HIP(hipGraphExecDestroy(exec));
  return check::pass();
}
