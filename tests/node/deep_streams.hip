// SPDX-License-Identifier: Apache-2.0
//
// Description: six streams, each with more work queued behind a kernel that
// waits than a short hardware ring holds: the program is not blocked, and each
// stream keeps its order.
#include <memory>

#include "check.h"

__global__ void wait_for(const unsigned* go) {
  while (__atomic_load_n(go, __ATOMIC_RELAXED) == 0) __builtin_amdgcn_s_sleep(64);
}

__global__ void step(unsigned* value, unsigned term) {
  *value = *value * 5 + term;
}

int main() {
  constexpr unsigned count = 6, rounds = 300;
  check::SharedValue<unsigned> go(0);
  check::DeviceArray<unsigned> values(std::vector<unsigned>(count, 1));
  std::vector<std::unique_ptr<check::Stream>> streams;
  for (unsigned i = 0; i < count; i++) {
    streams.push_back(std::make_unique<check::Stream>(hipStreamNonBlocking));
  }
  for (const auto& stream : streams) wait_for<<<1, 1, 0, stream->get()>>>(go.get());
  for (unsigned round = 0; round < rounds; round++) {
    for (unsigned i = 0; i < count; i++) {
      step<<<1, 1, 0, streams[i]->get()>>>(values.get() + i, round + i);
    }
  }
  CHECK_HIP(hipGetLastError());
  for (const auto& stream : streams) CHECK(hipStreamQuery(stream->get()) == hipErrorNotReady);
  go.store(1);
  for (const auto& stream : streams) stream->wait();
  const std::vector<unsigned> result = values.read();
  for (unsigned i = 0; i < count; i++) {
    unsigned expected = 1;
    for (unsigned round = 0; round < rounds; round++) expected = expected * 5 + round + i;
    CHECK(result[i] == expected);
  }
  check::Digest digest;
  digest.add(result);
  digest.print("values");
  return check::pass();
}
