// SPDX-License-Identifier: Apache-2.0
//
// Description: hipStreamAddCallback: called once each, in order, with the
// stream and a status of success, and finished before the stream is.
#include "check.h"

__global__ void add(int* value, int amount) {
  *value += amount;
}

struct Calls {
  hipStream_t stream;
  const int* shared;
  std::vector<int> seen;
  bool bad = false;
};

static void on_stream(hipStream_t stream, hipError_t status, void* argument) {
  auto* calls = static_cast<Calls*>(argument);
  calls->bad |= stream != calls->stream || status != hipSuccess;
  calls->seen.push_back(__atomic_load_n(calls->shared, __ATOMIC_ACQUIRE));
}

int main() {
  check::Stream stream;
  check::SharedValue<int> value(0);
  Calls calls = {stream.get(), value.get(), {}, false};
  for (int round = 0; round < 10; round++) {
    add<<<1, 1, 0, stream.get()>>>(value.get(), 1);
    CHECK_HIP(hipGetLastError());
    CHECK_HIP(hipStreamAddCallback(stream.get(), on_stream, &calls, 0));
  }
  stream.wait();
  CHECK(!calls.bad);
  CHECK(calls.seen.size() == 10);
  for (int i = 0; i < 10; i++) CHECK(calls.seen[i] == i + 1);
  std::printf("calls %zu\n", calls.seen.size());
  return check::pass();
}
