// SPDX-License-Identifier: Apache-2.0
//
// Description: memory goes back and forth between two GPUs by every call that
// copies between them, each copy behind a kernel on the one and before a
// kernel on the other.
#include "peer_check.h"
#include "steps.h"

constexpr int kRounds = 12;

// Copies on `stream`, by the call that `round` picks.
static void copy(unsigned* to, int to_device, const unsigned* from, int from_device, int round,
                 hipStream_t stream) {
  constexpr size_t bytes = check::kBytes, row = 256;
  switch (round % 6) {
    case 0:
      CHECK_HIP(hipMemcpyPeerAsync(to, to_device, from, from_device, bytes, stream));
      break;
    case 1:
      CHECK_HIP(hipMemcpyAsync(to, from, bytes, hipMemcpyDefault, stream));
      break;
    case 2:
      CHECK_HIP(hipMemcpyAsync(to, from, bytes, hipMemcpyDeviceToDevice, stream));
      break;
    case 3:
      CHECK_HIP(
          hipMemcpy2DAsync(to, row, from, row, row, bytes / row, hipMemcpyDeviceToDevice, stream));
      break;
    case 4:
      CHECK_HIP(hipStreamSynchronize(stream));
      CHECK_HIP(hipMemcpyPeer(to, to_device, from, from_device, bytes));
      CHECK_HIP(hipDeviceSynchronize());
      break;
    default:
      CHECK_HIP(hipStreamSynchronize(stream));
      CHECK_HIP(hipMemcpyDtoD(to, const_cast<unsigned*>(from), bytes));
      CHECK_HIP(hipDeviceSynchronize());
  }
}

int main() {
  check::need_two_gpus();
  std::vector<unsigned> expected(check::kCount, 3);
  std::unique_ptr<check::DeviceArray<unsigned>> arrays[2];
  std::unique_ptr<check::Stream> streams[2];
  for (int device = 0; device < 2; device++) {
    arrays[device] = check::made_on<check::DeviceArray<unsigned>>(device, expected);
    streams[device] = check::made_on<check::Stream>(device);
  }
  unsigned term = 0;
  check::Digest digest;
  // Half of the rounds without peer access, half with.
  for (int round = 0; round < 2 * kRounds; round++) {
    if (round == kRounds) check::peers_reach_each_other();
    for (int device = 0; device < 2; device++) {
      const check::OnDevice on(device);
      const hipStream_t stream = streams[device]->get();
      for (int i = 0; i < 3; i++) {
        check::launch_step(arrays[device]->get(), ++term, stream);
        check::step_on_host(expected, term);
      }
      copy(arrays[1 - device]->get(), 1 - device, arrays[device]->get(), device, round, stream);
      CHECK_HIP(hipStreamSynchronize(stream));
    }
    const std::vector<unsigned> now = arrays[0]->read();
    CHECK(now == expected);
    digest.add(now);
  }
  CHECK(arrays[1]->read() == expected);
  digest.print("copies");
  return check::pass();
}
