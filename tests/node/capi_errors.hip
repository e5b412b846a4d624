// SPDX-License-Identifier: Apache-2.0
//
// Description: what the XSched C API refuses, and with which result.
#include <sys/wait.h>
#include <unistd.h>

#include "capi_check.h"

static XResult answer(HwQueueHandle, void* data) {
  return *static_cast<XResult*>(data);
}

static void handles(HwQueueHandle hwq, XQueueHandle xq) {
  const XQueueHandle none = 0x123456;
  XQueueHandle out = 0;
  XQueueState state;
  int64_t count;
  CHECK_RESULT(HipQueueCreate(nullptr, nullptr), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueCreate(nullptr, hwq, 1, 0), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueCreate(&out, none, 1, 0), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueGet(nullptr, hwq), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueGet(&out, none), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueDestroy(none), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueSuspend(none, 0), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueResume(none, 0), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueWaitAll(none), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueQuery(none, &state), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueQuery(xq, nullptr), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueProfileHwCommandCount(none, &count), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueProfileHwCommandCount(xq, nullptr), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueSetPreemptLevel(none, kPreemptLevelBlock), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueSetLaunchConfig(none, 4, 2), kXSchedErrorNotFound);
  CHECK_RESULT(HwQueueDestroy(none), kXSchedErrorNotFound);
  CHECK_RESULT(HwQueueDestroy(hwq), kXSchedErrorNotAllowed);  // has an XQueue
  CHECK_RESULT(HwQueueSynchronize(none), kXSchedErrorNotFound);
  CHECK_RESULT(XHintPriority(none, 1), kXSchedErrorNotFound);
  // A second XQueue on one hardware queue is the first one.
  CHECK_XS(XQueueCreate(&out, hwq, 1, 0));
  CHECK(out == xq);
  CHECK_XS(XQueueGet(&out, hwq));
  CHECK(out == xq);
}

static void values(HwQueueHandle hwq, XQueueHandle xq) {
  XQueueHandle out = 0;
  CHECK_RESULT(XQueueCreate(&out, hwq, kPreemptLevelUnknown, 0), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueCreate(&out, hwq, kPreemptLevelMax, 0), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueCreate(&out, hwq, 1, kQueueCreateFlagBlockingSubmit),
               kXSchedErrorNotSupported);
  CHECK_RESULT(XQueueSetPreemptLevel(xq, kPreemptLevelMax), kXSchedErrorInvalidValue);
  CHECK_XS(XQueueSetLaunchConfig(xq, 0, 0));  // as they are
  CHECK_XS(XQueueSetLaunchConfig(xq, 8, 8));
  CHECK_RESULT(XQueueSetLaunchConfig(xq, 2, 4), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueSetLaunchConfig(xq, 65537, 1), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueSuspend(xq, 0x100), kXSchedErrorInvalidValue);
  CHECK_RESULT(XQueueResume(xq, kQueueResumeFlagDropCommands), kXSchedErrorNotSupported);
  CHECK_RESULT(XQueueResume(xq, 0x100), kXSchedErrorInvalidValue);
  CHECK_XS(XQueueSetPreemptLevel(xq, kPreemptLevelBlock));
  CHECK_RESULT(XQueueSuspend(xq, kQueueSuspendFlagSyncHwQueue), kXSchedErrorNotSupported);
  CHECK(check::xqueues().at(0).suspended == 0);
  CHECK_XS(XQueueSuspend(xq, kQueueSuspendFlagWaitAll));
  CHECK_XS(XQueueResume(xq, 0));
  CHECK_XS(XQueueSuspend(xq, kQueueSuspendFlagWaitIdle));
  CHECK_XS(XQueueResume(xq, 0));
}

