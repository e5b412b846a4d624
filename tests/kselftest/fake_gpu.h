/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What xsched_fake_gpu.ko and its test say to each other through /dev/xs_fake_gpu. */
#ifndef XS_FAKE_GPU_H
#define XS_FAKE_GPU_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define XS_FAKE_NAME "xs_fake_gpu"

/* The node and its queues: ids 0 and 1, running, as KFD would have made them. */
#define XS_FAKE_GPU_ID 0x1234
#define XS_FAKE_QUEUES 2
#define XS_FAKE_RING(i) (0x7f0000000000ULL + (i) * 0x100000ULL)
#define XS_FAKE_RING_SIZE 0x10000
#define XS_FAKE_PRIORITY 7

struct xs_fake_queue {
	__u32 active, suspended, evicted, fresh; /* bits of struct queue_properties */
	__u32 percent, priority;
	__u32 updates; /* times that KFD had its MQD written */
	__u32 ring_users; /* queue_refcount of the ring's mapping */
};

struct xs_fake_state {
	struct xs_fake_queue queue[XS_FAKE_QUEUES];
	__u32 evicted; /* times that KFD holds the process evicted */
	__u32 active; /* KFD's own count of the node's active queues */
	__u32 vm_locked; /* somebody is in XS_FAKE_LOCK_VM */
};

struct xs_fake_debug {
	__u32 ids[XS_FAKE_QUEUES]; /* as KFD leaves them */
	__s32 ret;
};

#define XS_FAKE_FAULT_GPU_RESET 1 /* evictions meet a GPU reset: -EIO */
#define XS_FAKE_FAULT_QUEUE_RESET 2 /* a queue was reset: updates are -EACCES */

/* Hangs the node on this process's KFD process; arg: its /dev/kfd. Until close. */
#define XS_FAKE_ATTACH _IO('F', 1)
/* These concern whatever is attached: ENODEV if nothing is. */
#define XS_FAKE_STATE _IOR('F', 2, struct xs_fake_state)
#define XS_FAKE_SUSPEND_QUEUES _IOR('F', 3, struct xs_fake_debug)
#define XS_FAKE_RESUME_QUEUES _IOR('F', 4, struct xs_fake_debug)
#define XS_FAKE_QUERY_EVENTS _IO('F', 5) /* clears EC_QUEUE_NEW */
#define XS_FAKE_FAULT _IO('F', 6) /* arg: XS_FAKE_FAULT_* */
#define XS_FAKE_LOCK_VM _IO('F', 7) /* until a signal */

#endif /* XS_FAKE_GPU_H */
