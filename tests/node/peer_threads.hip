// SPDX-License-Identifier: Apache-2.0
//
// Description: a thread a GPU, each with that device's null stream, its
// per-thread stream and streams of its own, all at once; work held up on one
// GPU holds nothing up on the other; a reset of one leaves the other alone.
#include <thread>

#include "peer_check.h"
#include "steps.h"

constexpr unsigned kRounds = 60;

static void work(int device) {
  CHECK_HIP(hipSetDevice(device));
  const check::Stream own;
  std::vector<unsigned> expected(check::kCount, 1u + device);
  check::DeviceArray<unsigned> values(expected);
  const hipStream_t streams[] = {nullptr, hipStreamPerThread, own.get()};
  for (unsigned round = 0; round < kRounds; round++) {
    const hipStream_t stream = streams[round % 3];
    check::launch_step(values.get(), round, stream);
    check::step_on_host(expected, round);
    // The null stream orders the others by itself, but not they each other.
    if (round % 3 == 1) CHECK_HIP(hipStreamSynchronize(stream));
  }
  CHECK_HIP(hipDeviceSynchronize());
  CHECK(values.read() == expected);
}

int main() {
  check::need_two_gpus();
  std::thread left(work, 0), right(work, 1);
  left.join();
  right.join();

  // The second GPU's null stream and its synchronisation do not wait for the first.
  check::SharedValue<int> flag(0);
  check::wait_for<<<1, 1>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  std::thread(work, 1).join();
  CHECK(hipStreamQuery(nullptr) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  CHECK_HIP(hipDeviceSynchronize());

  const std::vector<unsigned> nines(check::kCount, 9);
  const check::DeviceArray<unsigned> kept(nines);
  {
    const check::OnDevice on(1);
    CHECK_HIP(hipDeviceReset());
  }
  CHECK(kept.read() == nines);
  work(1);
  return check::pass();
}
