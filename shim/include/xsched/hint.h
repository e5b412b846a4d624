/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints to the scheduler. One that the policy in force does not use is kept for
 * the day that it is changed: which policy uses what is said below. A value out
 * of its range is kXSchedErrorInvalidValue. Under kSchedulerAppManaged, and in a
 * child of fork(), all are kXSchedErrorNotAllowed.
 *
 * Under xschedd the administrator's word goes first: a rule's priority, share or
 * latency budget replaces the hint's.
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
/*
 * UP: the share of this XQueue, in percent, beside those of the others on its
 * GPU; without a hint it has 100. PUP, SPUP: the share of the whole process, which
 * is the last one hinted.
 */
XSCHED_EXPORT_API XResult XHintUtilization(XQueueHandle xq, Utilization util);
/*
 * UP, PUP, SPUP, CFS: how long a turn is. It is the scheduler's own, so it counts
 * while this process schedules itself; kXSchedErrorNotAllowed while xschedd does,
 * whose administrator chooses it (timeslice_us). If xschedd comes later, the
 * log says that it no longer counts.
 */
XSCHED_EXPORT_API XResult XHintTimeslice(Timeslice ts_us);
/*
 * LAX: for lax_us after it became ready the XQueue can wait and has the priority
 * lax_prio; from then on it has crit_prio. NO_LAXITY: it cannot wait. An XQueue
 * without this hint has its priority. Not PRIORITY_NO_EXECUTE.
 */
XSCHED_EXPORT_API XResult XHintLaxity(XQueueHandle xq, Laxity lax_us, Priority lax_prio,
                                      Priority crit_prio);
/* KEDF: the deadline is ddl_us after it became ready. NO_DEADLINE: none. */
XSCHED_EXPORT_API XResult XHintDeadline(XQueueHandle xq, Deadline ddl_us);
/* KEDF: how many run at once on a GPU. As XHintTimeslice(); xschedd's is `concurrency`. */
XSCHED_EXPORT_API XResult XHintKDeadline(size_t k);

#ifdef __cplusplus
}
#endif

#endif /* XSCHED_HINT_H */
