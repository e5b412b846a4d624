// SPDX-License-Identifier: Apache-2.0
//
// Description: a program for upstream's API. At each level, with two streams of
// one process: the suspended one makes no progress while the other one runs to
// its end, also its running kernel at level 3; after a resume all results are
// right, and waiting and querying say so. The argument is the highest level tried.
#include <cstdlib>

#include "capi_check.h"

constexpr unsigned kSteps = 40;

__global__ void step(unsigned* value) {
  *value = *value * 5 + 1;
}

// Beats until it is told to stop.
__global__ void beat(unsigned* beats, const unsigned* stop) {
  while (__atomic_load_n(stop, __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(beats, *beats + 1, __ATOMIC_RELAXED);
  }
}

static unsigned after(unsigned steps) {
  unsigned value = 1;
  for (unsigned i = 0; i < steps; i++) value = value * 5 + 1;
  return value;
}

struct Side {
  explicit Side(int64_t level) {
    CHECK_HIP(hipStreamCreate(&stream));
    CHECK_XS(HipQueueCreate(&hwq, stream));
    CHECK_XS(XQueueCreate(&xq, hwq, level, kQueueCreateFlagNone));
    CHECK_XS(XQueueSetLaunchConfig(xq, 4, 2));
    CHECK_XS(XHintPriority(xq, PRIORITY_DEFAULT));
  }
  ~Side() {
    CHECK_XS(XQueueDestroy(xq));
    CHECK_XS(HwQueueDestroy(hwq));
    CHECK_HIP(hipStreamDestroy(stream));
  }
  void launch() {
    for (unsigned i = 0; i < kSteps; i++) step<<<1, 1, 0, stream>>>(value.get());
    CHECK_HIP(hipGetLastError());
  }
  hipStream_t stream = nullptr;
  HwQueueHandle hwq = 0;
  XQueueHandle xq = 0;
  check::SharedValue<unsigned> value{1};
};

static void submitted_while_suspended(int64_t level) {
  Side held(level), free(level);
  int64_t before = 0, now = 0;
  CHECK_XS(XQueueProfileHwCommandCount(held.xq, &before));
  CHECK_XS(XQueueSuspend(held.xq, kQueueSuspendFlagNone));
  CHECK_XS(XQueueSuspend(held.xq, kQueueSuspendFlagNone));  // does not add up
  held.launch();
  free.launch();
  CHECK_XS(XQueueWaitAll(free.xq));
  CHECK(free.value.load() == after(kSteps));
  CHECK(held.value.load() == 1);
  XQueueState state = kQueueStateUnknown;
  CHECK_XS(XQueueQuery(held.xq, &state));
  CHECK(state == kQueueStateReady);
  CHECK_XS(XQueueProfileHwCommandCount(held.xq, &now));
  CHECK(now - before >= kSteps);

  CHECK_XS(XQueueResume(held.xq, kQueueResumeFlagNone));
  CHECK_XS(XQueueWaitAll(held.xq));
  CHECK(held.value.load() == after(kSteps));
  CHECK_XS(XQueueQuery(held.xq, &state));
  CHECK(state == kQueueStateIdle);
}

// At most `bound` steps of work that was under way when the suspend came.
static void suspended_under_way(int64_t level, unsigned bound) {
  Side held(level), free(level);
  check::SharedValue<unsigned> beats{0}, stop{0};
  beat<<<1, 1, 0, held.stream>>>(beats.get(), stop.get());
  held.launch();
  check::wait_until("the first kernel runs", [&] { return beats.load() > 0; });
  CHECK_XS(XQueueSuspend(held.xq, level == 3 ? kQueueSuspendFlagSyncHwQueue : 0));
  if (level == 3) {
    const unsigned seen = beats.load();
    free.launch();
    CHECK_XS(HwQueueSynchronize(free.hwq));
    CHECK(beats.load() == seen);  // saved, and off the GPU
  }
  stop.store(1);
  free.launch();
  CHECK_HIP(hipStreamSynchronize(free.stream));
  unsigned done = 0;
  while (done <= kSteps && held.value.load() != after(done)) done++;
  CHECK(done <= bound);
  CHECK_XS(XQueueResume(held.xq, kQueueResumeFlagNone));
  CHECK_XS(XQueueWaitAll(held.xq));
  CHECK(held.value.load() == after(kSteps));
}

int main(int argc, char** argv) {
  const int64_t most = argc > 1 ? std::atoi(argv[1]) : kPreemptLevelInterrupt;
  const unsigned bound[] = {0, 4, 1, 0};
  for (int64_t level = kPreemptLevelBlock; level <= most; level++) {
    submitted_while_suspended(level);
    suspended_under_way(level, bound[level]);
  }
  return check::pass();
}