static void hints(XQueueHandle xq) {
  CHECK_RESULT(XHintPriority(xq, 256), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintPriority(xq, -257), kXSchedErrorInvalidValue);
  CHECK_XS(XHintPriority(xq, PRIORITY_NO_EXECUTE));
  CHECK(check::xqueues().at(0).suspended == 1);
  CHECK_XS(XHintPriority(xq, PRIORITY_MAX));
  CHECK(check::xqueues().at(0).suspended == 0);
  CHECK(check::xqueues().at(0).priority == PRIORITY_MAX);
  const XQueueHandle none = 0x123456;
  CHECK_XS(XHintUtilization(xq, 50));  // HPF does not use it: kept
  CHECK_RESULT(XHintUtilization(xq, 101), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintUtilization(xq, -1), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintUtilization(none, 50), kXSchedErrorNotFound);
  CHECK_XS(XHintTimeslice(TIMESLICE_DEFAULT));
  CHECK_RESULT(XHintTimeslice(1), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintTimeslice(TIMESLICE_MAX + 1), kXSchedErrorInvalidValue);
  CHECK_XS(XHintLaxity(xq, 100, 0, 1));
  CHECK_XS(XHintLaxity(xq, NO_LAXITY, 0, 1));
  CHECK_XS(XHintLaxity(xq, INT64_MAX, 0, 1));
  CHECK_RESULT(XHintLaxity(xq, -2, 0, 1), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintLaxity(xq, 100, PRIORITY_NO_EXECUTE, 1), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintLaxity(xq, 100, 0, 256), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintLaxity(none, 100, 0, 1), kXSchedErrorNotFound);
  CHECK_XS(XHintDeadline(xq, 100));
  CHECK_XS(XHintDeadline(xq, NO_DEADLINE));
  CHECK_XS(XHintDeadline(xq, INT64_MAX));
  CHECK_RESULT(XHintDeadline(xq, -2), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintDeadline(none, 100), kXSchedErrorNotFound);
  CHECK_XS(XHintKDeadline(2));
  CHECK_RESULT(XHintKDeadline(0), kXSchedErrorInvalidValue);
  // Too late: there are queues. What it is already is no change.
  CHECK_RESULT(XHintSetScheduler(kSchedulerGlobal, kPolicyUnknown), kXSchedErrorNotAllowed);
  CHECK_XS(XHintSetScheduler(kSchedulerLocal, kPolicyHighestPriorityFirst));
}

static void commands(HwQueueHandle hwq, XQueueHandle xq) {
  HwCommandHandle command = 0;
  XResult result = kXSchedErrorBadResponse;
  CHECK_RESULT(HwCommandCreateCallback(nullptr, answer, &result), kXSchedErrorInvalidValue);
  CHECK_RESULT(HwCommandCreateCallback(&command, nullptr, &result), kXSchedErrorInvalidValue);
  CHECK_XS(HwCommandCreateCallback(&command, answer, &result));
  CHECK_RESULT(XQueueWait(xq, command), kXSchedErrorNotAllowed);  // would wait for ever
  CHECK_RESULT(XQueueSubmit(xq, command), kXSchedErrorBadResponse);
  CHECK_RESULT(XQueueSubmit(xq, command), kXSchedErrorNotFound);
  CHECK_XS(XQueueWait(xq, command));
  CHECK_RESULT(XQueueWait(xq, command + 1), kXSchedErrorNotFound);
  CHECK_XS(HwCommandCreateCallback(&command, answer, &result));
  CHECK_RESULT(HwQueueLaunch(hwq, command), kXSchedErrorBadResponse);
  CHECK_XS(HwCommandCreateCallback(&command, answer, &result));
  CHECK_XS(HwCommandDestroy(command));
  CHECK_RESULT(HwCommandDestroy(command), kXSchedErrorNotFound);
  CHECK_RESULT(XQueueWait(xq, command), kXSchedErrorNotFound);
}

static void capture() {
  hipStream_t stream;
  CHECK_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  CHECK_HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeThreadLocal));
  HwQueueHandle hwq = 0;
  CHECK_RESULT(HipQueueCreate(&hwq, stream), kXSchedErrorNotAllowed);
  hipGraph_t graph;
  CHECK_HIP(hipStreamEndCapture(stream, &graph));
  size_t nodes = 1;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  CHECK(nodes == 0);
  CHECK_HIP(hipGraphDestroy(graph));
  CHECK_HIP(hipStreamDestroy(stream));
}

static void forked(XQueueHandle xq) {
  const pid_t child = fork();
  if (child == 0) _exit(XQueueSuspend(xq, 0) == kXSchedErrorNotAllowed ? 0 : 1);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main() {
  CHECK_RESULT(XHintSetScheduler(kSchedulerUnknown, kPolicyUnknown), kXSchedErrorInvalidValue);
  CHECK_RESULT(XHintSetScheduler(kSchedulerLocal, kPolicyUnknown), kXSchedErrorInvalidValue);
  CHECK_XS(XHintSetScheduler(kSchedulerLocal, kPolicyHighestPriorityFirst));
  hipStream_t stream;
  CHECK_HIP(hipStreamCreate(&stream));
  HwQueueHandle hwq = 0, again = 0;
  CHECK_XS(HipQueueCreate(&hwq, stream));
  CHECK_XS(HipQueueCreate(&again, stream));
  CHECK(hwq == again);
  XQueueHandle xq = 0;
  CHECK_XS(XQueueCreate(&xq, hwq, kPreemptLevelBlock, kQueueCreateFlagNone));
  handles(hwq, xq);
  values(hwq, xq);
  hints(xq);
  commands(hwq, xq);
  capture();
  forked(xq);
  // The stream first: what stands on it can still be taken down.
  CHECK_HIP(hipStreamDestroy(stream));
  CHECK_XS(XQueueDestroy(xq));
  CHECK_RESULT(XQueueDestroy(xq), kXSchedErrorNotFound);
  CHECK_XS(HwQueueDestroy(hwq));
  CHECK(check::xqueues().at(0).priority == 0);
  return check::pass();
}
