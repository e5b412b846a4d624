// SPDX-License-Identifier: Apache-2.0
//
// Description: two streams of one process with different priorities: the low
// one is suspended, its kernel saved, while the high one is busy, and runs on
// afterwards. The priorities come from XHintPriority (`hint`), from
// hipStreamCreateWithPriority for streams that get XQueues (`created`), or from it
// alone (`stream`, with XSCHED_STREAM_PRIORITY=1).
#include <cstring>

#include "capi_check.h"

__global__ void beat(unsigned* beats, const unsigned* stop) {
  while (__atomic_load_n(stop, __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(beats, *beats + 1, __ATOMIC_RELAXED);
  }
}

struct Beating {
  check::SharedValue<unsigned> beats{0}, stop{0};
  void start(hipStream_t stream) {
    beat<<<1, 1, 0, stream>>>(beats.get(), stop.get());
    CHECK_HIP(hipGetLastError());
    check::wait_until("a kernel runs", [&] { return beats.load() > 0; });
  }
};

static xsched_xqueue of_priority(int priority) {
  for (const xsched_xqueue& queue : check::xqueues()) {
    if (queue.priority == priority) return queue;
  }
  check::fail(__FILE__, __LINE__, "an xqueue's priority", "there is none with it");
}

int main(int argc, char** argv) {
  const bool hint = argc < 2 || std::strcmp(argv[1], "hint") == 0;
  const bool created = argc > 1 && std::strcmp(argv[1], "created") == 0;
  hipStream_t low, high;
  int low_priority = 1, high_priority = 2;
  CHECK_XS(XHintSetScheduler(kSchedulerLocal, kPolicyHighestPriorityFirst));
  if (hint) {
    CHECK_HIP(hipStreamCreateWithFlags(&low, hipStreamNonBlocking));
    CHECK_HIP(hipStreamCreateWithFlags(&high, hipStreamNonBlocking));
  } else {
    int least = 0, greatest = 0;
    CHECK_HIP(hipDeviceGetStreamPriorityRange(&least, &greatest));
    CHECK_HIP(hipStreamCreateWithPriority(&low, hipStreamNonBlocking, least));
    CHECK_HIP(hipStreamCreateWithPriority(&high, hipStreamNonBlocking, greatest));
    low_priority = -1;
    high_priority = 1;
  }
  const hipStream_t streams[] = {low, high};
  for (int i = 0; (hint || created) && i < 2; i++) {
    HwQueueHandle hwq;
    XQueueHandle xq;
    CHECK_XS(HipQueueCreate(&hwq, streams[i]));
    CHECK_XS(XQueueCreate(&xq, hwq, kPreemptLevelInterrupt, kQueueCreateFlagNone));
    CHECK_XS(XQueueSetLaunchConfig(xq, 8, 4));
    if (hint) CHECK_XS(XHintPriority(xq, i == 0 ? low_priority : high_priority));
  }

  Beating slow, urgent;
  slow.start(low);
  CHECK(of_priority(low_priority).suspended == 0);
  urgent.start(high);
  check::wait_until("the low one is suspended",
                    [&] { return of_priority(low_priority).suspended == 1; });
  CHECK(of_priority(high_priority).suspended == 0);
  const unsigned seen = slow.beats.load(), seen_urgent = urgent.beats.load();
  check::wait_until("the high one goes on",
                    [&] { return urgent.beats.load() > seen_urgent + 100; });
  CHECK(slow.beats.load() == seen);

  urgent.stop.store(1);
  CHECK_HIP(hipStreamSynchronize(high));
  check::wait_until("the low one runs again", [&] { return slow.beats.load() > seen; });
  slow.stop.store(1);
  CHECK_HIP(hipStreamSynchronize(low));
  CHECK(of_priority(low_priority).suspends >= 1);
  return check::pass();
}
