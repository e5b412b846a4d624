// SPDX-License-Identifier: Apache-2.0
//
// Description: an event is not ready while the kernel before it runs and
// ready afterwards; so is its stream; an event never recorded is ready.
#include "steps.h"

int main() {
  check::SharedValue<int> flag(0);
  check::Stream stream;
  check::Event event, unused;
  CHECK(hipEventQuery(unused.get()) == hipSuccess);
  check::wait_for<<<1, 64, 0, stream.get()>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipEventRecord(event.get(), stream.get()));
  CHECK(hipEventQuery(event.get()) == hipErrorNotReady);
  CHECK(hipStreamQuery(stream.get()) == hipErrorNotReady);
  std::printf("not ready\n");
  flag.store(1);
  CHECK_HIP(hipEventSynchronize(event.get()));
  CHECK_HIP(hipEventQuery(event.get()));
  CHECK_HIP(hipStreamQuery(stream.get()));
  std::printf("ready\n");
  return check::pass();
}
