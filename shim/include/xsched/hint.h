/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints to the scheduler. One that cannot be honoured is
 * kXSchedErrorNotSupported, never silently dropped.
 */
#ifndef XSCHED_HINT_H
#define XSCHED_HINT_H

#include "xsched/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who schedules this process; `policy` is for kSchedulerLocal. Before the
 * first queue is created (any HIP work makes one); later
 * kXSchedErrorNotAllowed, unless nothing would change. kSchedulerAppManaged:
 * only XQueueSuspend() and XQueueResume() decide, priorities are not allowed.
 */
XSCHED_EXPORT_API XResult XHintSetScheduler(XSchedulerType scheduler, XPolicyType policy);
/* PRIORITY_MIN..PRIORITY_MAX, or PRIORITY_NO_EXECUTE. */
XSCHED_EXPORT_API XResult XHintPriority(XQueueHandle xq, Priority prio);
/* These do not reach the scheduler: kXSchedErrorNotSupported. */
XSCHED_EXPORT_API XResult XHintUtilization(XQueueHandle xq, Utilization util);
XSCHED_EXPORT_API XResult XHintTimeslice(Timeslice ts_us);
XSCHED_EXPORT_API XResult XHintLaxity(XQueueHandle xq, Laxity lax_us, Priority lax_prio,
                                      Priority crit_prio);
XSCHED_EXPORT_API XResult XHintDeadline(XQueueHandle xq, Deadline ddl_us);
XSCHED_EXPORT_API XResult XHintKDeadline(size_t k);

#ifdef __cplusplus
}
#endif

#endif /* XSCHED_HINT_H */
