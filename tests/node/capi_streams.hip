// SPDX-License-Identifier: Apache-2.0
//
// Description: which streams have an XQueue of their own. The default stream
// and hipStreamPerThread have handles; of 12 streams as many have their own
// XQueue as HIP has hardware queues (the argument); those that share one have
// the more urgent one's priority and are suspended together.
#include <cstdlib>
#include <set>

#include "capi_check.h"

__global__ void add(unsigned* value) {
  *value += 1;
}

struct Launch {
  hipStream_t stream;
  unsigned* value;
};

static XResult launch(HwQueueHandle, void* data) {
  const auto* work = static_cast<Launch*>(data);
  add<<<1, 1, 0, work->stream>>>(work->value);
  return hipGetLastError() == hipSuccess ? kXSchedSuccess : kXSchedErrorHardware;
}

// Suspends what `stream` is known by, gives it a command, and resumes.
static void holds(hipStream_t stream) {
  HwQueueHandle hwq = 0;
  XQueueHandle xq = 0;
  CHECK_XS(HipQueueCreate(&hwq, stream));
  CHECK(hwq != 0);
  CHECK_XS(XQueueCreate(&xq, hwq, kPreemptLevelInterrupt, kQueueCreateFlagNone));
  check::SharedValue<unsigned> value(0);
  Launch work{stream, value.get()};
  HwCommandHandle command = 0;
  CHECK_XS(HwCommandCreateCallback(&command, launch, &work));
  CHECK_XS(XQueueSuspend(xq, 0));
  CHECK_XS(XQueueSubmit(xq, command));
  CHECK(hipStreamQuery(stream) == hipErrorNotReady);
  CHECK(value.load() == 0);
  CHECK_XS(XQueueResume(xq, 0));
  CHECK_XS(XQueueWait(xq, command));
  CHECK(value.load() == 1);
  CHECK_XS(XQueueDestroy(xq));
  CHECK_XS(HwQueueDestroy(hwq));
}

// Waited for: the scheduler may suspend some, too, until it has seen that what
// HipQueueCreate gave to the streams is done.
static void expect_suspended(size_t want) {
  check::wait_until("so many xqueues are suspended", [&] {
    size_t count = 0;
    for (const xsched_xqueue& queue : check::xqueues()) count += queue.suspended;
    return count == want;
  });
}

int main(int argc, char** argv) {
  const size_t own = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4;
  constexpr size_t kStreams = 12;
  CHECK_XS(XHintSetScheduler(kSchedulerLocal, kPolicyHighestPriorityFirst));
  std::vector<hipStream_t> streams(kStreams);
  std::vector<XQueueHandle> xqs(kStreams);
  for (size_t i = 0; i < kStreams; i++) {
    CHECK_HIP(hipStreamCreateWithFlags(&streams[i], hipStreamNonBlocking));
    HwQueueHandle hwq;
    CHECK_XS(HipQueueCreate(&hwq, streams[i]));
    CHECK_XS(XQueueCreate(&xqs[i], hwq, kPreemptLevelInterrupt, kQueueCreateFlagNone));
  }
  CHECK(check::xqueues().size() == std::min(own, kStreams));

  // A priority each; a shared XQueue has the highest of its streams.
  for (size_t i = 0; i < kStreams; i++) CHECK_XS(XHintPriority(xqs[i], static_cast<int>(i) + 1));
  std::set<int> priorities;
  for (const xsched_xqueue& queue : check::xqueues()) priorities.insert(queue.priority);
  CHECK(priorities.size() == check::xqueues().size());
  CHECK(*priorities.rbegin() == kStreams);
  if (own < kStreams) CHECK(*priorities.begin() > 1);

  CHECK_XS(XQueueSuspend(xqs[0], 0));
  expect_suspended(1);
  for (size_t i = 0; i < kStreams; i++) CHECK_XS(XQueueSuspend(xqs[i], 0));
  expect_suspended(std::min(own, kStreams));
  CHECK_XS(XQueueResume(xqs[0], 0));
  expect_suspended(own < kStreams ? own : kStreams - 1);
  for (size_t i = 0; i < kStreams; i++) CHECK_XS(XQueueResume(xqs[i], 0));
  expect_suspended(0);
  for (size_t i = 0; i < kStreams; i++) CHECK_XS(XQueueDestroy(xqs[i]));
  for (const xsched_xqueue& queue : check::xqueues()) CHECK(queue.priority == 0);

  holds(nullptr);
  holds(hipStreamPerThread);
  std::thread([] { holds(hipStreamPerThread); }).join();
  return check::pass();
}
