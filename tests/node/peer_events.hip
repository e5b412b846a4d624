// SPDX-License-Identifier: Apache-2.0
//
// Description: events of one GPU order streams of the other, in both
// directions and in a ring of streams; times and mistakes across devices.
#include "peer_check.h"

// Not commutative: a kernel that comes too early shows.
__global__ void step(unsigned* value, unsigned term) {
  *value = *value * 1664525u + term;
}

__global__ void wait_for(const int* flag) {
  while (__hip_atomic_load(flag, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM) == 0)
    __builtin_amdgcn_s_sleep(8);
}

int main() {
  check::need_two_gpus();
  check::peers_reach_each_other();
  constexpr int kStreams = 4;
  constexpr unsigned kRounds = 60;
  std::unique_ptr<check::Stream> streams[kStreams];
  std::unique_ptr<check::Event> events[kStreams];
  for (int s = 0; s < kStreams; s++) {
    streams[s] = check::made_on<check::Stream>(s % 2, hipStreamNonBlocking);
    events[s] = check::made_on<check::Event>(s % 2, s < 2 ? hipEventDisableTiming : 0u);
  }
  const auto value = check::made_on<check::DeviceArray<unsigned>>(0, std::vector<unsigned>{1});

  // Nothing of the ring may run before the first GPU's kernel sees the flag.
  check::SharedValue<int> flag(0);
  wait_for<<<1, 1, 0, streams[0]->get()>>>(flag.get());
  unsigned expected = 1;
  for (unsigned round = 0; round < kRounds; round++) {
    const unsigned s = round % kStreams, before = (round + kStreams - 1) % kStreams;
    const check::OnDevice on(static_cast<int>(s) % 2);
    if (round > 0) CHECK_HIP(hipStreamWaitEvent(streams[s]->get(), events[before]->get(), 0));
    step<<<1, 1, 0, streams[s]->get()>>>(value->get(), round);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(events[s]->get(), streams[s]->get()));
    expected = expected * 1664525u + round;
  }
  CHECK(hipStreamQuery(streams[1]->get()) == hipErrorNotReady);
  CHECK(hipEventQuery(events[1]->get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  CHECK_HIP(hipEventSynchronize(events[(kRounds - 1) % kStreams]->get()));
  CHECK(value->read()[0] == expected);
  std::printf("value %u\n", expected);

  hipDevice_t device = -1;
  CHECK_HIP(hipStreamGetDevice(streams[1]->get(), &device));
  CHECK(device == 1);

  // A stream of the other device is used from here; an event of it is not
  // recorded there.
  step<<<1, 1, 0, streams[1]->get()>>>(value->get(), 5);
  std::printf("launch into the other's stream: %s\n", hipGetErrorName(hipGetLastError()));
  std::printf("record there: %s\n",
              hipGetErrorName(hipEventRecord(events[2]->get(), streams[1]->get())));
  (void)hipGetLastError();
  const auto first = check::made_on<check::Event>(1), second = check::made_on<check::Event>(1);
  CHECK_HIP(hipEventRecord(first->get(), streams[1]->get()));
  CHECK_HIP(hipEventRecord(second->get(), streams[1]->get()));
  CHECK_HIP(hipEventSynchronize(second->get()));
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime(&ms, first->get(), second->get()));
  CHECK(ms >= 0);
  std::printf("elapsed across devices: %s\n",
              hipGetErrorName(hipEventElapsedTime(&ms, events[2]->get(), second->get())));
  for (int d = 0; d < 2; d++) {
    const check::OnDevice on(d);
    CHECK_HIP(hipDeviceSynchronize());
  }
  std::printf("value %u\n", value->read()[0]);
  return check::pass();
}
