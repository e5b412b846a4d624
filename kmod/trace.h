/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: events/xsched/{xsched_suspend,xsched_resume,xsched_lease_expired}. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xsched

#if !defined(XS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define XS_TRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(xsched_queue,
	TP_PROTO(u64 handle, u32 gpu_id, s32 status, u64 ns),
	TP_ARGS(handle, gpu_id, status, ns),
	TP_STRUCT__entry(
		__field(u64, handle)
		__field(u64, ns)
		__field(u32, gpu_id)
		__field(s32, status)
	),
	TP_fast_assign(
		__entry->handle = handle;
		__entry->ns = ns;
		__entry->gpu_id = gpu_id;
		__entry->status = status;
	),
	TP_printk("handle=%llu gpu_id=%u status=%d ns=%llu", __entry->handle, __entry->gpu_id,
		  __entry->status, __entry->ns)
);

DEFINE_EVENT(xsched_queue, xsched_suspend,
	TP_PROTO(u64 handle, u32 gpu_id, s32 status, u64 ns),
	TP_ARGS(handle, gpu_id, status, ns)
);

DEFINE_EVENT(xsched_queue, xsched_resume,
	TP_PROTO(u64 handle, u32 gpu_id, s32 status, u64 ns),
	TP_ARGS(handle, gpu_id, status, ns)
);

DEFINE_EVENT(xsched_queue, xsched_lease_expired,
	TP_PROTO(u64 handle, u32 gpu_id, s32 status, u64 ns),
	TP_ARGS(handle, gpu_id, status, ns)
);

#endif /* XS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
