// SPDX-License-Identifier: Apache-2.0
//
// Description: events of one GPU order streams of the other, in both
// directions and in a ring of streams; times and mistakes across devices.
#include "peer_check.h"
#include "steps.h"

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
  check::wait_for<<<1, 1, 0, streams[0]->get()>>>(flag.get());
  std::vector<unsigned> expected{1};
  for (unsigned round = 0; round < kRounds; round++) {
    const unsigned s = round % kStreams, before = (round + kStreams - 1) % kStreams;
    const check::OnDevice on(static_cast<int>(s) % 2);
    if (round > 0) CHECK_HIP(hipStreamWaitEvent(streams[s]->get(), events[before]->get(), 0));
    check::step<<<1, 1, 0, streams[s]->get()>>>(value->get(), round);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipEventRecord(events[s]->get(), streams[s]->get()));
    check::step_on_host(expected, round);
  }
  CHECK(hipStreamQuery(streams[1]->get()) == hipErrorNotReady);
  CHECK(hipEventQuery(events[1]->get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  CHECK_HIP(hipEventSynchronize(events[(kRounds - 1) % kStreams]->get()));
  CHECK(value->read() == expected);
  std::printf("value %u\n", expected[0]);

  hipDevice_t device = -1;
  CHECK_HIP(hipStreamGetDevice(streams[1]->get(), &device));
  CHECK(device == 1);

  // A stream of the other device is used from here; an event of it is not
  // recorded there.
  check::step<<<1, 1, 0, streams[1]->get()>>>(value->get(), 5);
  check::report("launch into the other's stream", hipGetLastError());
  check::report("record there", hipEventRecord(events[2]->get(), streams[1]->get()));
  const auto first = check::made_on<check::Event>(1), second = check::made_on<check::Event>(1);
  CHECK_HIP(hipEventRecord(first->get(), streams[1]->get()));
  CHECK_HIP(hipEventRecord(second->get(), streams[1]->get()));
  CHECK_HIP(hipEventSynchronize(second->get()));
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime(&ms, first->get(), second->get()));
  CHECK(ms >= 0);
  check::report("elapsed across devices",
                hipEventElapsedTime(&ms, events[2]->get(), second->get()));
  for (int d = 0; d < 2; d++) {
    const check::OnDevice on(d);
    CHECK_HIP(hipDeviceSynchronize());
  }
  std::printf("value %u\n", value->read()[0]);
  return check::pass();
}
