/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XQueues and hardware queues. Every function is thread-safe, none may be
 * called from a signal handler. A handle that does not exist (any more) is
 * kXSchedErrorNotFound; in a child of fork() everything is
 * kXSchedErrorNotAllowed.
 *
 * Streams that HIP put into one hardware queue share it: it is as urgent as
 * the most urgent of their XQueues, and suspended while any of them is
 * (shim/README.md, streams and hardware queues).
 */
#ifndef XSCHED_XQUEUE_H
#define XSCHED_XQUEUE_H

#include "xsched/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An XQueue for a hardware queue from HipQueueCreate(). If it has one already,
 * that one. `level` is one of XPreemptLevel; kXSchedErrorNotSupported if no
 * engine reaches it, or for any of `flags`.
 */
XSCHED_EXPORT_API XResult XQueueCreate(XQueueHandle* xq, HwQueueHandle hwq, int64_t level,
                                       int64_t flags);
/* Resumes it, waits for what was submitted, and gives back level, window and priority. */
XSCHED_EXPORT_API XResult XQueueDestroy(XQueueHandle xq);
/* The XQueue of a hardware queue. */
XSCHED_EXPORT_API XResult XQueueGet(XQueueHandle* xq, HwQueueHandle hwq);
/* At any time, also while suspended. Not reached: kXSchedErrorNotSupported, nothing changes. */
XSCHED_EXPORT_API XResult XQueueSetPreemptLevel(XQueueHandle xq, XPreemptLevel level);
/*
 * `threshold`: packets in flight at level 1. `batch_size`: at most `threshold`;
 * there are no batches here, each packet passes by itself. 0 or less: as it is.
 */
XSCHED_EXPORT_API XResult XQueueSetLaunchConfig(XQueueHandle xq, int64_t threshold,
                                                int64_t batch_size);
/*
 * Calls the command's callback, on this thread and now: what it gives to HIP
 * stays at the gate while the XQueue is suspended. Returns what it returned.
 * The handle is good for XQueueWait() only from then on.
 */
XSCHED_EXPORT_API XResult XQueueSubmit(XQueueHandle xq, HwCommandHandle hw_cmd);
/* Waits at least for a submitted command; for what was submitted after it too. */
XSCHED_EXPORT_API XResult XQueueWait(XQueueHandle xq, HwCommandHandle hw_cmd);
XSCHED_EXPORT_API XResult XQueueWaitAll(XQueueHandle xq);
/* kQueueStateReady while something submitted has not completed. */
XSCHED_EXPORT_API XResult XQueueQuery(XQueueHandle xq, XQueueState* state);
/*
 * Suspends do not add up. When it returns, no packet enters the hardware queue
 * and the level holds. kQueueSuspendFlagWaitAll and WaitIdle wait first;
 * SyncHwQueue (nothing runs any more) is reached by level 3 only, else
 * kXSchedErrorNotSupported and nothing changes.
 */
XSCHED_EXPORT_API XResult XQueueSuspend(XQueueHandle xq, int64_t flags);
/* kQueueResumeFlagDropCommands is kXSchedErrorNotSupported: HIP would wait for them for ever. */
XSCHED_EXPORT_API XResult XQueueResume(XQueueHandle xq, int64_t flags);
/* Packets that were submitted since XQueueCreate, barriers included. */
XSCHED_EXPORT_API XResult XQueueProfileHwCommandCount(XQueueHandle xq, int64_t* count);

/* kXSchedErrorNotAllowed while it has an XQueue. The stream stays. */
XSCHED_EXPORT_API XResult HwQueueDestroy(HwQueueHandle hwq);
/* Calls the command's callback now and returns what it returned. */
XSCHED_EXPORT_API XResult HwQueueLaunch(HwQueueHandle hwq, HwCommandHandle hw_cmd);
XSCHED_EXPORT_API XResult HwQueueSynchronize(HwQueueHandle hwq);

XSCHED_EXPORT_API XResult HwCommandCreateCallback(HwCommandHandle* hw_cmd, LaunchCallback launch,
                                                  void* data);
XSCHED_EXPORT_API XResult HwCommandDestroy(HwCommandHandle hw_cmd);

#ifdef __cplusplus
}
#endif

#endif /* XSCHED_XQUEUE_H */
